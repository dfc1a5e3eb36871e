"""People are found where a person sees them: the boxes below were drawn by eye on the openpeople photos."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from benchmarks.bodies.frozen import load as frozen_bodies
from benchmarks.photos.cases import OUTDOOR
from threedsl.body.coco import may_be_back
from threedsl.body.joints import COCO_FLIP
from threedsl.data.images import load_image
from threedsl.gallery.demo import openpeople_folder
from threedsl.people import FoundPerson, choose, find_people, query_box, whole_picture
from threedsl.people.finder import (
    FOR_LARGE,
    _pass,
    look,
    merge,
    on_their_sides,
    prepare,
    similarity,
)


@pytest.fixture(scope="module")
def photos():
    """The ten outdoor photos, 800 pixels high."""
    people = {}
    for name in OUTDOOR:
        image = load_image(openpeople_folder() / name / "assets" / "amateur_posture.jpg")
        people[name] = cv2.resize(image, (537, 800), interpolation=cv2.INTER_AREA)
    return people


def overlap(first, second) -> float:
    """Intersection over union by counting pixels."""
    canvas = np.zeros((2, 1500, 3000), bool)
    for layer, box in zip(canvas, (first, second), strict=True):
        x0, y0, x1, y1 = (round(float(value)) for value in box)
        layer[y0:y1, x0:x1] = True
    return (canvas[0] & canvas[1]).sum() / (canvas[0] | canvas[1]).sum()


def truth(name: str, width: int, height: int) -> np.ndarray:
    return np.array(OUTDOOR[name]) * [width, height, width, height]


@pytest.mark.parametrize("name", OUTDOOR)
def test_outdoor_people_are_found_whole_and_alone(name, photos):
    (person,) = find_people(photos[name])
    assert overlap(person.box, truth(name, 537, 800)) > 0.75
    assert person.notes == () and person.warning() == "" and person.facing == "front"
    assert (person.keypoints[:, 2] > 0.25).all() and person.score > 0.6


@pytest.mark.parametrize("name", OUTDOOR)
def test_crops_hold_head_and_feet(name, photos):
    choice = choose(photos[name])
    x0, y0, x1, y1 = truth(name, 537, 800)
    box, slack = choice.box, 12
    assert box.y0 <= y0 + slack and box.y1 >= y1 - slack and not box.whole
    assert box.x0 <= x0 + slack and box.x1 >= x1 - slack
    crop = box.crop(photos[name])
    assert abs(crop.shape[0] / crop.shape[1] - 2) < 0.02


@pytest.mark.slow
def test_ten_people_in_one_picture(photos):
    """Two rows of five photos: everybody is found, and nobody else."""
    pictures = [cv2.resize(photo, (268, 400), interpolation=cv2.INTER_AREA) for photo in photos.values()]
    scene = np.vstack([np.hstack(pictures[:5]), np.hstack(pictures[5:])])
    people = find_people(scene)
    assert len(people) == 10
    for place, name in enumerate(OUTDOOR):
        corner = np.array([place % 5 * 268, place // 5 * 400] * 2)
        person = truth(name, 268, 400) + corner
        assert max(overlap(person, one.box) for one in people) > 0.7


def test_small_people_are_found(photos):
    scene = np.full((720, 1280, 3), 120, np.uint8)
    for place, name in enumerate(("P002", "P008", "P010")):
        scene[300:500, 200 + 300 * place : 334 + 300 * place] = cv2.resize(photos[name], (134, 200))
    assert len(find_people(scene)) == 3


@pytest.mark.slow
def test_nobody():
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    assert find_people(noise) == [] and find_people(np.zeros((300, 400, 3), np.uint8)) == []
    box, people = query_box(noise)
    assert box == whole_picture(noise) and people == 0
    assert choose(noise).person is None and choose(noise).count == 0


@pytest.mark.parametrize("share, notes", [(0.82, ("cut",)), (0.45, ("half",)), (0.3, ("half",))])
def test_people_cut_by_the_frame_are_said_to_be(share, notes, photos):
    """The photo ends below the knees, at the hips, or at the chest."""
    for name in ("P002", "P003", "P007", "P010"):
        _, y0, _, y1 = truth(name, 537, 800)
        part = photos[name][: round(y0 + (y1 - y0) * share)]
        person = find_people(part)[0]
        assert person.notes == notes, name
        assert person.warning().endswith(", so the shape of the body is a guess.")


def test_small_people_are_said_to_be_small(photos):
    scene = np.full((400, 700, 3), 120, np.uint8)
    scene[150:250, 300:367] = cv2.resize(photos["P002"], (67, 100), interpolation=cv2.INTER_AREA)
    (person,) = find_people(scene)
    assert "small" in person.notes


def test_the_person_in_the_middle_is_meant_not_the_more_certain_one(photos):
    """In a crop, a passer-by at the edge is as tall and scores higher than the one in the middle, who is blurred."""
    crop = np.full((800, 900, 3), 110, np.uint8)
    middle = cv2.GaussianBlur(photos["P002"], (0, 0), 6)[:, 120:420]
    crop[:, 300:600] = middle
    crop[:, 600:900] = photos["P010"][:, 120:420]
    people = find_people(crop)
    assert len(people) == 2
    assert people[0].score < people[1].score
    assert 300 < (people[0].box[0] + people[0].box[2]) / 2 < 600
    box = choose(crop).box
    assert 300 < (box.x0 + box.x1) / 2 < 600


def test_a_crop_is_taken_whole(photos):
    crop = choose(photos["P010"]).box.crop(photos["P010"])
    for height in (128, 256, 700):
        small = cv2.resize(crop, (height // 2, height), interpolation=cv2.INTER_AREA)
        assert query_box(small) == (whole_picture(small), 1)
        choice = choose(small)
        assert choice.box.whole and choice.crop and choice.person is not None
        assert (choice.person.keypoints[:, 2] > 0.25).sum() >= 12


def test_a_small_upright_picture_is_a_crop_whoever_is_found():
    grey = np.full((128, 64, 3), 127, np.uint8)
    choice = choose(grey)
    assert choice.box == whole_picture(grey) and choice.count == 1 and choice.person is None


def test_a_tall_photo_with_a_smaller_person_is_cut(photos):
    scene = np.full((1400, 700, 3), 90, np.uint8)
    scene[500:1100, 150:553] = cv2.resize(photos["P002"], (403, 600))
    box, people = query_box(scene)
    assert people == 1 and not box.whole and 480 < box.y0 < 620 and box.height < 640


@pytest.mark.slow
def test_extreme_shapes_do_not_fail():
    for shape in ((16, 2000, 3), (2000, 16, 3), (16, 16, 3), (421, 100, 3)):
        find_people(np.full(shape, 127, np.uint8))


@pytest.mark.parametrize("size", [(480, 640), (2000, 1342), (16, 2000), (77, 33)])
def test_keypoints_come_back_to_where_they_were(size):
    """A bright square is found in the network's input and brought back to the picture's own pixels."""
    height, width = size
    image = np.zeros((height, width, 3), np.uint8)
    y, x = round(0.75 * height), round(0.25 * width)
    reach = max(1, height // 40), max(1, width // 40)
    image[y - reach[0] : y + reach[0], x - reach[1] : x + reach[1]] = 255
    for side, border in ((192, 1 / 6), (320, 0.0)):
        canvas, corner, zoom = prepare(image, side, border)
        assert canvas.shape[0] % 32 == 0 and canvas.shape[1] % 32 == 0
        weights = canvas[..., 0].astype(float)
        rows, columns = np.indices(weights.shape)
        middle = np.array([(columns * weights).sum(), (rows * weights).sum()]) / weights.sum() + 0.5
        np.testing.assert_allclose((middle - corner) / zoom, [x, y], atol=1.2 / zoom.min())


BACKS = (76, 111)  # of the frozen test set's half for tuning: seen from behind, and taken for fronts at first


@pytest.mark.parametrize("row", BACKS)
def test_a_back_is_told_from_a_front_by_a_look_from_further_away(row):
    picture = np.ascontiguousarray(frozen_bodies().half(odd=False).pictures[row])
    first = max(_pass(picture, *FOR_LARGE, picture.shape[:2]), key=lambda person: person.score)
    assert may_be_back(first.keypoints), "without a second look it would say nothing"
    assert [person.facing for person in look(picture, *FOR_LARGE)] == ["back"]


def test_sides_change_places_where_the_other_look_says_so():
    """Only then, and only of somebody who hardly shows a face."""
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.uniform(20, 180, (17, 2)), np.full((17, 1), 0.8)], 1).astype(np.float32)
    points[[5, 6, 11, 12], 0] = [150, 50, 140, 60]
    points[:5, 2] = 0.4
    person = FoundPerson((0, 0, 200, 200), points, 0.8)
    flipped = replace(person, keypoints=points[list(COCO_FLIP)])
    assert may_be_back(points) and not may_be_back(flipped.keypoints)
    assert not may_be_back(np.maximum(points, [0, 0, 0.7]))
    for again, sides in (([], person), ([person], person), ([flipped], flipped), ([person, flipped], person)):
        turned = on_their_sides(person, again, (200, 200))
        assert np.array_equal(turned.keypoints, sides.keypoints)


def person_at(x: float, score: float = 0.8) -> FoundPerson:
    points = np.ones((17, 3), np.float32) * [x, 0, 0.9]
    points[:, 1] = np.linspace(10, 190, 17)
    return FoundPerson((x - 40, 0, x + 40, 200), points.astype(np.float32), score)


def test_the_same_person_twice_is_one_and_neighbours_are_two():
    first, again, neighbour = person_at(100, 0.5), person_at(104, 0.7), person_at(190)
    assert similarity(first, first) == 1
    assert merge([first, again, neighbour]) == [neighbour, again]
    assert merge([]) == []


def test_similarity_is_cocos():
    """Keypoint evaluation of COCO by hand: one keypoint moved by d, 16 not."""
    first, second = person_at(100), person_at(100)
    second.keypoints[9, 0] += 30  # left wrist, sigma 0.062
    expected = (16 + np.exp(-(30**2) / (2 * (80 * 200) * (2 * 0.062) ** 2))) / 17
    assert similarity(first, second) == pytest.approx(expected, rel=1e-5)
