"""The written truth fits the pictures."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.train.synthetic import PEOPLE, SIZE
from threedsl.body import BodyModel
from threedsl.body.camera import project
from threedsl.body.joints import COCO_FLIP
from threedsl.body.rotation import mirror_pose

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bodies(truth):
    """Coarse vertices and keypoints of the truth's betas and poses, in pixels of the crop, and the vertices' depths."""
    model, camera = BodyModel.load(), torch.from_numpy(truth["camera"])
    output = model(torch.from_numpy(truth["betas"]), torch.from_numpy(truth["pose"]))
    points, _ = project(output.vertices, camera, SIZE)
    marks, _ = project(output.keypoints, camera, SIZE)
    return points.numpy(), marks.numpy(), model.faces_coarse


def test_truth_is_complete_and_in_the_units_of_the_body_model(run, truth):
    count = len(truth["paths"])
    assert count == len(set(truth["paths"])) == len(list((run / "images").rglob("*.jpg")))
    assert truth["betas"].shape == (count, 10) and truth["camera"].shape == (count, 3)
    pose = truth["pose"]
    assert pose.shape == (count, 24, 3, 3)
    assert np.allclose(pose @ np.swapaxes(pose, 2, 3), np.eye(3), atol=1e-5)
    assert np.allclose(np.linalg.det(pose), 1, atol=1e-5)
    assert np.abs(truth["betas"]).max() < 6 and (truth["camera"][:, 0] > 0.2).all()
    pids = np.array([Path(path).parent.name for path in truth["paths"]])
    for pid in set(pids):
        assert len(np.unique(truth["betas"][pids == pid], axis=0)) == 1
    assert len(np.unique(truth["betas"], axis=0)) == PEOPLE


def test_the_body_model_reprojects_onto_the_written_keypoints(bodies, keypoints):
    _, marks, _ = bodies
    error = np.linalg.norm(marks - keypoints[..., :2], axis=-1)
    assert error.mean() < 0.7 and error.max() < 2, (error.mean(), error.max())


def test_a_mirrored_pose_is_the_body_of_the_mirrored_picture(bodies, truth):
    _, marks, _ = bodies
    pose, camera = torch.from_numpy(truth["pose"]), torch.from_numpy(truth["camera"] * [1, -1, 1]).float()
    mirrored = BodyModel.load()(torch.from_numpy(truth["betas"]), mirror_pose(pose))
    found = project(mirrored.keypoints, camera, SIZE)[0].numpy()
    expected = marks[:, list(COCO_FLIP)] * [-1, 1] + [SIZE[1], 0]
    assert np.linalg.norm(found - expected, axis=-1).max() < 0.5  # the body is not perfectly symmetric
    assert np.linalg.norm(marks - expected, axis=-1).max() > 5
    assert torch.equal(mirror_pose(mirror_pose(pose)), pose)


def test_pictures_and_masks_are_crops_of_one_size_with_a_person(run, truth, masks):
    for path in truth["paths"]:
        assert cv2.imread(str(run / path)).shape == (*SIZE, 3)
    assert masks.shape == (len(truth["paths"]), *SIZE) and set(np.unique(masks)) == {0, 255}
    share = (masks > 0).mean((1, 2))
    assert share.min() > 0.05 and share.max() < 0.8


def test_confident_keypoints_lie_on_the_person(keypoints, masks):
    confident = keypoints[..., 2] > 0.8
    assert 0.5 < confident.mean() < 0.98
    grown = np.stack([cv2.dilate(mask, np.ones((3, 3), np.uint8)) for mask in masks])
    picture, joint = np.nonzero(confident)
    x, y = keypoints[picture, joint, :2].astype(int).T
    assert (grown[picture, y, x] > 0).all()
    assert (masks[picture, y, x] > 0).mean() > 0.99


def test_keypoints_outside_the_crop_are_not_trusted(keypoints):
    points, confidence = keypoints[..., :2], keypoints[..., 2]
    inside = ((points >= 0) & (points < SIZE[::-1])).all(-1)
    assert (confidence[~inside] < 0.2).all() and (confidence[inside] > 0.25).all()
    assert 0 < (~inside).mean() < 0.2  # some crops cut somebody


def test_hidden_keypoints_are_less_sure_and_some_are_hidden(keypoints):
    hidden = (keypoints[..., 2] > 0.25) & (keypoints[..., 2] < 0.6)
    assert 0.02 < hidden.mean() < 0.5


def test_the_undressed_body_fills_the_mask(bodies, masks):
    """Clothes cover the body, so its outline lies within the mask unless something stands before the person."""
    points, _, faces = bodies
    kernel = np.ones((5, 5), np.uint8)
    within, filled = [], []
    for vertices, mask in zip(points, masks, strict=True):
        outline = np.zeros(SIZE, np.uint8)
        for face in np.round((vertices[faces] - 0.5) * 16).astype(np.int32):
            cv2.fillConvexPoly(outline, face, 255, shift=4)
        body, worn = outline > 0, cv2.dilate(mask, kernel) > 0
        within.append((body & worn).sum() / body.sum())
        filled.append((cv2.dilate(outline, kernel) > 0)[mask > 0].mean())
    assert np.median(within) > 0.99 and np.quantile(within, 0.1) > 0.8
    assert np.median(filled) > 0.8  # hair, skirts and wide trousers go beyond it
