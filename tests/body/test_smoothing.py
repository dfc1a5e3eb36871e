"""Displacements as they are shown: no steps at ankles and neck, and elsewhere almost as they were."""

import numpy as np
import pytest
import torch

from threedsl.body import BodyModel
from threedsl.body.bodies import Bodies
from threedsl.body.joints import SMPL_JOINTS
from threedsl.body.smoothing import FAR, NEAR, ROUGH, smoothing_matrix


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return BodyModel.load()


def away(model: BodyModel) -> np.ndarray:
    """(V,) metres to the nearest of the joints that are smoothed around."""
    joints = model.joint_template.numpy()[[SMPL_JOINTS.index(name) for name in ROUGH]]
    return np.linalg.norm(model.coarse_template.numpy()[:, None] - joints, axis=2).min(1)


def steps(model: BodyModel, moved: np.ndarray) -> np.ndarray:
    """(E,) metres by which both ends of each edge are moved apart."""
    edges = np.concatenate([model.faces_coarse[:, [0, 1]], model.faces_coarse[:, [1, 2]]])
    edges = edges[(away(model)[edges] < NEAR).all(1)]
    return np.linalg.norm(moved[edges[:, 0]] - moved[edges[:, 1]], axis=1)


@pytest.mark.slow
def test_a_common_shift_stays_and_steps_shrink(model):
    shift = torch.tensor([0.01, -0.02, 0.03]).expand(1, model.num_coarse, 3)
    torch.testing.assert_close(model.smooth(shift), shift, atol=1e-6, rtol=0)
    torn = torch.from_numpy(np.random.default_rng(0).normal(0, 0.02, (1, model.num_coarse, 3))).float()
    before, after = steps(model, torn[0].numpy()), steps(model, model.smooth(torn)[0].numpy())
    assert len(before) > 30 and after.max() < 0.2 * before.max()


def test_far_from_the_joints_only_the_mild_part_is_left(model):
    arrays = model.coarse_template.numpy(), model.faces_coarse, model.joint_template.numpy()
    far = away(model) > FAR
    assert 0.4 < far.mean() < 0.95
    mild, none = smoothing_matrix(*arrays), smoothing_matrix(*arrays, mild=0)
    np.testing.assert_array_equal(none[far], np.eye(len(far), dtype=np.float32)[far])
    assert mild[far].diagonal().min() >= 0 and np.diagonal(mild)[far].min() > 0.2


def test_only_what_is_shown_is_smoothed(model):
    random = np.random.default_rng(1)
    rest = np.tile(np.eye(3, dtype=np.float32), (1, 24, 1, 1))
    torn = random.normal(0, 0.02, (1, model.num_coarse, 3)).astype(np.float32)
    bodies = Bodies(np.zeros((1, 10), np.float32), rest, np.float32([[1, 0, 0]]), torn, model)
    with torch.inference_mode():
        values = torch.zeros(1, 10), torch.from_numpy(rest)
        shown = model(*values, model.smooth(torch.from_numpy(torn)), "display").vertices
    np.testing.assert_allclose(bodies.vertices, shown, atol=1e-6)
    assert np.array_equal(bodies.displacement, torn), "what the network said stays"
