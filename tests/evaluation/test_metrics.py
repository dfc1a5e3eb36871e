"""Metrics against a slow oracle written from the protocols' definitions, and their edge cases."""

import numpy as np
import pytest

from threedsl.errors import InputError
from threedsl.evaluation.metrics import Labels, bootstrap_interval, evaluate


def oracle(similarity, query, gallery, protocol):
    """One query at a time: sort the gallery, drop what the protocol drops, walk down the list."""
    firsts, precisions = [], []
    for i in range(len(similarity)):
        hits = []
        for j in np.argsort(-similarity[i], kind="stable"):
            same_person = gallery.pids[j] == query.pids[i]
            same_camera = gallery.camids[j] == query.camids[i]
            same_clothes = gallery.clothes[j] == query.clothes[i]
            if same_person and same_camera:
                continue
            if protocol == "cloth-changing" and same_person and same_clothes:
                continue
            if protocol == "same-clothes" and same_person and not same_clothes:
                continue
            hits.append(same_person)
        if not any(hits):
            continue
        found = np.flatnonzero(hits)
        firsts.append(found[0] + 1)
        precisions.append(np.mean([(k + 1) / (place + 1) for k, place in enumerate(found)]))
    return firsts, precisions


def random_labels(rng, count):
    return Labels(rng.integers(0, 8, count), rng.integers(0, 3, count), rng.integers(0, 2, count))


@pytest.mark.parametrize("protocol", ["standard", "cloth-changing", "same-clothes"])
@pytest.mark.parametrize("seed", range(50))
def test_equals_the_oracle(protocol, seed):
    rng = np.random.default_rng(seed)
    query, gallery = random_labels(rng, 12), random_labels(rng, 60)
    similarity = rng.normal(size=(12, 60))
    scores = evaluate(similarity, query, gallery, protocol)
    firsts, precisions = oracle(similarity, query, gallery, protocol)
    assert scores.first_rank.tolist() == firsts
    assert np.allclose(scores.average_precision, precisions, atol=1e-12)
    assert scores.rank(1) == np.mean(np.array(firsts) <= 1)


def test_constant_similarities_score_badly():
    """Ties count against the match: the true match is last."""
    query = Labels(np.array(["a"]), np.array([1]), np.array([1]))
    gallery = Labels(np.array(["b"] * 9 + ["a"]), np.full(10, 2), np.full(10, 2))
    scores = evaluate(np.zeros((1, 10)), query, gallery)
    assert scores.first_rank.tolist() == [10] and scores.average_precision[0] == pytest.approx(0.1)


def test_queries_without_a_match_are_left_out_and_named():
    query = Labels(np.array(["x", "a"]), np.array([1, 1]), np.array([1, 1]))
    gallery = Labels(np.array(["a", "b"]), np.array([2, 2]), np.array([1, 1]))
    assert evaluate(np.eye(2), query, gallery).query.tolist() == [1]
    with pytest.raises(InputError, match="cloth-changing"):
        evaluate(np.eye(2), query, gallery, "cloth-changing")


def test_unknown_protocol():
    labels = Labels(np.array([1]), np.array([1]), np.array([1]))
    with pytest.raises(InputError, match="standard, cloth-changing"):
        evaluate(np.zeros((1, 1)), labels, labels, "market")


def test_bootstrap_intervals_have_their_nominal_coverage():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        low, high = bootstrap_interval(rng.random(80) < 0.3, seed=trial, draws=400)
        covered += low <= 0.3 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_bootstrap_of_people_is_wider_than_of_queries():
    """Twenty queries that agree within a person carry the information of one."""
    rng = np.random.default_rng(1)
    values = np.repeat(rng.random(30) < 0.5, 20)
    people = np.repeat(np.arange(30), 20)
    narrow, wide = bootstrap_interval(values), bootstrap_interval(values, people)
    assert wide[1] - wide[0] > 3 * (narrow[1] - narrow[0])
