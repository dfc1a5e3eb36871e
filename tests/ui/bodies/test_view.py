"""The table of a body's measures."""

from threedsl.ui.bodies.view import measures_table


def test_measures_show_numbers_and_names():
    html = measures_table({"leg_length": 0.478, "hips": 0.2})
    assert "leg length" in html and "0.48" in html and "width:100%" in html


def test_measures_cannot_carry_html():
    assert "<script" not in measures_table({"<script>": 0.5})
