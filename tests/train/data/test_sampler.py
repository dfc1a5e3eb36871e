"""Batches hold what the triplets need, everybody comes once per pass, and a step stands alone."""

import numpy as np
import pytest

from threedsl.errors import InputError
from train.data.sampler import IdentitySampler


def sampler(seed=0, people=4, pictures=4, sampling="cloth-changing"):
    pids, clothes = [], []
    for pid in range(10):
        for outfit in range(1 if pid == 9 else 3):
            pids += [pid] * 5
            clothes += [outfit] * 5
    batches = IdentitySampler(pids, clothes, people, pictures, seed, sampling)
    return batches, np.array(pids), np.array(clothes)


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


def test_an_epoch_shows_everyone_at_most_once():
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


def plain_batch(pids, clothes, step, people=4, pictures=4, seed=0):
    """Two outfits a person, written out: the draws in the order in which they have always been made."""
    everybody = sorted(set(pids.tolist()))
    passes, place = divmod(step, len(everybody) // people)
    order = np.random.default_rng((seed, passes)).permutation(len(everybody))
    rng = np.random.default_rng((seed, 1, step))
    drawn = []
    for person in order[place * people : (place + 1) * people]:
        outfits = [
            np.flatnonzero((pids == person) & (clothes == worn))
            for worn in dict.fromkeys(clothes[pids == person])
        ]
        two = [outfits[i] for i in rng.permutation(len(outfits))[:2]]
        for indices in two:
            share = pictures // len(two)
            drawn += rng.choice(indices, share, replace=len(indices) < share).tolist()
    return drawn


def test_clothing_changing_batches_are_what_they_always_were():
    batches, pids, clothes = sampler()
    for step in range(12):
        assert batches.batch(step).tolist() == plain_batch(pids, clothes, step)


def test_ordinary_batches_do_not_look_at_clothes():
    batches, pids, clothes = sampler(sampling="ordinary")
    relabelled = IdentitySampler(pids, np.zeros_like(clothes), 4, 4, 0, "ordinary")
    worn = set()
    for step in range(40):
        indices = batches.batch(step)
        assert len(set(indices)) == 16 and np.array_equal(indices, relabelled.batch(step))
        for person in indices.reshape(4, 4):
            assert len(set(pids[person])) == 1
            worn.add(tuple(sorted(np.unique(clothes[person], return_counts=True)[1].tolist())))
    assert {(1, 3), (1, 1, 2), (2, 2)} <= worn


def uniforms():
    """Blue: people 0 to 12. White: people 10 to 21, of whom 10 to 12 have both. 22 and 23 dress as nobody else."""
    worn = [(pid, "blue") for pid in range(13)] + [(pid, "white") for pid in range(10, 22)]
    worn += [(22, "red"), (23, "green"), (0, "pink")]
    pids, clothes = zip(*(one for one in worn for _ in range(3)), strict=True)
    return np.array(pids), np.array(clothes)


def test_fine_grained_batches_are_dressed_alike():
    pids, clothes = uniforms()
    batches = IdentitySampler(pids, clothes, 4, 4, 0, "fine-grained")
    first_groups, lonely, anchors = set(), 0, 0
    for passes in range(10):
        seen = []
        for place in range(batches.steps_per_pass):
            people = batches.batch(passes * batches.steps_per_pass + place).reshape(4, 4)
            outfits = []
            for indices in people:
                assert len(set(pids[indices])) == 1 and len(set(clothes[indices])) == 1
                outfits.append(str(clothes[indices[0]]))
                seen.append(int(pids[indices[0]]))
            first_groups |= {outfits[0]} if place == 0 else set()
            assert "pink" not in outfits  # person 0 has clothes in common with others, and wears those
            lonely += sum(outfits.count(outfit) == 1 for outfit in outfits if outfit in ("blue", "white"))
            anchors += 4
        assert len(seen) == len(set(seen)) == 24
    assert {"blue", "white"} <= first_groups  # batches come in any order
    assert lonely <= anchors / 24  # at most one at an edge between groups in each pass


def test_people_of_two_groups_are_seen_in_both():
    pids, clothes = uniforms()
    batches = IdentitySampler(pids, clothes, 4, 4, 0, "fine-grained")
    indices = np.concatenate([batches.batch(step) for step in range(60)])
    assert set(clothes[indices[pids[indices] == 11]]) == {"blue", "white"}


def test_fine_grained_passes_leave_out_other_people_each_time():
    """Ten people do not fill batches of four; the two who dress as nobody else are no more often left out."""
    pids, clothes = np.arange(10).repeat(3), np.array(["blue"] * 24 + ["red"] * 3 + ["green"] * 3)
    batches = IdentitySampler(pids, clothes, 4, 2, 0, "fine-grained")
    seen = np.zeros(10)
    for step in range(200 * batches.steps_per_pass):
        seen[np.unique(pids[batches.batch(step)])] += 1
    assert seen.sum() == 200 * 8 and np.all(np.abs(seen - 160) < 5 * np.sqrt(200 * 0.8 * 0.2))


def test_fine_grained_without_labels_is_one_group_and_without_groups_is_refused():
    unlabelled = IdentitySampler(np.arange(6).repeat(2), [""] * 12, 3, 2, 0, "fine-grained")
    assert len({tuple(unlabelled.batch(step)) for step in range(8)}) > 4
    with pytest.raises(InputError, match="fine-grained needs people in the same clothes"):
        IdentitySampler([0, 0, 1, 1], ["a", "b", "c", "d"], 2, 2, 0, "fine-grained")


def test_too_few_people():
    with pytest.raises(InputError, match="10"):
        sampler(people=11)


def test_dressed_alike_batches_hold_teams_in_two_outfits():
    """Eight teams of five with four outfits each, and twelve people with wardrobes of their own."""
    wardrobes = {pid: [f"t{pid // 5}-{n}" for n in range(4)] for pid in range(40)}
    wardrobes |= {pid: [f"own{pid}-{n}" for n in range(3)] for pid in range(40, 52)}
    pids, clothes = zip(
        *((pid, outfit) for pid, worn in wardrobes.items() for outfit in worn for _ in range(3)), strict=True
    )
    pids, clothes = np.array(pids), np.array(clothes)
    alike = IdentitySampler(pids, clothes, 5, 4, 0, "dressed-alike")
    usual = IdentitySampler(pids, clothes, 5, 4, 0, "cloth-changing")

    def teammates(batches):
        """Share of pairs of a batch's team members that are of one team."""
        pairs = []
        for step in range(30 * batches.steps_per_pass):
            members = np.unique(pids[batches.batch(step)])
            members = members[members < 40]
            pairs += [a // 5 == b // 5 for a in members for b in members if a < b]
        return np.mean(pairs)

    assert teammates(alike) > 0.5 > 0.2 > teammates(usual)
    for passes in range(10):
        steps = range(passes * alike.steps_per_pass, (passes + 1) * alike.steps_per_pass)
        people = np.concatenate([alike.batch(step) for step in steps]).reshape(-1, 4)
        assert len(set(pids[people[:, 0]])) == len(people) == 50
        for indices in people:
            assert len(set(pids[indices])) == 1
            assert sorted(np.unique(clothes[indices], return_counts=True)[1]) == [2, 2]
