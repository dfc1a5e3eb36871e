"""What people do besides walking: rotations of possible bodies, drawn as often as stated."""

import numpy as np
import pytest

from threedsl.body import BodyModel
from threedsl.body.joints import SMPL_JOINTS
from train.synthesize.activities import SHARES, arms, bending, running, sample_activity, sitting
from train.synthesize.poses import sample_gait

HIP, KNEE, ANKLE, FOOT = (SMPL_JOINTS.index(f"left_{name}") for name in ("hip", "knee", "ankle", "foot"))


def drawn(kind, count=60):
    rng = np.random.default_rng(4)
    return np.stack([kind(rng, sample_gait(rng, rng.random())) for _ in range(count)])


@pytest.fixture(scope="module")
def joints():
    """(N, 24, 3) of the average body in (N, 24, 3, 3) poses."""
    import torch

    model = BodyModel.load()

    def posed(pose):
        return model(torch.zeros(len(pose), 10), torch.from_numpy(pose).float()).joints.numpy()

    return posed


@pytest.mark.parametrize("kind", [running, sitting, bending, arms])
def test_activities_are_rotations_and_knees_bend_one_way(kind):
    poses = drawn(kind)
    assert np.allclose(poses @ np.swapaxes(poses, 2, 3), np.eye(3), atol=1e-9)
    assert np.allclose(np.linalg.det(poses), 1)
    knees = poses[:, [4, 5]]
    assert (np.arctan2(knees[..., 2, 1], knees[..., 1, 1]) >= -1e-9).all()


@pytest.mark.slow
def test_sitting_people_have_level_thighs_upright_shins_and_flat_feet(joints):
    points = joints(drawn(sitting))
    thigh, shin = points[:, KNEE] - points[:, HIP], points[:, ANKLE] - points[:, KNEE]
    assert (np.abs(thigh[:, 1]) < 0.5 * np.linalg.norm(thigh, axis=1)).all()
    assert np.median(-shin[:, 1] / np.linalg.norm(shin, axis=1)) > 0.9
    flat = joints(np.eye(3) + np.zeros((1, 24, 3, 3)))[0]
    fall = points[:, FOOT, 1] - points[:, ANKLE, 1]
    assert np.median(np.abs(fall - (flat[FOOT, 1] - flat[ANKLE, 1]))) < 0.02


def test_runners_lift_their_feet_higher_than_walkers(joints):
    from train.synthesize.poses import walking

    lift = [np.ptp(joints(drawn(kind))[:, [7, 8], 1], axis=1).max() for kind in (running, walking)]
    assert lift[0] > 1.5 * lift[1]


def test_bending_people_bring_the_head_down_and_raised_arms_go_above_it(joints):
    head = joints(drawn(bending))[:, SMPL_JOINTS.index("head")]
    assert np.median(head[:, 2]) > 0.25
    points = joints(drawn(arms, 200))
    wrists = points[:, [20, 21], 1] - points[:, [SMPL_JOINTS.index("head")], 1]
    assert 0.05 < (wrists > 0).any(1).mean() < 0.5


@pytest.mark.slow
def test_broad_poses_come_in_their_shares_and_others_only_walk_or_stand():
    rng = np.random.default_rng(0)
    gait = sample_gait(rng, 0.5)
    broad = [sample_activity(rng, gait, True)[0] for _ in range(2000)]
    for kind, share in SHARES.items():
        assert broad.count(kind) / 2000 == pytest.approx(share, abs=0.03)
    narrow = [sample_activity(rng, gait, False)[0] for _ in range(500)]
    assert set(narrow) == {"walking", "standing"} and narrow.count("walking") / 500 == pytest.approx(
        0.6, abs=0.07
    )
