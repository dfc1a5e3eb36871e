"""Linear algebra of the body file against numpy's own decompositions and planted answers."""

import numpy as np

from train.body.shape_space import betas_of, fit_regressor, principal_shapes, reconstruction_error, spread


def bodies(count=60, vertices=40, seed=0):
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(5, vertices, 3)) * np.array([5, 3, 2, 1, 0.5])[:, None, None]
    template = rng.normal(size=(vertices, 3)) * 10
    return template + np.tensordot(rng.normal(size=(count, 5)), directions, 1)


def test_principal_shapes_equal_a_singular_value_decomposition():
    data = bodies()
    mean, directions, deviations = principal_shapes(data, 5)
    centred = (data - data.mean(0)).reshape(len(data), -1)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    assert np.allclose(mean, data.mean(0))
    assert np.allclose(deviations, singular[:5] / np.sqrt(len(data) - 1))
    for ours, axis in zip(directions, axes, strict=False):
        cosine = abs(ours.ravel() @ axis) / np.linalg.norm(ours)
        assert cosine > 0.99999


def test_betas_have_unit_variance_and_rebuild_the_bodies():
    data = bodies()
    mean, directions, deviations = principal_shapes(data, 5)
    betas = betas_of(data, mean, directions)
    assert np.allclose(betas.std(0, ddof=1), 1) and np.allclose(betas.mean(0), 0, atol=1e-9)
    errors = reconstruction_error(data, mean, directions, deviations)
    assert errors[5].max() < 1e-6 and errors[1].mean() > errors[2].mean() > errors[5].mean()


def test_the_regressor_finds_planted_weights_where_they_are_determined():
    rng = np.random.default_rng(3)
    data = rng.normal(size=(80, 30, 3))
    planted = rng.random((2, 30))
    planted /= planted.sum(1, keepdims=True)
    points = planted @ data
    weights = fit_regressor(data, points, data.mean(0), region=30, support=30, ridge=1e-9)
    assert np.allclose(weights, planted, atol=1e-5) and np.allclose(weights.sum(1), 1)


def test_spread_points_are_far_from_each_other():
    rng = np.random.default_rng(4)
    points = rng.random((200, 3))
    chosen = points[spread(points, 12)]
    gaps = np.linalg.norm(chosen[:, None] - chosen[None], axis=-1) + 9 * np.eye(12)
    random = points[:12]
    random_gaps = np.linalg.norm(random[:, None] - random[None], axis=-1) + 9 * np.eye(12)
    assert gaps.min() > 2 * random_gaps.min() and len({tuple(p) for p in chosen}) == 12
