"""Nearest and farthest against all distances in double precision."""

import numpy as np
import pytest

from threedsl.evaluation import neighbours
from threedsl.evaluation.neighbours import nearest_and_farthest


def unit(rng, count, size=16):
    features = rng.standard_normal((count, size)).astype(np.float32)
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def squared_distances(features):
    exact = features.astype(np.float64)
    return ((exact[:, None] - exact[None]) ** 2).sum(-1)


@pytest.mark.parametrize("block", [1, 40_000, 96 << 20])
@pytest.mark.parametrize("total, count", [(1, 3), (7, 21), (300, 1), (300, 21), (401, 60)])
def test_equals_sorting_everything(monkeypatch, total, count, block):
    monkeypatch.setattr(neighbours, "BLOCK_BYTES", block)
    features = unit(np.random.default_rng(total), total)
    reports = []
    nearest, farthest = nearest_and_farthest(features, count, lambda done, all: reports.append((done, all)))
    distances = squared_distances(features)
    assert nearest.tolist() == np.argsort(distances, axis=1, kind="stable")[:, :count].tolist()
    assert np.allclose(farthest, distances.max(1), rtol=0, atol=1e-5)
    assert reports[-1] == (total, total) and reports == sorted(reports)


def test_a_picture_comes_before_its_copies_and_they_in_their_order():
    features = np.repeat(unit(np.random.default_rng(0), 30), 2, axis=0)
    nearest, _ = nearest_and_farthest(features, 3)
    assert nearest[:, 0].tolist() == list(range(60))
    assert nearest[:, 1].tolist() == [row ^ 1 for row in range(60)]


def test_pictures_that_are_all_the_same_are_at_no_distance():
    nearest, farthest = nearest_and_farthest(np.repeat(unit(np.random.default_rng(1), 1), 50, axis=0), 5)
    assert nearest[:, 0].tolist() == list(range(50))
    assert np.allclose(farthest, 0, atol=1e-6)
