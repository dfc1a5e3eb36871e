"""A photo and the people in it: boxes of the API, and who can be chosen."""

import cv2
import numpy as np
import pytest

from threedsl.data.images import load_image
from threedsl.errors import InputError
from threedsl.people import Box, find_people
from threedsl.ui.search.notices import notice
from threedsl.ui.search.photo import check_box, read_photo


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ([1, 2, 3], "four numbers"),
        ("1,2,3,4", "four numbers"),
        ({"x0": 1}, "four numbers"),
        ([0, 0, None, 50], "four numbers"),
        ([0, 0, float("nan"), 50], "four numbers"),
        ([0, 0, True, 50], "four numbers"),
        ([50, 0, 20, 50], "is not inside"),
        ([-1, 0, 20, 50], "is not inside"),
        ([0, 0, 101, 50], "is not inside"),
        ([0, 0, 10, 50], "too small"),
    ],
)
def test_boxes_that_are_none(box, words):
    with pytest.raises(InputError, match=words):
        check_box(box, width=100, height=60)


@pytest.mark.slow
def test_a_box_is_cut_from_the_upright_photo(tmp_path):
    photo = np.zeros((60, 100, 3), np.uint8)
    photo[20:50, 30:50] = 255
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), photo)
    photo = read_photo(path, [30, 20, 50, 50])
    person = photo.area
    assert person.box == (30, 20, 50, 50) and photo.size == (100, 60)
    assert person.crop.shape == (30, 20, 3) and person.crop.min() == 255


def test_nobody_in_the_photo_means_the_whole_picture(tmp_path):
    path = tmp_path / "sky.png"
    cv2.imwrite(str(path), np.full((300, 500, 3), 200, np.uint8))
    photo = read_photo(path)
    assert [(person.whole, person.box) for person in photo.people] == [(True, (0, 0, 500, 300))]
    assert "No person was found" in notice(photo, photo.people[0])


@pytest.mark.parametrize(
    ("size", "expected"),  # height, width
    [((900, 600), (640, 427)), ((900, 800), (540, 480)), ((32, 1900), (16, 950)), ((100, 80), (100, 80))],
)
def test_the_whole_picture_is_large_enough_and_no_larger(tmp_path, size, expected):
    path = tmp_path / "colours.png"
    rows, columns = np.mgrid[: size[0], : size[1]]
    picture = np.dstack([255 * rows // size[0], 255 * columns // size[1], np.full(size, 90)]).astype(np.uint8)
    cv2.imwrite(str(path), picture)
    photo = read_photo(path)
    crop = photo.people[-1].crop
    averaged = cv2.resize(picture[..., ::-1], expected[::-1], interpolation=cv2.INTER_AREA)
    assert crop.shape[:2] == expected and np.abs(crop.astype(int) - averaged).max() <= 4
    view = cv2.imdecode(np.frombuffer(photo.view, np.uint8), cv2.IMREAD_COLOR)
    assert max(view.shape) == min(640, max(size))


def test_people_come_before_the_whole_picture(outdoor_photo):
    photo = read_photo(outdoor_photo)
    assert [person.whole for person in photo.people] == [False, True]
    x0, y0, x1, y1 = photo.people[0].box
    assert (y1 - y0) > 0.5 * photo.size[1] and abs((x0 + x1) / 2 - photo.size[0] / 2) < 0.2 * photo.size[0]
    assert all(person.crop.shape[0] <= 640 and person.crop.shape[1] <= 480 for person in photo.people)


def test_what_is_shown_of_a_person_ends_where_the_photo_does(tmp_path, outdoor_photo):
    image = cv2.imread(str(outdoor_photo))
    cv2.imwrite(str(tmp_path / "half.png"), image[:1100])  # down to the hips
    person = read_photo(tmp_path / "half.png").people[0]
    assert person.beyond[3] > 50, "the crop reaches below the photo"
    rows, _ = person.inside
    left = person.crop[rows.stop + 1 :]
    assert len(left) and (left == left[:1]).all(), "what is not shown is the photo's last row, repeated"
    whole = person.box[3] - person.box[1] + person.beyond[1] + person.beyond[3]
    share = 1 - (person.beyond[1] + person.beyond[3]) / whole
    assert person.shown.shape[0] == pytest.approx(share * len(person.crop), abs=1)


@pytest.mark.slow
def test_a_person_carries_the_keypoints_seen_in_the_whole_photo(outdoor_photo, tmp_path):
    """Those of the finder, as shares of the crop; of someone small in a photo they are looked for in the crop."""
    person = read_photo(outdoor_photo).people[0]
    points = Box(*person.box, beyond=person.beyond).from_crop(person.keypoints, (1, 1))
    (found,) = find_people(load_image(outdoor_photo))
    np.testing.assert_allclose(points, found.keypoints, atol=0.01)
    wide = np.full((1000, 3000, 3), 128, np.uint8)
    wide[300:898, 1200:1600] = cv2.resize(cv2.imread(str(outdoor_photo)), (400, 598))
    cv2.imwrite(str(tmp_path / "wide.png"), wide)
    small = read_photo(tmp_path / "wide.png").people[0]
    assert not small.whole and small.keypoints is None
