"""Keypoints and masks by the people finder, GrabCut and a stand-in for MediaPipe."""

import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.data.tools import HEIGHT, WIDTH
from tests.pictures import person_like
from threedsl.annotations import builtin
from threedsl.annotations.dataset import open_dataset
from threedsl.data.images import load_image
from threedsl.data.keypoints import read_alphapose
from threedsl.data.layout import mask_path, pose_id
from threedsl.gallery.demo import openpeople_folder
from threedsl.people.mask import person_mask


@pytest.mark.parametrize("size", [(40, 90), (300, 500), (77, 60)])
def test_what_the_model_finds_is_brought_back_to_the_picture(size):
    """A model that marks the white square finds it where it is, however the picture was enlarged and bordered."""
    width, height = size
    picture = np.zeros((height, width, 3), np.uint8)
    picture[height // 2 : height // 2 + 12, width // 4 : width // 4 + 10] = 255

    def process(image):
        return SimpleNamespace(segmentation_mask=image[..., 0] / np.float32(255))

    mask = builtin.Segmenter(SimpleNamespace(process=process))(picture)
    assert mask.shape == (height, width) and (mask != picture[..., 0]).mean() < 0.01


def test_masks_without_mediapipe_are_one_sentence(annotate, monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    code, out, err = annotate("--builtin", "--masks", "mediapipe")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "pip install -r train/requirements-mediapipe.txt" in err
    assert (Path(__file__).parents[2] / "train" / "requirements-mediapipe.txt").is_file()


def test_masks_belong_to_builtin(annotate):
    code, _, err = annotate("--masks", "grabcut", "--preview", "sheet.png")
    assert code == 2 and "--masks requires --builtin" in err


def test_keypoints_and_mask_of_a_person_known_to_the_pixel():
    """A studio photo before plain grey, whose outline the colour alone gives."""
    photo = load_image(openpeople_folder() / "P002" / "assets" / "studio_posture.jpg")
    photo = cv2.resize(photo, (446, 800), interpolation=cv2.INTER_AREA)
    points, mask = builtin.Estimator()(photo)
    lab = cv2.cvtColor(photo, cv2.COLOR_RGB2LAB).astype(float)
    ground = np.linspace(0, 1, 446)[None, :, None]
    ground = lab[:, :20].mean(1, keepdims=True) * (1 - ground) + lab[:, -20:].mean(1, keepdims=True) * ground
    known = np.abs(lab - ground).sum(2) > 30
    both, either = ((mask > 0) & known).sum(), ((mask > 0) | known).sum()
    assert both / either > 0.8
    assert known[points[:, 1].astype(int), points[:, 0].astype(int)].sum() >= 16
    assert set(np.unique(mask)) == {0, 255} and mask.shape == photo.shape[:2]


@pytest.mark.slow
def test_no_person_gives_no_mask():
    assert builtin.Estimator()(np.full((600, 500, 3), 127, np.uint8)) is None
    assert not person_mask(np.full((60, 50, 3), 127, np.uint8), np.zeros((17, 3))).any()


class FindsOnly:
    """A finder that sees a person in one kind of picture only, each joint at (5 + its number, 9)."""

    def __init__(self, looks):
        self.looks, self.seen = looks, 0

    def __call__(self, image, limit):
        self.seen += 1
        points = np.column_stack([5.0 + np.arange(17), np.full(17, 9.0), np.full(17, 0.8)]).astype(np.float32)
        return [SimpleNamespace(keypoints=points)] if self.seen == self.looks else []


@pytest.mark.parametrize("looks", [1, 2, 3, 4])
def test_a_picture_is_looked_at_again_until_somebody_is_found(monkeypatch, looks):
    picture = np.random.default_rng(0).integers(0, 255, (100, 50, 3), dtype=np.uint8)
    finder = FindsOnly(looks)
    monkeypatch.setattr("threedsl.people.find_people", finder)
    points = builtin.keypoints_of(picture)
    assert finder.seen == looks
    x = 5.0 + np.arange(17)
    if looks == 2:  # 15 pixels of border on every side
        assert points[:, 1].tolist() == [-6.0] * 17 and points[:, 0].tolist() == (x - 15).tolist()
    elif looks == 4:  # mirrored: left and right joints change places, x runs the other way
        swapped = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
        assert points[:, 0].tolist() == (50 - x[swapped]).tolist() and points[:, 1].tolist() == [9.0] * 17
    else:
        assert points[:, 0].tolist() == x.tolist() and points[:, 1].tolist() == [9.0] * 17


def test_four_looks_are_enough(monkeypatch):
    finder = FindsOnly(99)
    monkeypatch.setattr("threedsl.people.find_people", finder)
    assert builtin.keypoints_of(np.zeros((100, 50, 3), np.uint8)) is None and finder.seen == 4


def test_grabcut_is_the_fallback_where_mediapipe_finds_no_person():
    photo = load_image(openpeople_folder() / "P002" / "assets" / "studio_posture.jpg")
    _, mask = builtin.Estimator(lambda image: None)(photo)
    assert 0.05 < (mask > 0).mean() < 0.5


class StandIn:
    """An estimator that finds everybody at (number of the picture, 9), but nobody in the second; stops at `limit`."""

    def __init__(self, limit=99):
        self.limit, self.seen = limit, []

    def __call__(self, masks):
        return nullcontext(self.find)

    def find(self, image):
        if len(self.seen) == self.limit:
            raise KeyboardInterrupt
        self.seen.append(image.shape[:2])
        if len(self.seen) == 2:
            return None
        mask = np.zeros(image.shape[:2], np.uint8)
        mask[: len(mask) // 2] = 255
        return np.tile(np.float32([len(self.seen), 9, 0.8]), (17, 1)), mask


@pytest.fixture
def stand_in(monkeypatch):
    found = StandIn()
    monkeypatch.setattr(builtin, "estimator", found)
    return found


def test_builtin_goes_on_where_it_was_stopped(annotate, prcc, stand_in):
    journal = prcc / "pose" / "builtin.part"
    for limit in (3, 4):
        stand_in.limit = limit
        assert annotate("--builtin")[0] == 130
        # The machine lost power while a line was written.
        journal.write_text(journal.read_text() + '{"picture": "cut o')
    stand_in.limit = 99
    code, out, _ = annotate("--builtin")
    assert code == 0 and len(stand_in.seen) == 6 and not journal.exists()
    assert [line.split(" (")[0] for line in out.splitlines() if line[0] != " "] == [
        "keypoints: 5 of 6 pictures",
        "masks: 5 of 6 pictures",
    ]
    assert "coverage 83.3 %; the other pictures still train identities" in out
    poses = read_alphapose(prcc / "pose" / "alphapose-results.json")
    assert sorted(points[0, 0] for points in poses.values()) == [1, 3, 4, 5, 6]
    assert annotate("--builtin")[0] == 0 and len(stand_in.seen) == 12


def test_masks_of_everything_are_reported(annotate, prcc, stand_in, monkeypatch):
    everything = np.full((HEIGHT, WIDTH), 255, np.uint8)
    monkeypatch.setattr(
        stand_in, "find", lambda image: (np.ones((17, 3), np.float32), everything[: len(image)])
    )
    code, out, _ = annotate("--builtin")
    assert code == 0 and "nearly the whole picture or its whole border: 6 (" in out


def test_what_changed_since_it_was_stopped_is_looked_at_again(annotate, prcc, stand_in):
    stand_in.limit = 4
    assert annotate("--builtin")[0] == 130
    first, _, third, fourth, *_ = open_dataset(prcc).pictures
    person_like(40, 40).save(first)
    mask_path(prcc, fourth).unlink()
    stand_in.limit, stand_in.seen[:] = 99, [None] * 4
    assert annotate("--builtin")[0] == 0
    assert stand_in.seen[4:] == [(40, 40), (HEIGHT, WIDTH), (HEIGHT, WIDTH), (HEIGHT, WIDTH)]
    poses = read_alphapose(prcc / "pose" / "alphapose-results.json")
    assert [poses[pose_id(prcc, picture)][0, 0] for picture in (first, third, fourth)] == [5, 3, 6]


def test_large_and_turned_pictures(annotate, prcc, stand_in):
    """A photo of 2500 x 500 whose EXIF turns it upright is looked at as 400 x 2000 and annotated as 500 x 2500."""
    turned = Image.Exif()
    turned[0x0112] = 6
    picture = open_dataset(prcc).pictures[0]
    person_like(500, 2500).save(picture, exif=turned)
    assert annotate("--builtin")[0] == 0 and stand_in.seen[0] == (2000, 400)
    points = read_alphapose(prcc / "pose" / "alphapose-results.json")[pose_id(prcc, picture)]
    np.testing.assert_allclose(points[0], (1.25, 11.25, 0.8), rtol=1e-3)
    with Image.open(mask_path(prcc, picture)) as mask:
        assert (
            mask.size == (500, 2500) and mask.getpixel((250, 1240)) == 255 and mask.getpixel((250, 1260)) == 0
        )


def test_a_run_that_goes_on_with_another_method_makes_all_masks_by_it(annotate, prcc, stand_in):
    stand_in.limit = 4
    assert annotate("--builtin")[0] == 130
    stand_in.limit = 99
    assert annotate("--builtin", "--masks", "mediapipe")[0] == 0
    assert len(stand_in.seen) == 4 + 5, "all but the picture without a person"


def test_what_a_stopped_run_found_elsewhere_outlives_one_over_some_lists(annotate, prcc, stand_in):
    stand_in.limit = 5
    assert annotate("--builtin")[0] == 130
    stand_in.limit = 99
    assert annotate("--builtin", "--list", "train")[0] == 0 and len(stand_in.seen) == 6
    assert annotate("--builtin")[0] == 0
    assert len(stand_in.seen) == 8, "only the two of train again, whose keypoints are written"
    assert not (prcc / "pose" / "builtin.part").exists()
