"""Standing a body up: against SciPy's rotations, and on bodies that lean for a camera that looks down."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from threedsl.body import BodyModel
from threedsl.body.rotation import matrix_from_axis_angle
from threedsl.body.upright import ANKLES, NECK, stand_up


@pytest.fixture(scope="module")
def posed():
    """A body that walks, facing 40 degrees to its left; arms hanging."""
    rotvec = torch.zeros(1, 24, 3)
    rotvec[0, 0, 1], rotvec[0, 1, 0], rotvec[0, 2, 0] = 0.7, -0.4, 0.4
    rotvec[0, 16, 2], rotvec[0, 17, 2] = -1.2, 1.2
    body = BodyModel.load()(torch.zeros(1, 10), matrix_from_axis_angle(rotvec))
    return body.vertices[0].numpy(), body.joints[0].numpy()


@pytest.mark.parametrize(("pitch", "roll"), [(0, 0), (20, 0), (-35, 0), (25, -6), (80, 30)])
def test_a_leaning_body_stands_as_the_upright_one_does(posed, pitch, roll):
    vertices, joints = posed
    expected = stand_up(vertices, joints)
    lean = Rotation.from_euler("xz", [pitch, roll], degrees=True).as_matrix().astype(np.float32)
    found = stand_up(vertices @ lean.T, joints @ lean.T)
    # Rigid, and the same but for a small turn about the vertical where the lean had both directions.
    assert np.allclose(found[:, 1] - joints[0] @ lean.T[:, 1], expected[:, 1] - joints[0, 1], atol=1e-4)
    if roll == 0 or pitch == 0:
        turn = Rotation.align_vectors(found - found.mean(0), expected - expected.mean(0))[0]
        assert abs(turn.as_euler("yxz", degrees=True)[0]) < 1


def test_the_neck_is_above_the_ankles_and_nothing_is_bent(posed):
    vertices, joints = posed
    lean = Rotation.from_euler("x", 30, degrees=True).as_matrix().astype(np.float32)
    both = np.concatenate([vertices, joints]) @ lean.T
    found = stand_up(both, joints @ lean.T)
    standing = found[len(vertices) :]
    axis = standing[NECK] - standing[ANKLES].mean(0)
    assert np.abs(axis[[0, 2]]).max() < 1e-4 and axis[1] > 1
    turn, rest = Rotation.align_vectors(found - found.mean(0), both - both.mean(0))
    assert rest < 1e-3 and turn.magnitude() == pytest.approx(np.deg2rad(30), abs=0.06)
    assert np.allclose(standing[0], joints[0] @ lean.T, atol=1e-6)


def test_upside_down_is_no_error(posed):
    vertices, joints = posed
    assert np.isfinite(stand_up(-vertices, -joints)).all()
