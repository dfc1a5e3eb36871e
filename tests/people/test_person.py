"""What keypoints tell about a person: which way they face, whether they sit, what the frame cuts off; and crops."""

import numpy as np
import pytest

from threedsl.body.joints import COCO_FLIP
from threedsl.people import FoundPerson, crop_box, whole_picture
from threedsl.people.person import facing, notes_of, trunk_length

# Somebody who stands and faces the camera, in a photo of 200 x 400: their left is on the right of the picture.
FRONT = np.array(
    [
        [100, 50], [105, 45], [95, 45], [112, 48], [88, 48], [125, 90], [75, 90], [132, 140], [68, 140],
        [135, 185], [65, 185], [115, 190], [85, 190], [115, 270], [85, 270], [115, 350], [85, 350],
    ],
    float,
)  # fmt: skip
SIZE = (400, 200)


def seen(points, hidden=()):
    confidence = np.full((17, 1), 0.9)
    confidence[list(hidden)] = 0.05
    return np.hstack([points, confidence]).astype(np.float32)


def tight(points):
    return (
        points[:, 0].min() - 10,
        points[:, 1].min() - 25,
        points[:, 0].max() + 10,
        points[:, 1].max() + 20,
    )


def test_front_and_back():
    assert facing(seen(FRONT)) == "front"
    # From behind, left and right change places; the face is hidden.
    assert facing(seen(FRONT[list(COCO_FLIP)], hidden=(0, 1, 2))) == "back"


def turned(towards: int) -> np.ndarray:
    """Seen from the side, looking to the picture's right (1) or left (-1)."""
    points = FRONT.copy()
    points[:, 0] = 100 + (points[:, 0] - 100) * 0.1
    points[0, 0], points[1:3, 0] = 100 + 18 * towards, 100 + 14 * towards
    return points


@pytest.mark.parametrize("towards, name, hidden_ear", [(1, "right", 3), (-1, "left", 4)])
def test_sides(towards, name, hidden_ear):
    """Whoever looks to the picture's right shows the right side of the body, so that the left ear is hidden."""
    assert facing(seen(turned(towards))) == name
    assert facing(seen(turned(towards), hidden=(hidden_ear,))) == name
    # Without nose and eyes the ear that is seen tells the same.
    assert facing(seen(turned(towards), hidden=(0, 1, 2, hidden_ear))) == name


def test_a_whole_body_has_no_notes():
    assert notes_of(seen(FRONT), tight(FRONT), SIZE) == ()
    person = FoundPerson(tight(FRONT), seen(FRONT), 0.8)
    assert person.warning() == "" and person.to_dict()["facing"] == "front"


def test_somebody_who_sits():
    points = FRONT.copy()
    points[13:15, 1], points[15:, 1] = 205, 290  # thighs towards the camera
    assert notes_of(seen(points), tight(points), SIZE) == ("seated",)
    points[13] = FRONT[13]  # one knee raised only: climbing stairs
    assert notes_of(seen(points), tight(points), SIZE) == ()


def test_a_half_body_and_one_cut_off():
    half = notes_of(seen(FRONT, hidden=(13, 14, 15, 16)), (55, 25, 145, 240), (240, 200))
    assert half == ("half",)
    cut = notes_of(seen(FRONT, hidden=(15, 16)), (55, 25, 145, 300), (300, 200))
    assert cut == ("cut",)
    warned = FoundPerson((55, 25, 145, 300), seen(FRONT), 0.8, ("cut", "small")).warning()
    assert warned == (
        "The photo's edge cuts the person off and the person is less than 96 pixels high, so the shape of the body "
        "is a guess."
    )


def test_somebody_small():
    points = FRONT * 0.2
    assert notes_of(seen(points), (11, 5, 29, 75), SIZE) == ("small",)


def test_the_trunk_is_measured_from_whatever_is_seen():
    assert trunk_length(seen(FRONT)) == pytest.approx(100)
    assert trunk_length(seen(FRONT, hidden=(5, 11))) == pytest.approx(np.hypot(10, 100))
    assert trunk_length(seen(FRONT, hidden=(11, 12))) == pytest.approx(70)
    assert trunk_length(seen(FRONT, hidden=range(17))) == 0


def test_crops_are_twice_as_tall_as_wide_and_padded_where_the_photo_ends():
    image = np.random.default_rng(0).integers(0, 255, (400, 400, 3), dtype=np.uint8)
    box = crop_box(np.array([100.0, 100, 140, 300]), 1.0, (400, 400))
    assert (box.x0, box.y0, box.x1, box.y1, box.beyond) == (63, 86, 177, 314, (0, 0, 0, 0))
    assert np.shares_memory(box.crop(image), image)

    edge = crop_box(np.array([0.0, 0, 40, 200]), 1.0, (400, 400))
    assert (edge.x0, edge.y0, edge.x1, edge.y1, edge.beyond) == (0, 0, 77, 214, (37, 14, 0, 0))
    crop = edge.crop(image)
    assert crop.shape == (228, 114, 3) and (crop[14:, 37:] == image[:214, :77]).all()
    assert (crop[14:, :37] == image[:214, :1]).all() and (crop[:14, 37:] == image[:1, :77]).all()


def test_wide_poses_keep_their_proportions():
    """Arms spread: the crop grows instead of being squeezed, a tenth of the hands may be outside, as in training."""
    box = crop_box(np.array([100.0, 100, 320, 320]), 1.0, (1000, 1000))
    assert box.width == pytest.approx(220 / 1.1, abs=1) and box.height == pytest.approx(400, abs=1)


@pytest.mark.parametrize(
    "person", [(-50, -50, -10, -10), (500, 500, 510, 520), (3, 3, 3, 3), (0, 0, 400, 400)]
)
def test_crops_always_hold_pixels_of_the_photo(person):
    image = np.zeros((400, 400, 3), np.uint8)
    box = crop_box(np.array(person, float), 1.0, image.shape[:2])
    assert 0 <= box.x0 < box.x1 <= 400 and 0 <= box.y0 < box.y1 <= 400
    assert min(box.crop(image).shape) >= 1
    assert whole_picture(image).crop(image) is not None
