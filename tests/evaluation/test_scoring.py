"""The scoring core against torchreid's own function, a slow oracle, and what it promises about ties and memory."""

import itertools
import tracemalloc

import numpy as np
import pytest

from tests.evaluation.peers import torchreid_file
from threedsl.errors import InputError
from threedsl.evaluation import scoring
from threedsl.evaluation.scoring import Labels, Removal, kept_gallery, score_descriptors, score_distances

STANDARD = Removal(same_camera=True)
REMOVALS = [Removal(*flags) for flags in itertools.product((False, True), repeat=3)]


def random_labels(rng, count, people=8):
    return Labels(rng.integers(0, people, count), rng.integers(0, 3, count), rng.integers(0, 2, count))


def unit(rng, count, size=16):
    features = rng.standard_normal((count, size)).astype(np.float32)
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def leaves(removal, query, i, gallery, j):
    """Whether gallery picture j is taken out of the list of query i, word for word as the rules say it."""
    if gallery.pids[j] != query.pids[i]:
        return False
    if removal.same_camera and gallery.camids[j] == query.camids[i]:
        return True
    if removal.same_clothes and gallery.clothes[j] == query.clothes[i]:
        return True
    return bool(removal.other_clothes and gallery.clothes[j] != query.clothes[i])


def oracle(distances, query, gallery, removal):
    """Walk down every query's whole list; among equal distances wrong pictures come first."""
    lines = []
    for i, row in enumerate(distances):
        kept = [j for j in range(len(row)) if not leaves(removal, query, i, gallery, j)]
        kept.sort(key=lambda j: (row[j], gallery.pids[j] == query.pids[i]))
        precisions, last = [], 0
        for place, j in enumerate(kept, 1):
            if gallery.pids[j] == query.pids[i]:
                precisions.append((len(precisions) + 1) / place)
                last = place
        if precisions:
            first = round(1 / precisions[0])
            lines.append((i, first, sum(precisions) / len(precisions), len(precisions) / last))
    return [np.array(column) for column in zip(*lines, strict=True)]


def assert_equals_oracle(scores, distances, query, gallery, removal):
    rows, first, precision, penalty = oracle(distances, query, gallery, removal)
    assert scores.query.tolist() == rows.tolist()
    assert scores.first_rank.tolist() == first.tolist()
    assert np.allclose(scores.average_precision, precision, rtol=0, atol=1e-12)
    assert np.allclose(scores.inverse_negative_penalty, penalty, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(50))
def test_standard_equals_torchreid(seed):
    """From distances and from descriptors; torchreid counts in single precision, hence 1e-6."""
    rng = np.random.default_rng(seed)
    queries, pictures = rng.integers(20, 80), rng.integers(100, 400)
    query, gallery = random_labels(rng, queries, 30), random_labels(rng, pictures, 25)
    features, others = unit(rng, queries), unit(rng, pictures)
    distances = 1 - features @ others.T
    cmc, mean_ap = torchreid_file("metrics/rank.py").evaluate_rank(
        distances, query.pids, gallery.pids, query.camids, gallery.camids, 50, use_cython=False
    )
    for scores in (
        score_distances(distances, query, gallery, STANDARD, "standard"),
        score_descriptors(features, others, query, gallery, STANDARD, "standard"),
    ):
        assert np.abs(scores.cmc(range(1, 51)) - cmc).max() < 1e-6
        assert abs(scores.mean_average_precision - mean_ap) < 1e-6


@pytest.mark.parametrize("seed", range(50))
def test_every_rule_equals_the_oracle(seed):
    rng = np.random.default_rng(seed)
    query, gallery = random_labels(rng, 12), random_labels(rng, 60)
    distances = rng.standard_normal((12, 60)).astype(rng.choice([np.float32, np.float64]))
    for removal in REMOVALS:
        if removal.same_clothes and removal.other_clothes:
            continue  # leaves nothing
        scores = score_distances(distances, query, gallery, removal, "any")
        assert_equals_oracle(scores, distances, query, gallery, removal)


@pytest.mark.parametrize("seed", range(20))
def test_ties_count_against_the_match(seed):
    """Distances of few values, in any number type."""
    rng = np.random.default_rng(seed)
    query, gallery = random_labels(rng, 10), random_labels(rng, 50)
    distances = rng.integers(0, 4, (10, 50)).astype([np.int64, np.float16, np.float32, np.float64][seed % 4])
    scores = score_distances(distances, query, gallery, STANDARD, "standard")
    assert_equals_oracle(scores, distances.astype(float), query, gallery, STANDARD)


def test_constant_distances_put_every_match_last():
    rng = np.random.default_rng(0)
    query, gallery = random_labels(rng, 20), random_labels(rng, 100)
    scores = score_distances(np.full((20, 100), 0.5, np.float32), query, gallery, STANDARD, "standard")
    strangers = (gallery.pids[None] != query.pids[:, None]).sum(1)
    assert (scores.first_rank == strangers[scores.query] + 1).all()
    assert scores.rank(20) == 0 and scores.mean_average_precision < 0.13


def test_constant_descriptors_score_no_better_than_chance():
    """A network that gives everybody the same descriptor, through the matrix product."""
    rng = np.random.default_rng(1)
    query, gallery = random_labels(rng, 50, 25), random_labels(rng, 300, 25)
    same = unit(rng, 1)
    scores = score_descriptors(
        np.repeat(same, 50, 0), np.repeat(same, 300, 0), query, gallery, STANDARD, "standard"
    )
    assert scores.rank(1) <= 0.1 and scores.mean_average_precision < 0.08


def test_the_order_of_the_gallery_does_not_matter():
    rng = np.random.default_rng(2)
    query, gallery = random_labels(rng, 15), random_labels(rng, 70)
    distances = rng.integers(0, 6, (15, 70)).astype(float)
    order = rng.permutation(70)
    one = score_distances(distances, query, gallery, STANDARD, "standard")
    other = score_distances(distances[:, order], query, gallery.take(order), STANDARD, "standard")
    assert (one.first_rank == other.first_rank).all()
    assert np.allclose(one.average_precision, other.average_precision, rtol=0, atol=1e-15)


def test_blocks_of_any_height_give_the_same_and_the_input_is_left_alone(monkeypatch):
    rng = np.random.default_rng(3)
    query, gallery = random_labels(rng, 40), random_labels(rng, 90)
    distances = rng.standard_normal((40, 90))
    before = distances.copy()
    whole = score_distances(distances, query, gallery, STANDARD, "standard")
    monkeypatch.setattr(scoring, "SCRATCH_BYTES", 3 * 90 * 8)
    for cuts in ([], [1], [7, 8, 33], range(1, 40)):
        parts = score_distances(iter(np.split(distances, cuts)), query, gallery, STANDARD, "standard")
        for name in ("query", "first_rank", "average_precision", "inverse_negative_penalty"):
            assert (getattr(parts, name) == getattr(whole, name)).all()
    assert (distances == before).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("few", [0, 5, 10_000], ids=["sorted", "both", "counted"])
def test_counting_and_sorting_give_the_same_ranks(monkeypatch, few, dtype):
    """Queries with 1 to about 40 matches, values that tie and infinities among the strangers'."""
    monkeypatch.setattr(scoring, "COUNTED", few)
    rng = np.random.default_rng(9)
    query, gallery = random_labels(rng, 12, 4), random_labels(rng, 120, 4)
    distances = rng.integers(-30, 30, (12, 120)).astype(dtype)
    strangers = query.pids[:, None] != gallery.pids
    distances[strangers & (rng.random((12, 120)) < 0.1)] = np.inf
    distances[strangers & (rng.random((12, 120)) < 0.1)] = -np.inf
    scores = score_distances(distances, query, gallery, STANDARD, "standard")
    assert_equals_oracle(scores, distances.astype(float), query, gallery, STANDARD)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_queries(monkeypatch):
    """1,500 x 20,000 single-precision distances would take 120 MB."""
    rng = np.random.default_rng(4)
    query, gallery = random_labels(rng, 1500, 2000), random_labels(rng, 20000, 2000)
    features, others = unit(rng, 1500, 8), unit(rng, 20000, 8)
    monkeypatch.setattr(scoring, "BLOCK_BYTES", 8 << 20)
    tracemalloc.start()
    score_descriptors(features, others, query, gallery, STANDARD, "standard")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30e6


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_bad_distance_of_a_match_is_refused(bad):
    query, gallery = (
        Labels(np.array([1]), np.array([1]), np.array([0])),
        Labels(np.array([1, 2]), np.array([2, 2]), np.zeros(2)),
    )
    with pytest.raises(InputError, match="query 1 contain NaN"):
        score_distances(np.array([[bad, 0.5]]), query, gallery, STANDARD, "standard")


def test_nan_among_the_others_is_refused_and_not_taken_for_far():
    query, gallery = (
        Labels(np.array([1, 1]), np.array([1, 1]), np.zeros(2)),
        Labels(np.array([1, 2]), np.array([2, 2]), np.zeros(2)),
    )
    with pytest.raises(InputError, match="query 2 contain NaN"):
        score_distances(np.array([[0.5, 0.6], [0.5, np.nan]]), query, gallery, STANDARD, "standard")
    features = np.array([[1, 0], [1, 0]], np.float32)
    with pytest.raises(InputError, match="NaN"):
        score_descriptors(features, features * np.nan, query, gallery, STANDARD, "standard")


def test_unknown_labels_are_refused_where_the_rule_compares_them():
    words = np.array
    query = Labels(words(["a"]), words(["1"]), words([""]))
    gallery = Labels(words(["a", "b"]), words(["2", ""]), words(["1", ""]))
    distances = np.array([[0.1, 0.2]])
    # The stranger's camera and clothes are nobody's business.
    assert score_distances(distances, query, gallery, STANDARD, "standard").rank(1) == 1
    with pytest.raises(InputError, match=r"'ltcc' compares clothes, but the lists leave some out"):
        score_distances(distances, query, gallery, Removal(same_camera=True, same_clothes=True), "ltcc")
    nowhere = Labels(query.pids, words([""]), query.clothes)
    with pytest.raises(InputError, match="'standard' compares cameras"):
        score_distances(distances, nowhere, gallery, STANDARD, "standard")
    # Of a picture that its camera removes anyway, the clothes are not asked for.
    both = Labels(words(["a", "a"]), words(["1", "2"]), words(["", "2"]))
    dressed = Labels(query.pids, query.camids, words(["1"]))
    rule = Removal(same_camera=True, same_clothes=True)
    assert score_distances(distances, dressed, both, rule, "ltcc").rank(1) == 1


def test_no_match_at_all():
    query, gallery = (
        Labels(np.array([1]), np.array([1]), np.array([0])),
        Labels(np.array([1, 2]), np.array([1, 2]), np.zeros(2)),
    )
    with pytest.raises(
        InputError, match="no query has a true match in the gallery under the protocol 'mine'"
    ):
        score_distances(np.zeros((1, 2)), query, gallery, STANDARD, "mine")


@pytest.mark.parametrize("queries, pictures", [(0, 5), (5, 0), (0, 0)])
def test_no_match_in_the_gallery(queries, pictures):
    rng = np.random.default_rng(8)
    labels = random_labels(rng, queries), random_labels(rng, pictures)
    with pytest.raises(InputError, match="no query has a true match"):
        score_descriptors(unit(rng, queries), unit(rng, pictures), *labels, STANDARD, "standard")
    with pytest.raises(InputError, match="no query has a true match"):
        score_distances(np.zeros((queries, pictures)), *labels, STANDARD, "standard")


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (4, 3)])
def test_distances_that_do_not_fit_the_labels(shape):
    labels = Labels(np.arange(3), np.arange(3), np.arange(3))
    with pytest.raises(ValueError, match=r"labels"):
        score_distances(np.zeros(shape), labels, labels, Removal(), "standard")


def test_strings_and_numbers_are_labels_alike():
    rng = np.random.default_rng(5)
    query, gallery = random_labels(rng, 12), random_labels(rng, 60)
    distances = rng.random((12, 60))

    def named(labels):
        return Labels(*(values.astype(str) for values in (labels.pids, labels.camids, labels.clothes)))

    rule = Removal(same_camera=True, same_clothes=True)
    one = score_distances(distances, query, gallery, rule, "x")
    other = score_distances(distances, named(query), named(gallery), rule, "x")
    assert (one.average_precision == other.average_precision).all()


def test_what_the_figures_mean():
    """Matches at ranks 1, 4 and 6 of seven: by hand."""
    query = Labels(np.array([1]), np.array([1]), np.array([0]))
    gallery = Labels(np.array([1, 2, 3, 1, 4, 1, 5]), np.full(7, 2), np.zeros(7))
    scores = score_distances(np.arange(7.0)[None], query, gallery, STANDARD, "standard")
    assert scores.first_rank.tolist() == [1]
    assert scores.mean_average_precision == pytest.approx((1 / 1 + 2 / 4 + 3 / 6) / 3)
    assert scores.mean_inverse_negative_penalty == pytest.approx(3 / 6)


def test_cmc_is_rank_at_every_k():
    rng = np.random.default_rng(6)
    query, gallery = random_labels(rng, 30), random_labels(rng, 80)
    scores = score_distances(rng.random((30, 80)), query, gallery, STANDARD, "standard")
    assert scores.cmc(range(1, 81)).tolist() == [scores.rank(k) for k in range(1, 81)]
    assert scores.cmc([80]).tolist() == [1.0]


@pytest.mark.parametrize("removal", REMOVALS, ids=str)
def test_kept_gallery_is_what_the_rule_leaves(removal):
    rng = np.random.default_rng(7)
    query, gallery = random_labels(rng, 10), random_labels(rng, 50)
    for i in range(10):
        kept = [not leaves(removal, query, i, gallery, j) for j in range(50)]
        assert kept_gallery(query, i, gallery, removal, "any").tolist() == kept
