"""Keypoints and masks by MediaPipe, with a stand-in for MediaPipe itself."""

import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.data.tools import HEIGHT, WIDTH
from tests.pictures import person_like
from threedsl.data import builtin
from threedsl.data.annotate import open_dataset
from threedsl.data.keypoints import read_alphapose
from threedsl.data.layout import mask_path, pose_id


def test_landmarks_become_coco(monkeypatch):
    names = {
        0: "nose",
        2: "LEye",
        5: "REye",
        7: "LEar",
        8: "REar",
        11: "LSho",
        12: "RSho",
        13: "LElb",
        14: "RElb",
    }
    names |= {
        15: "LWri",
        16: "RWri",
        23: "LHip",
        24: "RHip",
        25: "LKnee",
        26: "RKnee",
        27: "LAnk",
        28: "RAnk",
    }
    coco = "nose LEye REye LEar REar LSho RSho LElb RElb LWri RWri LHip RHip LKnee RKnee LAnk RAnk".split()
    landmarks = np.random.default_rng(0).random((33, 3))
    points = builtin.coco_from_landmarks(landmarks, (200, 400))
    index = {name: number for number, name in names.items()}
    np.testing.assert_allclose(points, [landmarks[index[name]] * (200, 400, 1) for name in coco], rtol=1e-6)


@pytest.mark.parametrize("size", [(40, 90), (300, 500), (77, 60)])
def test_what_the_model_finds_is_brought_back_to_the_picture(size):
    """A model that marks the white square finds it where it is, however the picture was enlarged and bordered."""
    width, height = size
    picture = np.zeros((height, width, 3), np.uint8)
    picture[height // 2 : height // 2 + 12, width // 4 : width // 4 + 10] = 255

    def process(image):
        rows, columns = np.nonzero(image[..., 0] > 127)
        x, y = (columns.mean() + 0.5) / image.shape[1], (rows.mean() + 0.5) / image.shape[0]
        marks = SimpleNamespace(landmark=[SimpleNamespace(x=x, y=y, visibility=0.9)] * 33)
        return SimpleNamespace(pose_landmarks=marks, segmentation_mask=image[..., 0] / np.float32(255))

    points, mask = builtin.Estimator(SimpleNamespace(process=process))(picture)
    np.testing.assert_allclose(points[:, 0], width // 4 + 5, atol=0.3)
    np.testing.assert_allclose(points[:, 1], height // 2 + 6, atol=0.3)
    assert mask.shape == (height, width) and (mask != picture[..., 0]).mean() < 0.01


def test_builtin_without_mediapipe_is_one_sentence(annotate, monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    code, out, err = annotate("--builtin")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "pip install -r train/requirements-mediapipe.txt" in err
    assert (Path(__file__).parents[2] / "train" / "requirements-mediapipe.txt").is_file()


class StandIn:
    """An estimator that finds everybody at (number of the picture, 9), but nobody in the second; stops at `limit`."""

    def __init__(self, limit=99):
        self.limit, self.seen = limit, []

    def __call__(self):
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
    poses = read_alphapose(prcc / "pose" / "alphapose-results.json")
    assert sorted(points[0, 0] for points in poses.values()) == [1, 3, 4, 5, 6]
    assert annotate("--builtin")[0] == 0 and len(stand_in.seen) == 12


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
