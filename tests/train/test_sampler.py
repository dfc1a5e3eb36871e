"""Batches hold what the triplets need, everybody comes once per pass, and a step stands alone."""

import numpy as np
import pytest

from threedsl.errors import InputError
from train.sampler import IdentitySampler


def sampler(seed=0, people=4, pictures=4):
    pids, clothes = [], []
    for pid in range(10):
        for outfit in range(1 if pid == 9 else 3):
            pids += [pid] * 5
            clothes += [outfit] * 5
    return IdentitySampler(pids, clothes, people, pictures, seed), np.array(pids), np.array(clothes)


def test_every_anchor_has_both_kinds_of_positives():
    batches, pids, clothes = sampler()
    for step in range(20):
        indices = batches.batch(step)
        assert len(indices) == 16 and len(set(pids[indices])) == 4
        for pid in set(pids[indices]):
            worn = clothes[indices][pids[indices] == pid]
            counts = np.unique(worn, return_counts=True)[1]
            assert counts.tolist() == ([4] if pid == 9 else [2, 2])


def test_pictures_are_not_repeated_where_there_are_enough():
    batches, _, _ = sampler()
    assert all(len(set(batches.batch(step))) == 16 for step in range(20))


def test_a_pass_shows_everybody_at_most_once():
    batches, pids, _ = sampler()
    seen = np.concatenate([np.unique(pids[batches.batch(step)]) for step in range(batches.steps_per_pass)])
    assert len(seen) == len(set(seen)) == 8


def test_a_step_depends_on_seed_and_number_only():
    first, _, _ = sampler()
    later, _, _ = sampler()
    history = [first.batch(step) for step in range(9)]
    assert np.array_equal(history[7], later.batch(7))
    assert not np.array_equal(history[7], sampler(seed=1)[0].batch(7))
    assert not np.array_equal(history[0], history[first.steps_per_pass])


def test_too_few_people():
    with pytest.raises(InputError, match="10"):
        sampler(people=11)
