"""Legend and numbers of two bodies."""

from threedsl.body.comparison import HEAT
from threedsl.ui.compare.view import legend, signed


def test_the_legend_has_the_colours_of_the_bodies():
    html = legend()
    assert all(f"rgb{colour}" in html for _, colour in HEAT) and "170 cm" in html


def test_signs_are_kept_where_they_mean_something():
    assert [signed(value) for value in (1.26, -1.26, 0.04, -0.04)] == ["+1.3", "−1.3", "0.0", "0.0"]
