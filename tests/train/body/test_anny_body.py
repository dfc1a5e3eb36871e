"""Anny under SMPL's joints: the T-pose, posing against plain skinning, frames and the population."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from threedsl.body.joints import SMPL_JOINTS, SMPL_PARENTS
from threedsl.body.rotation import matrix_from_axis_angle
from threedsl.locks import locked
from train.body.anny_body import (
    POSE_PARAMETERIZATION,
    anny_pose_from_smpl,
    bone_joints,
    joint_transforms,
    load_anny,
    rest_state,
    sample_phenotypes,
    smpl_weights,
    t_pose,
    t_pose_joints,
    to_smpl_frame,
)

pytestmark = pytest.mark.slow

PEOPLE = 3
BASE_VERTICES = 13_380  # without the helper meshes


@pytest.fixture(scope="module")
def anny():
    return load_anny()


def test_a_process_waits_for_another_one_that_builds_the_cache(tmp_path, monkeypatch):
    import anny

    built = threading.Event()
    monkeypatch.setattr("anny.paths.get_anny_cache_path", lambda: tmp_path / "cache")
    monkeypatch.setattr(anny, "Anny", lambda **_: SimpleNamespace(float=built.set))
    (tmp_path / "cache").mkdir()
    other = threading.Thread(target=load_anny.__wrapped__)
    with locked(tmp_path / "cache"):
        other.start()
        assert not built.wait(0.3)
    other.join(60)
    assert built.is_set()


@pytest.fixture(scope="module")
def phenotypes(anny):
    return sample_phenotypes(anny, PEOPLE, np.random.default_rng(5))


@pytest.fixture(scope="module")
def rest(anny, phenotypes):
    with torch.no_grad():
        return rest_state(anny, phenotypes)


@pytest.fixture(scope="module")
def tpose(anny, rest):
    return t_pose(anny, rest)


@pytest.fixture(scope="module")
def joints(anny, tpose):
    """{name: (PEOPLE,3)} T-pose joints in SMPL's frame."""
    points = to_smpl_frame(t_pose_joints(anny, tpose)).numpy()
    return {name: points[:, i] for i, name in enumerate(SMPL_JOINTS)}


def vertices(anny, poses, phenotypes):
    with torch.no_grad():
        return anny(poses, phenotypes, pose_parameterization=POSE_PARAMETERIZATION)["vertices"]


def skinned_by_hand(points, joints, weights, rotations):
    """(V,3) linear blend skinning of one T-posed body, one joint after the other, in SMPL's frame."""
    turn, place = [], []
    for j, parent in enumerate(SMPL_PARENTS):
        if parent < 0:
            turn.append(rotations[j])
            place.append(joints[j])
        else:
            turn.append(turn[parent] @ rotations[j])
            place.append(place[parent] + turn[parent] @ (joints[j] - joints[parent]))
    moved = np.zeros_like(points)
    for j in range(24):
        moved += weights[:, j : j + 1] * ((points - joints[j]) @ turn[j].T + place[j])
    return moved


def random_rotations(count, angle, seed=2):
    generator = torch.Generator().manual_seed(seed)
    return matrix_from_axis_angle(angle * torch.randn(count, 24, 3, generator=generator))


def test_frames_are_turned_not_mirrored():
    axes = np.eye(3)
    assert to_smpl_frame(axes[0]).tolist() == [1, 0, 0]  # the body's left stays
    assert to_smpl_frame(axes[2]).tolist() == [0, 1, 0]  # Anny's up is SMPL's up
    assert to_smpl_frame(-axes[1]).tolist() == [0, 0, 1]  # Anny's front is SMPL's front
    assert np.linalg.det(to_smpl_frame(axes)) == pytest.approx(1)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_the_frame_of_arrays_and_tensors(kind):
    turned = to_smpl_frame(kind(np.array([[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]])))
    assert type(turned) is type(kind(np.zeros(1)))
    assert turned.tolist() == [[[1, 3, -2]], [[4, 6, -5]]]


def test_every_bone_follows_a_joint_of_its_own_side(anny):
    joint_of = dict(zip(anny.bone_labels, [SMPL_JOINTS[i] for i in bone_joints(anny)], strict=True))
    assert set(joint_of.values()) == set(SMPL_JOINTS)
    for bone, joint in joint_of.items():
        for end, side, other in ((".L", "left", "right"), (".R", "right", "left")):
            assert not (bone.endswith(end) and joint.startswith(other)), (bone, joint)
            if bone.endswith(end) and joint.split("_")[0] not in ("left", "right"):
                assert joint in ("pelvis", "head", "spine1", "spine2", "spine3", "neck"), (bone, side)
    assert joint_of["toe3-2.L"] == "left_foot" and joint_of["finger4-2.R"] == "right_hand"
    assert joint_of["finger1-2.L"] == "left_wrist" and joint_of["upperleg02.R"] == "right_hip"


def test_folded_weights_are_shares(anny):
    weights = smpl_weights(anny).numpy()
    assert weights.shape == (len(anny.template_vertices), 24) and weights.min() >= 0
    assert np.allclose(weights.sum(1), 1, atol=1e-5)
    heaviest = [SMPL_JOINTS[i] for i in weights[:BASE_VERTICES].argmax(1)]
    assert set(heaviest) == set(SMPL_JOINTS)


def test_arms_lie_level_and_legs_hang_straight(joints):
    for side, sign in (("left", 1), ("right", -1)):
        arm = [joints[f"{side}_{part}"] for part in ("shoulder", "elbow", "wrist", "hand")]
        for inner, outer in zip(arm, arm[1:], strict=False):
            assert (sign * (outer - inner)[:, 0] > 0.05).all()
            assert np.abs((outer - inner)[:, 1:]).max() < 1e-4
        leg = [joints[f"{side}_{part}"] for part in ("hip", "knee", "ankle")]
        for upper, lower in zip(leg, leg[1:], strict=False):
            assert ((upper - lower)[:, 1] > 0.3).all()
            assert np.abs((upper - lower)[:, [0, 2]]).max() < 1e-4
        toes = joints[f"{side}_foot"] - joints[f"{side}_ankle"]
        assert (toes[:, 2] > 0.05).all()  # faces the viewer
    assert (joints["head"][:, 1] > joints["neck"][:, 1]).all()


def test_palms_face_down_in_the_t_pose(anny, tpose):
    label = {name: i for i, name in enumerate(anny.bone_labels)}
    heads = to_smpl_frame(tpose[:, :, :3, 3])
    for side in "LR":
        index, little = (heads[:, label[f"finger{finger}-1.{side}"]] for finger in (2, 5))
        assert ((index - little)[:, 2] > 0.03).all()  # the index finger in front
        assert (index - little)[:, 1].abs().max() < 1e-4
        thumb = heads[:, label[f"finger1-3.{side}"]]
        assert (thumb[:, 2] > little[:, 2]).all()


def test_the_identity_pose_is_the_t_pose(anny, tpose):
    identity = torch.eye(3).expand(PEOPLE, 24, 3, 3)
    assert torch.allclose(anny_pose_from_smpl(anny, identity, tpose), tpose, atol=1e-5)


@pytest.mark.parametrize(("angle", "mean_mm", "worst_mm"), [(0.15, 0.25, 12.0), (0.4, 0.6, 30.0)])
def test_posed_anny_is_the_skinned_t_pose(anny, phenotypes, tpose, joints, angle, mean_mm, worst_mm):
    rotations = random_rotations(PEOPLE, angle)
    posed = to_smpl_frame(vertices(anny, anny_pose_from_smpl(anny, rotations, tpose), phenotypes)).numpy()
    flat = to_smpl_frame(vertices(anny, tpose, phenotypes)).numpy()
    weights = smpl_weights(anny).numpy()
    for i in range(PEOPLE):
        at = np.stack([joints[name][i] for name in SMPL_JOINTS])
        expected = skinned_by_hand(flat[i], at, weights, rotations[i].numpy())
        body = slice(0, BASE_VERTICES)
        error = 1000 * np.linalg.norm(posed[i, body] - expected[body], axis=1)
        moved = 1000 * np.linalg.norm(expected[body] - flat[i, body], axis=1)
        assert error.mean() < mean_mm and error.max() < worst_mm, (error.mean(), error.max())
        assert moved.mean() > 30 * error.mean()


def test_joint_transforms_keep_the_pelvis_and_bones_lengths(joints):
    rotations = random_rotations(PEOPLE, 0.8, seed=9)
    at = torch.from_numpy(np.stack([joints[name] for name in SMPL_JOINTS], 1))
    transforms = joint_transforms(rotations, at)
    moved = (transforms[..., :3, :3] @ at[..., None])[..., 0] + transforms[..., :3, 3]
    assert torch.allclose(moved[:, 0], at[:, 0], atol=1e-5)
    for child, parent in enumerate(SMPL_PARENTS[1:], 1):
        before, after = ((x[:, child] - x[:, parent]).norm(dim=-1) for x in (at, moved))
        assert torch.allclose(before, after, atol=1e-5)
    assert not torch.allclose(moved, at, atol=0.1)


def test_a_raised_left_arm_is_the_bodys_left(anny, tpose):
    rotations = torch.eye(3).repeat(PEOPLE, 24, 1, 1)
    turn = torch.tensor([0.0, 0.0, torch.pi / 2])
    rotations[:, SMPL_JOINTS.index("left_shoulder")] = matrix_from_axis_angle(turn[None])[0]
    poses = anny_pose_from_smpl(anny, rotations, tpose)
    label = list(anny.bone_labels)
    wrist = to_smpl_frame(poses[:, :, :3, 3])[:, [label.index("wrist.L"), label.index("wrist.R")]]
    head = to_smpl_frame(poses[:, label.index("head"), :3, 3])
    assert (wrist[:, 0, 1] > head[:, 1]).all() and (wrist[:, 1, 1] < head[:, 1]).all()
    assert (wrist[:, 0, 0] > 0).all() and (wrist[:, 1, 0] < 0).all()


def test_phenotypes_follow_their_generator_alone(anny):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = sample_phenotypes(anny, 5, np.random.default_rng(3))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    again = sample_phenotypes(anny, 5, np.random.default_rng(3))
    other = sample_phenotypes(anny, 5, np.random.default_rng(4))
    assert set(first) == set(anny.phenotype_labels)
    for name, values in first.items():
        assert values.shape == (5,) and torch.equal(values, again[name])
    assert not torch.equal(first["weight"], other["weight"])


def test_the_population_is_adult_and_of_two_sexes(anny):
    people = {
        name: value.numpy() for name, value in sample_phenotypes(anny, 400, np.random.default_rng(0)).items()
    }
    for name, values in people.items():
        assert np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1, name
    assert people["age"].min() >= 0.667 - 1e-4 and people["age"].max() <= 0.897 + 1e-4
    assert 0.4 < (people["gender"] > 0.5).mean() < 0.6
    assert (np.abs(people["gender"] - 0.5) > 0.2).mean() > 0.95
    assert people["weight"].std() > 0.1 and people["height"].std() > 0.05


def test_bodies_are_as_tall_as_adults(anny):
    """Heights are drawn for Anny's own sex of each person, so the sex that replaces it must be on the same side."""
    people = sample_phenotypes(anny, 80, np.random.default_rng(1))
    with torch.no_grad():
        points = rest_state(anny, people)["rest_vertices"][:, :BASE_VERTICES, 2]
    tall = (points.amax(1) - points.amin(1)).numpy()
    women = people["gender"].numpy() > 0.5
    assert 1.35 < tall.min() and tall.max() < 2.15
    assert 1.55 < tall[women].mean() < 1.67 and 1.7 < tall[~women].mean() < 1.82
