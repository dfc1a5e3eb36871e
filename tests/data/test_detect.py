"""People are found where a person sees them: the boxes below were drawn by eye on the openpeople photos."""

import cv2
import numpy as np
import pytest

from threedsl.data.detect import Box, crop_box, find_people, merge_hits, query_box, whole_picture
from threedsl.data.images import load_image
from threedsl.demo import openpeople_folder

# Head to feet, hand to hand, as shares of the photo's width and height: x0, y0, x1, y1.
OUTDOOR = {
    "P001": (0.27, 0.06, 0.77, 0.96),
    "P002": (0.32, 0.095, 0.70, 0.96),
    "P003": (0.33, 0.08, 0.69, 0.97),
    "P004": (0.32, 0.205, 0.785, 0.967),
    "P005": (0.25, 0.03, 0.69, 0.976),
    "P006": (0.305, 0.055, 0.71, 0.98),
    "P007": (0.32, 0.13, 0.685, 0.97),
    "P008": (0.29, 0.03, 0.725, 0.99),
    "P009": (0.285, 0.03, 0.70, 0.98),
    "P010": (0.32, 0.10, 0.685, 0.965),
}


@pytest.fixture(scope="module")
def photos():
    """The ten outdoor photos, 800 pixels high."""
    people = {}
    for name in OUTDOOR:
        image = load_image(openpeople_folder() / name / "assets" / "amateur_posture.jpg")
        people[name] = cv2.resize(image, (537, 800), interpolation=cv2.INTER_AREA)
    return people


def overlap(first: Box, second: Box) -> float:
    """Intersection over union by counting pixels."""
    canvas = np.zeros((2, 3000, 6000), bool)
    for layer, box in zip(canvas, (first, second), strict=True):
        layer[box.y0 : box.y1, box.x0 : box.x1] = True
    return (canvas[0] & canvas[1]).sum() / (canvas[0] | canvas[1]).sum()


def truth(name: str, width: int, height: int) -> np.ndarray:
    return np.array(OUTDOOR[name]) * [width, height, width, height]


@pytest.mark.parametrize("name", OUTDOOR)
def test_outdoor_people_are_found_and_hardly_cut(name, photos):
    photo = photos[name]
    height, width = photo.shape[:2]
    boxes = find_people(photo)
    person = truth(name, width, height)
    assert overlap(boxes[0], crop_box(person, 1.0, (height, width))) > 0.75
    x0, y0, x1, y1 = person
    slack = 0.02 * height
    assert boxes[0].y0 <= y0 + slack and boxes[0].y1 >= y1 - slack
    assert boxes[0].x0 <= x0 + slack and boxes[0].x1 >= x1 - slack
    assert not boxes[0].whole
    assert len(boxes) == 1


def test_ten_people_in_one_picture(photos):
    """Two rows of five photos: everybody is found, and nobody else."""
    pictures = [cv2.resize(photo, (268, 400), interpolation=cv2.INTER_AREA) for photo in photos.values()]
    scene = np.vstack([np.hstack(pictures[:5]), np.hstack(pictures[5:])])
    boxes = find_people(scene)
    assert len(boxes) == 10
    for place, name in enumerate(OUTDOOR):
        corner = np.array([place % 5 * 268, place // 5 * 400] * 2)
        person = crop_box(truth(name, 268, 400) + corner, 1.0, scene.shape[:2])
        assert max(overlap(person, box) for box in boxes) > 0.7


def test_small_people_are_found_by_the_second_pass(photos):
    scene = np.full((720, 1280, 3), 120, np.uint8)
    for place, name in enumerate(("P002", "P008", "P010")):
        scene[300:500, 200 + 300 * place : 334 + 300 * place] = cv2.resize(photos[name], (134, 200))
    assert len(find_people(scene)) == 3


def test_nobody():
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    assert find_people(noise) == [] and find_people(np.zeros((300, 400, 3), np.uint8)) == []
    box, people = query_box(noise)
    assert box == Box(0, 0, 640, 480, 1.0, True) and people == 0


def test_a_crop_is_taken_whole(photos):
    crop = find_people(photos["P010"])[0].crop(photos["P010"])
    for height in (128, 256, 700):
        small = cv2.resize(crop, (height // 2, height))
        assert find_people(small) == [whole_picture(small)]
        assert query_box(small) == (whole_picture(small), 1)


def test_a_tall_photo_with_a_smaller_person_is_cut(photos):
    scene = np.full((1400, 700, 3), 90, np.uint8)
    scene[500:1100, 150:553] = cv2.resize(photos["P002"], (403, 600))
    (box,) = find_people(scene)
    assert not box.whole and 480 < box.y0 < 620 and box.height < 640


def test_extreme_shapes_do_not_fail():
    for shape in ((16, 2000, 3), (2000, 16, 3), (16, 16, 3), (421, 100, 3)):
        find_people(np.full(shape, 127, np.uint8))


def test_merging_averages_close_windows_and_drops_the_rest():
    hits = np.array(
        [
            [100, 100, 140, 200, 2.0],
            [104, 104, 144, 204, 2.0],
            [96, 96, 136, 196, 2.0],
            [110, 120, 130, 170, 1.0],  # inside the person: a leg, dropped
            [500, 100, 540, 200, 3.0],  # one lonely window, not believed
            [700, 100, 740, 200, 0.2],
        ]
    )
    people = merge_hits(hits)
    assert people.shape == (1, 5)
    assert np.allclose(people[0, :4], [100, 100, 140, 200])
    assert merge_hits(np.zeros((0, 5))).shape == (0, 5)


def test_crops_are_twice_as_tall_as_wide_and_stay_inside():
    box = crop_box(np.array([100.0, 100, 140, 300]), 1.0, (400, 400))
    assert (box.x0, box.y0, box.x1, box.y1) == (63, 86, 177, 314)  # margins of 14 above and below
    edge = crop_box(np.array([-20.0, -20, 30, 100]), 1.0, (90, 25))
    assert (edge.x0, edge.y0, edge.x1, edge.y1) == (0, 0, 25, 90)
