"""The fit of bodies to keypoints: its derivative, what it recovers, what it leaves alone."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from tests.models import random_model
from threedsl.body import BodyModel
from threedsl.body.bodies import Bodies
from threedsl.body.camera import project
from threedsl.body.coco import DOUBTFUL, agreement, facing, torso_lengths, view
from threedsl.body.fit import project_with_slopes
from threedsl.body.fitting import aligned_camera, fit_bodies, turned
from threedsl.body.joints import COCO_FLIP, SMPL_FLIP, SMPL_JOINTS
from threedsl.body.kinematics import LIMITS, Chain, beyond, rotation, rotation_vector
from threedsl.body.rotation import mirror_pose
from threedsl.errors import InputError

SIZE = (192, 96)


@pytest.fixture(scope="module")
def model():
    return BodyModel.load()


def standing(model, count=1, seed=0, degrees=0.0, bend=0.0):
    """Bodies with lowered arms, turned about the vertical, each joint bent at random by about `bend` degrees."""
    rng = np.random.default_rng(seed)
    turns = np.zeros((count, 24, 3))
    turns[:, SMPL_JOINTS.index("left_shoulder"), 2] = -1.1
    turns[:, SMPL_JOINTS.index("right_shoulder"), 2] = 1.1
    turns[:, 0, 1] = np.deg2rad(degrees)
    for name in ("left_hip", "right_hip", "left_shoulder", "right_shoulder"):
        turns[:, SMPL_JOINTS.index(name)] += np.deg2rad(rng.normal(0, bend, (count, 3)))
    still = np.zeros((count, model.num_coarse, 3), np.float32)
    betas = rng.normal(0, 1, (count, 10)).astype(np.float32)
    camera = np.tile(np.float32([[0.95, 0.02, 0.25]]), (count, 1))
    return Bodies(betas, rotation(turns).astype(np.float32), camera, still, model, SIZE)


def seen(bodies):
    """Their keypoints as a finder without error would see them."""
    return np.concatenate([bodies.keypoints, np.ones((len(bodies), 17, 1))], 2)


def test_rotations_agree_with_scipy():
    vectors = np.random.default_rng(0).normal(0, 1, (50, 3))
    matrices = Rotation.from_rotvec(vectors).as_matrix()
    np.testing.assert_allclose(rotation(vectors), matrices, atol=1e-12)
    np.testing.assert_allclose(
        rotation_vector(matrices), Rotation.from_matrix(matrices).as_rotvec(), atol=1e-9
    )


@pytest.mark.slow
def test_keypoints_and_their_derivative_agree_with_the_body_model_and_autograd(model):
    rng = np.random.default_rng(1)
    betas, vectors = rng.normal(size=(2, 10)), rng.normal(0, 0.4, (2, 24, 3))
    pose = rotation(vectors)
    points, jacobian = Chain.of(model, betas).keypoints_and_jacobian(pose)
    double = BodyModel.load().double()

    def keypoints(turn):
        turns = torch.linalg.matrix_exp(skew(turn.reshape(2, 24, 3)))
        return double(torch.tensor(betas), turns @ torch.tensor(pose)).keypoints

    zero = torch.zeros(2 * 72, dtype=torch.float64)
    np.testing.assert_allclose(points, keypoints(zero).numpy(), atol=1e-6)
    by_autograd = torch.autograd.functional.jacobian(keypoints, zero).numpy().reshape(2, 17, 3, 2, 72)
    for row in range(2):
        np.testing.assert_allclose(jacobian[row], by_autograd[row, :, :, row], atol=1e-6)


def skew(turn):
    x, y, z = turn.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))


def test_projection_and_its_derivative_agree_with_the_camera_and_autograd():
    rng = np.random.default_rng(2)
    points, camera = rng.normal(0, 0.5, (1, 17, 3)), np.array([[0.9, 0.1, -0.2]])

    def pixels(moved, step):
        view = torch.cat(
            [torch.tensor(camera[:, :1]) * step[:, :1].exp(), torch.tensor(camera[:, 1:]) + step[:, 1:]], 1
        )
        return project(moved, view, SIZE)[0]

    start = torch.tensor(points), torch.zeros((1, 3), dtype=torch.float64)
    found, by_point, by_camera = project_with_slopes(points, camera, SIZE)
    np.testing.assert_allclose(found, pixels(*start).numpy(), atol=1e-4)
    expected = torch.autograd.functional.jacobian(pixels, start)
    own = expected[0].numpy()[0, :, :, 0][np.arange(17), :, np.arange(17)]
    np.testing.assert_allclose(by_point[0], own, atol=1e-4)
    np.testing.assert_allclose(by_camera[0], expected[1].numpy()[0, :, :, 0], atol=1e-4)


@pytest.mark.slow
def test_a_bent_body_is_found_again_and_its_shape_stays(model):
    target = standing(model, 6, seed=3, degrees=20, bend=20)
    camera = (target.camera * [1.1, 1, 0.8]).astype(np.float32)
    start = Bodies(target.betas, standing(model, 6).pose, camera, target.displacement, model, SIZE)
    fitted = fit_bodies(start, seen(target))
    unit = torso_lengths(seen(target))[:, None]
    before, after = (np.linalg.norm(b.keypoints - target.keypoints, axis=2) / unit for b in (start, fitted))
    assert np.median(before) > 0.1 and np.median(after) < 0.05
    error = [np.linalg.norm(b.joints - b.joints[:, :1] - target.joints + target.joints[:, :1], axis=2).mean()
             for b in (start, fitted)]  # fmt: skip
    assert error[1] < 0.6 * error[0], "nearer in space too, not only in the picture"
    assert fitted.betas is start.betas and fitted.displacement is start.displacement
    assert (fitted.confidence == 1).all() and start.confidence is None


@pytest.mark.slow
@pytest.mark.parametrize("degrees", [180, -90, 90])
def test_a_body_that_looks_the_wrong_way_is_turned(model, degrees):
    target = standing(model, 1, seed=4, bend=8)
    wrong = standing(model, 1, seed=4, degrees=degrees)
    fitted = fit_bodies(wrong, seen(target))
    assert view(wrong.keypoints[0]) != "front" and view(fitted.keypoints[0]) == "front"
    off = np.rad2deg(
        np.linalg.norm(rotation_vector(fitted.pose[:, 0].astype(float) @ target.pose[:, 0].swapaxes(1, 2)))
    )
    assert off < 20 and fitted.confidence[0] > 0.9


@pytest.mark.slow
def test_bodies_without_keypoints_stay_as_they_are(model):
    bodies = standing(model, 3, seed=5)
    found = seen(standing(model, 3, seed=6, bend=15))
    found[0] = 0
    found[1, 3:, 2] = 0.1
    found[2, :8] = np.nan
    fitted = fit_bodies(bodies, found)
    assert np.array_equal(fitted.pose[:2], bodies.pose[:2]) and np.array_equal(
        fitted.camera[:2], bodies.camera[:2]
    )
    assert np.isnan(fitted.confidence[:2]).all()
    assert np.isfinite(fitted.pose).all() and fitted.confidence[2] <= 9 / 12
    with pytest.raises(InputError, match=r"shape \(3, 17, 3\)"):
        fit_bodies(bodies, found[:2])


def test_one_wild_keypoint_moves_nothing_much(model):
    bodies = standing(model, 1, seed=7)
    found = seen(bodies)
    found[0, 9, :2] += [60, -90]  # the left wrist
    fitted = fit_bodies(bodies, found)
    apart = np.linalg.norm(fitted.keypoints[0] - bodies.keypoints[0], axis=1)
    assert np.delete(apart, [7, 9]).max() < 2, "pixels of a picture 192 high"


def test_a_wrong_body_is_doubtful(model):
    bodies = standing(model, 1)
    found = seen(bodies)
    assert agreement(bodies.keypoints, found)[0] == 1
    swapped = found[:, [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]]
    assert agreement(bodies.keypoints, swapped)[0] < DOUBTFUL
    half = found.copy()
    half[:, 13:, 2] = 0.1
    assert agreement(bodies.keypoints, half)[0] == pytest.approx(8 / 12)
    assert np.isnan(agreement(bodies.keypoints, np.zeros((1, 17, 3)))[0])


def test_half_a_turn_of_the_mirrored_body_keeps_the_outline(model):
    bodies = standing(model, 1, bend=20, seed=8)
    pose = turned(bodies.pose, 180, mirrored=True)
    mirrored = mirror_pose(torch.tensor(bodies.pose)).numpy()
    np.testing.assert_allclose(pose[:, 1:], mirrored[:, 1:], atol=1e-6)
    other = model(torch.zeros(1, 10), torch.tensor(pose, dtype=torch.float32)).joints[0]
    own = model(torch.zeros(1, 10), torch.tensor(bodies.pose)).joints[0]
    assert (other[list(SMPL_FLIP)] - own)[:, :2].abs().max() < 0.03 and (other[list(SMPL_FLIP)] + own)[
        :, 2
    ].abs().max() < 0.2


def test_joints_bend_within_limits(model):
    """A knee may bend back, not forth; an elbow forth, not back; on both sides alike."""
    vectors = np.zeros((1, 24, 3))
    for side, sign in (("left", 1), ("right", -1)):
        vectors[0, SMPL_JOINTS.index(f"{side}_knee"), 0] = -0.5
        vectors[0, SMPL_JOINTS.index(f"{side}_elbow"), 1] = sign * 0.5
    over = beyond(vectors)
    for side, sign in (("left", 1), ("right", -1)):
        assert over[0, SMPL_JOINTS.index(f"{side}_knee"), 0] < -0.3
        assert sign * over[0, SMPL_JOINTS.index(f"{side}_elbow"), 1] > 0.3
    assert not beyond(-vectors).any() and LIMITS.shape == (24, 3, 2)


@pytest.mark.slow
def test_a_fit_takes_a_fraction_of_a_query(model):
    bodies, found = standing(model, 1), seen(standing(model, 1, seed=9, bend=15))
    fit_bodies(bodies, found)
    times = []
    for _ in range(5):
        start = time.thread_time()
        fit_bodies(bodies, found)
        times.append(time.thread_time() - start)
    assert min(times) < 0.06


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "face", "looks"), [(16, 0.4, "back"), (16, 0.7, "front"), (0, 0.4, "front")]
)
def test_a_back_that_was_taken_for_a_front_stays_a_back(head, face, looks):
    """Where no face is seen, a head that knows the picture decides which side is shown (this one leaves bodies as
    regressed); otherwise the keypoints do."""
    network = random_model(keypoint_head=head)
    bodies = standing(network.body, degrees=180)
    if head:
        evidence = np.zeros((1, len(network.network.shape_stream.keypoint_head.mean)), np.float32)
        bodies = replace(bodies, evidence=evidence)
    found = seen(bodies)[:, list(COCO_FLIP)]
    found[:, :5, 2] = face
    assert view(bodies.keypoints[0]) == "back" and facing(found[0]) == "front"
    fitted = network.fit(bodies, found)
    assert view(fitted.keypoints[0]) == looks and fitted.confidence[0] > 0.9


def test_half_a_body_that_was_taken_for_a_whole_one_is_brought_to_its_keypoints(model):
    """The regression sees a whole body of the picture's height where head, shoulders and arms fill it."""
    truth = standing(model, 3, seed=5, bend=4)
    near = replace(truth, camera=np.tile(np.float32([[2.2, 0.05, -0.42]]), (3, 1)))
    found = seen(near)
    found[:, 13:, 2] = 0  # knees and ankles are beyond the photo's edge
    fitted = fit_bodies(truth, found)
    apart = np.linalg.norm(fitted.keypoints - found[..., :2], axis=2)[:, :13] / torso_lengths(found)[:, None]
    assert apart.max() < 0.12, "of a torso"
    np.testing.assert_allclose(fitted.camera[:, 0], 2.2, rtol=0.08)


def test_the_aligned_camera_is_the_one_that_was(model):
    truth = standing(model, 2, seed=6)
    moved = replace(truth, camera=np.float32([[1.4, 0.1, -0.2], [0.7, -0.1, 0.05]]))
    aligned = aligned_camera(truth.keypoints, seen(moved), truth.camera, SIZE)
    np.testing.assert_allclose(aligned[:, 0], moved.camera[:, 0], rtol=0.02)
    np.testing.assert_allclose(aligned[:, 1:], moved.camera[:, 1:], atol=0.02)
