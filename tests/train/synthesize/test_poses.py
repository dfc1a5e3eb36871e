"""Poses are rotations of people on their feet, with SMPL's signs."""

import numpy as np
import pytest

from train.synthesize.poses import rotation, sample_gait, standing, walking


@pytest.mark.parametrize("kind", [walking, standing])
def test_poses_are_rotations_of_people_on_their_feet(kind):
    rng = np.random.default_rng(4)
    poses = np.stack([kind(rng, sample_gait(rng, rng.random())) for _ in range(60)])
    assert np.allclose(poses @ np.swapaxes(poses, 2, 3), np.eye(3), atol=1e-9)
    assert np.allclose(np.linalg.det(poses), 1)
    assert (poses[:, 0, 1, 1] > 0.95).all()  # the pelvis stays upright
    knees = poses[:, [4, 5]]
    assert (np.arctan2(knees[..., 2, 1], knees[..., 1, 1]) >= -1e-9).all()  # knees bend one way


def test_the_poses_signs_are_smpls():
    """A turn about x by a positive angle takes y to z: forwards for what points up, backwards for a hanging leg."""
    assert np.allclose(rotation("x", np.pi / 2) @ [0, 1, 0], [0, 0, 1])
    assert np.allclose(rotation("y", np.pi / 2) @ [0, 0, 1], [1, 0, 0])
    assert np.allclose(rotation("z", np.pi / 2) @ [1, 0, 0], [0, 1, 0])
