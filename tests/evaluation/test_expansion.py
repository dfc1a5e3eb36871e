"""Query expansion against its definition, written with loops."""

import numpy as np
import pytest

from threedsl.errors import InputError
from threedsl.evaluation.expansion import expand_queries


def unit(rng, count, size=12):
    features = rng.standard_normal((count, size)).astype(np.float32)
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def oracle(query, gallery, k, alpha):
    expanded = []
    for q in query.astype(np.float64):
        found = sorted(((float(g @ q), g) for g in gallery.astype(np.float64)), key=lambda pair: -pair[0])[:k]
        total = q.copy()
        for similarity, g in found:
            total += max(similarity, 0) ** alpha * g if alpha else g
        expanded.append(total / np.sqrt((total**2).sum()))
    return np.array(expanded)


@pytest.mark.parametrize("k, alpha", [(1, 0), (5, 0), (5, 3), (40, 0.5), (100, 0), (100, 2)])
@pytest.mark.parametrize("seed", range(5))
def test_equals_the_definition(seed, k, alpha):
    rng = np.random.default_rng(seed)
    query, gallery = unit(rng, 9), unit(rng, 40)
    expanded = expand_queries(query, gallery, k, alpha)
    assert expanded.dtype == np.float32
    assert np.abs(expanded - oracle(query, gallery, k, alpha)).max() < 1e-5


def test_a_query_moves_towards_its_person():
    rng = np.random.default_rng(0)
    person = unit(rng, 1)
    near = person + 0.2 * unit(rng, 20)
    gallery = np.concatenate([near / np.linalg.norm(near, axis=1, keepdims=True), unit(rng, 200)])
    query = person + 0.5 * unit(rng, 1)
    query /= np.linalg.norm(query)
    assert expand_queries(query, gallery) @ person[0] > query @ person[0]


def test_a_query_and_its_opposite_cancel_without_nan():
    query = unit(np.random.default_rng(1), 1)
    assert np.isfinite(expand_queries(query, -query, k=1)).all()


@pytest.mark.parametrize("options", [{"k": 0}, {"alpha": -1}], ids=str)
def test_options_out_of_range(options):
    query = unit(np.random.default_rng(2), 2)
    with pytest.raises(InputError, match="query expansion needs"):
        expand_queries(query, query, **options)
