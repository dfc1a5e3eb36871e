"""Sparse re-ranking against the published dense algorithm, as torchreid ships it."""

import tracemalloc

import numpy as np
import pytest

from tests.evaluation.peers import torchreid_file
from threedsl.errors import InputError
from threedsl.evaluation import neighbours, reranking
from threedsl.evaluation.reranking import rerank
from threedsl.evaluation.scoring import Labels, Removal, score_descriptors, score_distances


def people(seed, queries, gallery, persons, noise=1.2, size=48):
    """Unit descriptors and labels of persons who look more or less like themselves."""
    rng = np.random.default_rng(seed)
    pids = rng.integers(0, persons, queries + gallery)
    features = rng.standard_normal((persons, size))[pids] + noise * rng.standard_normal((len(pids), size))
    features = (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)
    labels = Labels(pids, np.arange(len(pids)), pids)
    split = np.arange(len(pids)) < queries
    return features[:queries], features[queries:], labels.take(split), labels.take(~split)


def dense(query, gallery, k1=20, k2=6, weight=0.3):
    """torchreid's function on Euclidean distances worked out in double precision."""
    features = np.concatenate([query, gallery]).astype(np.float64)
    squared = (features**2).sum(1)
    distances = np.sqrt(np.maximum(squared[:, None] + squared - 2 * features @ features.T, 0))
    n = len(query)
    return torchreid_file("utils/rerank.py").re_ranking(
        distances[:n, n:], distances[:n, :n], distances[n:, n:], k1, k2, weight
    )


def whole(reranked):
    return np.concatenate([block.copy() for block in reranked.blocks()])


@pytest.mark.slow
def test_equals_the_dense_algorithm_on_two_thousand_pictures():
    query, gallery, *_ = people(0, 400, 1600, 120)
    assert np.abs(whole(rerank(query, gallery)) - dense(query, gallery)).max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"k1": 7},
        {"k1": 5, "k2": 1},  # k1 / 2 is rounded to the even number
        {"k1": 30, "k2": 10},
        {"k2": 1},
        {"weight": 0.0},
        {"weight": 1.0},
        {"k1": 1, "k2": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("seed", [1, 2])
def test_equals_the_dense_algorithm_with_other_parameters(seed, options):
    query, gallery, *_ = people(seed, 60, 240, 25 * seed)
    assert np.abs(whole(rerank(query, gallery, **options)) - dense(query, gallery, **options)).max() < 1e-5


def test_fewer_pictures_than_neighbours():
    query, gallery, *_ = people(3, 3, 9, 4)
    assert np.abs(whole(rerank(query, gallery)) - dense(query, gallery)).max() < 1e-5


def test_block_sizes_do_not_change_the_result(monkeypatch):
    query, gallery, *_ = people(4, 50, 250, 20)
    before = whole(rerank(query, gallery))
    monkeypatch.setattr(neighbours, "BLOCK_BYTES", 30_000)
    monkeypatch.setattr(reranking, "BLOCK_BYTES", 7 * 4 * 250)
    monkeypatch.setattr(reranking, "SCRATCH", 50_000)
    reranked = rerank(query, gallery)
    assert np.abs(whole(reranked) - before).max() < 1e-6
    assert np.abs(whole(reranked) - before).max() < 1e-6  # the blocks can be asked for again
    assert np.abs(reranked.row(33) - before[33]).max() < 1e-6


def test_it_helps_and_is_scored_block_by_block():
    query, gallery, *labels = people(5, 100, 800, 40, noise=1.5)
    rule = Removal(), "plain"
    plain = score_descriptors(query, gallery, *labels, *rule).mean_average_precision
    better = score_distances(rerank(query, gallery).blocks(), *labels, *rule).mean_average_precision
    assert better > plain + 0.1


def test_all_weight_on_the_original_distance_ranks_as_without():
    query, gallery, *labels = people(6, 40, 300, 30)
    rule = Removal(), "plain"
    plain = score_descriptors(query, gallery, *labels, *rule)
    same = score_distances(rerank(query, gallery, weight=1).blocks(), *labels, *rule)
    assert (
        np.abs(plain.average_precision - same.average_precision).max() < 1e-3
    )  # rounding may swap neighbours


def test_the_same_descriptor_for_everyone_is_neither_nan_nor_rewarded():
    _, _, *labels = people(7, 20, 200, 10)
    same = np.full((220, 16), 0.25, np.float32)
    distances = whole(rerank(same[:20], same[20:]))
    assert np.isfinite(distances).all()
    assert score_distances(distances, *labels, Removal(), "plain").mean_average_precision < 0.25


@pytest.mark.slow
def test_memory_grows_with_the_number_of_pictures_and_not_its_square(monkeypatch):
    """Dense matrices would grow fourfold, and one of them alone would take 144 MB at 6,000 pictures."""
    monkeypatch.setattr(neighbours, "BLOCK_BYTES", 1 << 20)
    monkeypatch.setattr(reranking, "BLOCK_BYTES", 1 << 20)
    monkeypatch.setattr(reranking, "SCRATCH", 1 << 17)
    peaks = []
    for total in (3000, 6000):
        query, gallery, *_ = people(8, total // 6, total - total // 6, total // 20, size=16)
        tracemalloc.start()
        for _ in rerank(query, gallery).blocks():
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2.5 * peaks[0] and peaks[1] < 40e6


@pytest.mark.parametrize("options", [{"k1": 0}, {"k2": 0}, {"k1": 3, "k2": 5}, {"weight": 1.5}], ids=str)
def test_parameters_out_of_range(options):
    query, gallery, *_ = people(9, 5, 30, 4)
    with pytest.raises(InputError, match="re-ranking needs k1"):
        rerank(query, gallery, **options)


@pytest.mark.parametrize("factor", [2.0, np.nan])
def test_descriptors_must_have_unit_length(factor):
    query, gallery, *_ = people(10, 5, 30, 4)
    gallery[3] *= factor
    with pytest.raises(InputError, match="unit length"):
        rerank(query, gallery)


@pytest.mark.parametrize("queries, pictures", [(0, 30), (5, 0)])
def test_no_match_in_the_gallery(queries, pictures):
    query, gallery, *_ = people(11, 5, 30, 4)
    with pytest.raises(InputError, match="at least one query and one gallery picture"):
        rerank(query[:queries], gallery[:pictures])
