"""Line charts."""

import re

from tests.ui.evidence.parts import Parts
from threedsl.ui.evidence import chart


def test_a_long_curve_is_drawn_whole_and_told_in_short():
    points = tuple((k, k / 50) for k in range(1, 51))
    html = chart.line_chart("CMC, protocol p", "k", [chart.Line("both", "combined", points)])
    drawn = Parts(html)
    assert len(drawn.attributes["polyline"][0]["points"].split()) == 50
    assert drawn.attributes["svg"][0]["aria-label"].count(" at ") == 4
    ticks = re.findall(r'text-anchor="middle">(\d+)<', html)
    assert ticks == ["1", *map(str, range(5, 51, 5))], "round ranks below the curve"


def test_lines_at_one_place_have_marks_that_do_not_hide_each_other():
    points = ((1, 0.5), (5, 0.7))
    lines = [chart.Line(name, name, points) for name in ("appearance", "shape", "combined")]
    drawn = Parts(chart.line_chart("t", "k", lines)).attributes
    assert {mark.get("class") for mark in drawn["circle"]} == {"ring"}
    assert min(float(mark["r"]) for mark in drawn["circle"]) > 5 * 2**0.5 - 1, "around the square"
    assert len({line["points"] for line in drawn["polyline"]}) == 1
