"""Keypoints are handed on as shares of a crop and in pixels of the network's input."""

import numpy as np
import pytest

from threedsl.data.images import load_image
from threedsl.data.listfile import read_list
from threedsl.gallery.demo import SYNTHETIC
from threedsl.people import Box, FoundPerson
from threedsl.people.keypoints import in_pixels, seen_in_each, seen_in_photo

POINTS = np.tile(np.array([60.0, 120.0, 0.9], np.float32), (17, 1))


@pytest.mark.parametrize(("size", "seen"), [((300, 200), True), ((1000, 700), False)])
def test_keypoints_of_someone_small_are_looked_for_in_the_crop(size, seen):
    person = FoundPerson((10, 20, 110, 220), POINTS, 0.9)
    points = seen_in_photo(person, Box(10, 20, 110, 220), size)
    assert (points is not None) == seen
    if seen:
        assert points == pytest.approx(np.tile([0.5, 0.5, 0.9], (17, 1)), abs=1e-6)


def test_only_unknown_keypoints_are_looked_for():
    crop = load_image(read_list(SYNTHETIC / "gallery.txt")[0].path)
    empty = np.full((256, 128, 3), 128, np.uint8)
    found, none, known = seen_in_each([crop, empty, empty], [None, None, POINTS])
    assert none is None and known is POINTS
    nose, ankles = found[0], found[15:]
    assert nose[1] < 0.25 and (ankles[:, 1] > 0.75).all() and (ankles[:, 1] < 1.1).all()
    large = np.repeat(np.repeat(crop, 2, 0), 2, 1)
    assert seen_in_each([large])[0][:, :2] == pytest.approx(found[:, :2], abs=0.05)


def test_shares_become_pixels_of_the_input():
    assert in_pixels([None, np.array([[0.5, 0.25, 0.9]])], (256, 128))[0] is None
    (pixels,) = in_pixels([np.array([[0.5, 0.25, 0.9]])], (256, 128))
    assert pixels.tolist() == [[64, 64, 0.9]]
