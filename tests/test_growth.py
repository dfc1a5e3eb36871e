"""Curves of cost: their slopes against known powers, every point really measured, and the plot readable."""

import json
import xml.etree.ElementTree as ET
from argparse import Namespace

import numpy as np
import pytest

from benchmarks.growth import command
from benchmarks.growth.plot import draw
from benchmarks.growth.slopes import at, exponent, slope


def test_slopes_of_known_curves():
    sizes = np.array([10, 100, 1000, 5000])
    assert slope(sizes, 7 + 3 * sizes) == pytest.approx(3)
    assert exponent(sizes, 2 * sizes**1.5) == pytest.approx(1.5)
    assert at(10**6, sizes, 2 * sizes**1.5) == pytest.approx(2 * 10**9)


def test_the_estimate_follows_the_two_largest_galleries():
    curve = {"sizes": [10**4, 10**5, 10**6], "build s": [1, 2, 20], "query ms": [3, 3, 30]}
    curve |= {"disk bytes": [3e7, 3e8, 3e9], "memory bytes": [1e8, 1e8, 1e8]}
    (row,) = [line for line in command.estimate({"ivfpq": curve}).splitlines() if "ivfpq" in line]
    assert [cell.strip() for cell in row.split("|")[1:-1]] == [
        "ivfpq",
        "n^1.00",
        "3.0",
        "0.6, n^1.00",
        "3,000",
        "0.30",
    ]


@pytest.mark.slow
def test_every_point_is_measured_and_drawn(tmp_path):
    args = Namespace(sizes=[700, 1500], kinds=["flat", "ivfpq"], batches=[2], megapixels=[0.1, 9])
    curves = command.measured(args, tmp_path)
    pq, flat = curves["gallery"]["ivfpq"], curves["gallery"]["flat"]
    assert pq["sizes"] == [700, 1500] and min(pq["build s"]) > 0 and min(pq["query ms"]) > 0
    assert pq["disk bytes"][1] > flat["disk bytes"][1] > 2 * flat["disk bytes"][0], "codes and descriptors"
    assert set(curves["batch"]) == {"torch", "onnx"}
    reading = curves["photo"]["JPEG"]
    assert (
        reading["ms"][1] > reading["ms"][0] and 1e8 < reading["memory bytes"][0] < reading["memory bytes"][1]
    )
    text = command.report(json.loads(json.dumps(curves)))
    assert "| 1,500    | ivfpq" in text and "needs galleries of 1,000,000" in text
    draw(curves, tmp_path / "growth.svg")
    words = {element.text for element in ET.parse(tmp_path / "growth.svg").iter() if element.text}
    assert {"ms a query", "GB on disk", "ivfpq", "megapixels of a photo"} <= {word.strip() for word in words}


def test_a_point_that_cannot_be_measured_ends_in_a_sentence(tmp_path):
    with pytest.raises(SystemExit, match=r"photo .* could not be measured"):
        command.point("photo", tmp_path / "missing.jpg")
