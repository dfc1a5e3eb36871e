"""Everybody in a photo, found here or in boxes of another detector."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.bodies.frozen import load
from threedsl.body.coco import torso_lengths
from threedsl.errors import InputError
from threedsl.people import FoundPerson, choose, find_people, given
from threedsl.people.crops import Box
from threedsl.people.finder import keypoints_in
from threedsl.people.given import check_boxes, everybody, overlap

SIZE = (480, 640)
BOXES = [[10, 20, 110, 220], [300, 40, 380, 400]]


@pytest.mark.parametrize("boxes", [BOXES, np.float32(BOXES), SimpleNamespace(xyxy=np.array(BOXES))])
def test_boxes_come_as_lists_arrays_and_detections(boxes):
    assert check_boxes(boxes, SIZE).tolist() == BOXES


def test_no_boxes_are_no_people_and_parts_beyond_the_photo_are_cut_off():
    assert check_boxes([], SIZE).shape == (0, 4)
    assert check_boxes([[-5, 1, 700, 900]], SIZE).tolist() == [[0, 1, 640, 480]]
    assert everybody(np.zeros((*SIZE, 3), np.uint8), []) == []


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ([1, 2, 3, 4], r"\(N, 4\).*shape \(4,\)"),
        ([[1, 2, 3]], r"shape \(1, 3\)"),
        ("boxes", r"\(N, 4\)"),
        ([[1, 2, 3], [4]], r"\(N, 4\)"),
        ([[0, 0, np.nan, 9]], "finite"),
        ([[0, 0, 50, 50], [50, 10, 40, 20]], r"box 1 \[50.0, 10.0, 40.0, 20.0\]"),
        ([[650, 0, 700, 100]], "640 x 480"),
        (np.ones((1000, 4)), "1000 boxes"),
    ],
)
def test_what_is_no_box_is_named(boxes, words):
    with pytest.raises(InputError, match=words):
        check_boxes(boxes, SIZE)


def test_overlap_of_boxes():
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (10, 0, 20, 10)) == 0


def test_points_go_into_a_crop_and_back():
    """A crop of 100 x 200 pixels that reaches 20 beyond the left edge and 10 beyond the top, resized to 64 x 128."""
    box = Box(0, 0, 80, 190, beyond=(20, 10, 0, 0))
    points = np.array([[-20.0, -10, 0.5], [80, 190, 0.9], [30, 90, 1]])
    inside = box.to_crop(points, (128, 64))
    np.testing.assert_allclose(inside, [[0, 0, 0.5], [64, 128, 0.9], [32, 64, 1]])
    np.testing.assert_allclose(box.from_crop(inside, (128, 64)), points)


def test_the_picture_inside_a_crop():
    box = Box(0, 0, 80, 190, beyond=(20, 10, 0, 0))
    assert box.inside((200, 100)) == (slice(10, 200), slice(20, 100))
    assert box.inside((400, 50)) == (slice(20, 400), slice(10, 50))
    assert Box(3, 4, 30, 40).inside((64, 32)) == (slice(0, 64), slice(0, 32))


HARD = 115  # of the frozen set's even half: somebody bends, whom the finder hardly sees


def test_whoever_fills_a_crop_has_keypoints_even_where_the_finder_is_unsure():
    frozen = load().half(odd=False)
    crop = np.ascontiguousarray(frozen.pictures[HARD])
    assert find_people(crop) == []
    (somebody,) = everybody(crop)
    assert somebody.box == (0, 0, crop.shape[1], crop.shape[0])
    truth = frozen.keypoints[HARD] * [crop.shape[1] / 128, crop.shape[0] / 256, 1]
    seen = truth[:, 2] >= 0.6
    apart = np.linalg.norm(somebody.person.keypoints[seen, :2] - truth[seen, :2], axis=1)
    assert np.median(apart) < 0.2 * torso_lengths(truth[None])[0]
    choice = choose(crop)
    assert choice.count == 1 and choice.warning == "" and keypoints_in(crop) is not None


def test_an_unsure_find_counts_in_a_given_box_alone_and_after_a_certain_one(monkeypatch):
    def person(box, score):
        return FoundPerson(box, np.full((17, 3), 0.9, np.float32), score)

    found = [
        person((100, 20, 140, 220), 0.9),
        person((20, 20, 90, 210), 0.25),
        person((15, 10, 95, 150), 0.5),
    ]
    monkeypatch.setattr(given, "candidates", lambda image: found)
    monkeypatch.setattr(given, "find_people", lambda image: [])
    picture = np.zeros((240, 200, 3), np.uint8)
    for count, score in ((3, 0.5), (2, 0.25), (1, None)):
        del found[count:]
        (somebody,) = everybody(picture, [[20, 20, 90, 210]])
        assert (somebody.person and somebody.person.score) == score
