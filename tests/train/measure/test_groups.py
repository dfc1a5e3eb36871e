"""Figures by groups of people, against scores of each group's queries alone."""

import numpy as np
import pytest

from tests.train.toy import write_dataset
from threedsl.errors import InputError
from train.measure.card.tables import group_table
from train.measure.groups import evaluate_groups, groups_of
from train.measure.retrieval import RetrievalSet
from train.synthesize.truth import TRAITS, TRUTH, read_traits


def written(root, people):
    """Traits of toy people: women have even numbers, weight and skin fall and rise with the number."""
    values = [(i % 2 == 0, 1 - i / 100, 0.5, 1.7, float(i)) for i in range(len(people))]
    np.savez(root / TRUTH, people=np.array(people), traits=np.array(values, np.float32))


@pytest.fixture
def ranked(tmp_path):
    write_dataset(tmp_path, people=12)
    data = RetrievalSet.read(tmp_path, (64, 32))
    rng = np.random.default_rng(0)
    query, gallery = (
        {
            "combined": (rows := rng.normal(size=(len(side), 8)).astype(np.float32))
            / np.linalg.norm(rows, axis=1)[:, None]
        }
        for side in (data.query, data.gallery)
    )
    scores = {protocol: data.score(query, gallery, protocol) for protocol in data.protocols}
    return tmp_path, data, scores


def test_each_group_has_the_figures_of_its_own_queries(ranked):
    root, data, scores = ranked
    pids = data.query_labels.pids
    people = sorted(set(pids.tolist()))
    written(root, people)
    found = evaluate_groups(root, scores, pids, "combined", 0)
    assert list(found) == [
        "women", "men", "slim build", "medium build", "heavy build", "dark skin", "medium skin", "light skin",
    ]  # fmt: skip
    for protocol, streams in scores.items():
        one = streams["combined"]
        for group, members in (("women", people[::2]), ("men", people[1::2]), ("slim build", people[-4:])):
            own = np.isin(pids[one.query], members)
            figures = found[group][protocol]
            assert found[group]["people"] == len(members)
            assert figures["rank-1"]["value"] == pytest.approx((one.first_rank[own] <= 1).mean())
            assert figures["mAP"]["value"] == pytest.approx(one.average_precision[own].mean())
            low, high = figures["mAP"]["interval"]
            assert low <= figures["mAP"]["value"] <= high
    lines = group_table(found)
    assert sum(line.startswith("| ") for line in lines) == 2 + len(found)


def test_thirds_are_disjoint_and_cover_everyone():
    traits = {str(i): dict(zip(TRAITS, (i % 2, i / 10, 0, 0, -i), strict=True)) for i in range(10)}
    groups = groups_of(traits)
    for names in (
        ("women", "men"),
        ("slim build", "medium build", "heavy build"),
        ("dark skin", "medium skin", "light skin"),
    ):
        members = [pid for name in names for pid in groups[name]]
        assert sorted(members) == sorted(traits)
    assert groups["heavy build"] == ["7", "8", "9"] and "9" in groups["dark skin"]


def test_without_traits_there_are_no_figures_and_damaged_ones_are_refused(ranked):
    root, data, scores = ranked
    pids = data.query_labels.pids
    assert evaluate_groups(root, scores, pids, "combined", 0) is None and group_table(None) == []
    np.savez(root / TRUTH, paths=np.array(["a"]))
    assert read_traits(root) is None
    np.savez(root / TRUTH, people=np.array(["a", "b"]), traits=np.zeros((1, 5)))
    with pytest.raises(InputError, match="does not describe 2 people"):
        read_traits(root)
