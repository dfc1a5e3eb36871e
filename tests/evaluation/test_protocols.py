"""Protocols as data, and the pictures they choose from lists."""

from dataclasses import replace
from itertools import combinations
from math import comb
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from threedsl.data.listfile import Record, write_list
from threedsl.datasets import DATASETS
from threedsl.errors import InputError
from threedsl.evaluation.labels import single_shots
from threedsl.evaluation.metrics import REMOVALS, expected_figures
from threedsl.evaluation.protocols import PROTOCOLS, find_protocol, published_for
from threedsl.evaluation.testset import applicable, choose_trials, read_trial


def write(folder, query, gallery, name="", **extra):
    """A dataset folder from lists of "path pid camera clothes" records; pictures are a colour of their own each."""
    lists = {"query": query, "gallery": gallery, **extra}
    for title, rows in lists.items():
        records = []
        for words in rows:
            path, pid, camid, clothes = [*words.split(), "", "", ""][:4]
            picture = folder / path
            picture.parent.mkdir(parents=True, exist_ok=True)
            if not picture.is_file():
                colour = np.random.default_rng(list(path.encode())).integers(0, 256, 3)
                Image.new("RGB", (16, 32), tuple(colour.tolist())).save(picture)
            records.append(Record(picture, pid, camid, clothes))
        write_list(records, folder / "list" / f"{title}.txt", folder)
    if name:
        (folder / "list" / "prepared.json").write_text(f'{{"dataset": "{name}"}}')
    return folder


def test_protocols_are_complete_and_distinct():
    names = [protocol.name for protocol in PROTOCOLS]
    assert len(set(names)) == len(names) and "all" not in names
    for protocol in PROTOCOLS:
        assert protocol.summary and protocol.source and protocol.removed in REMOVALS
        assert find_protocol(protocol.name) is protocol
        own = [name for name in DATASETS if protocol.belongs_to(name)]
        assert protocol.general or len(own) == 1, "a dataset's protocol begins with the dataset's name"
    # Two protocols that would give the same number must differ in their names only on purpose.
    bare = [replace(protocol, name="", summary="", source="") for protocol in PROTOCOLS]
    twins = {names[a] + " = " + names[b] for a, b in combinations(range(len(names)), 2) if bare[a] == bare[b]}
    assert twins == {
        "standard = vcclothes/all",
        "standard = fgpr/all",
        "vcclothes/all = fgpr/all",
        "nothing-removed = prcc/cross-clothes",
        "nothing-removed = celebreid/nothing-removed",
        "prcc/cross-clothes = celebreid/nothing-removed",
    }


def test_every_dataset_of_prepare_has_its_protocols():
    for dataset in {*DATASETS, "celebreid-light"} - {"folder"}:
        assert published_for(dataset)
    assert published_for("folder") == published_for("unknown") == ()
    assert published_for("celebreid") == published_for("celebreid-light")
    general = {protocol.name for protocol in PROTOCOLS if protocol.general}
    assert all(set(module.PROTOCOLS) <= general for module in DATASETS.values())
    assert [protocol.name for protocol in published_for("ltcc")] == ["standard", "cloth-changing"]


def test_single_shots_are_one_picture_a_person_whatever_the_order_of_the_list():
    records = [Record(Path(f"/{pid}/{n}.jpg"), pid) for pid in ("c", "a", "b") for n in range(5)]
    draws = single_shots(records, 10, seed=0)
    assert len(draws) == 10
    chosen = [[records[row].path.as_posix() for row in rows] for rows in draws]
    assert all([path[1] for path in paths] == ["a", "b", "c"] for paths in chosen)
    assert len({tuple(paths) for paths in chosen}) > 5
    shuffled = [records[i] for i in np.random.default_rng(1).permutation(len(records))]
    again = [[shuffled[row].path.as_posix() for row in rows] for rows in single_shots(shuffled, 10, seed=0)]
    assert again == chosen
    assert [list(rows) for rows in single_shots(records, 10, seed=1)] != [list(rows) for rows in draws]


def test_counts_of_matches_and_of_what_is_ranked(tmp_path):
    query = ["q0.png a 1 1", "q1.png a 2 2", "q2.png z 1 1"]
    gallery = ["g0.png a 1 1", "g1.png a 2 1", "g2.png a 2 2", "g3.png b 1 1", "g4.png 0000 1"]
    folder = write(tmp_path, query, gallery)
    counts = {
        name: (trial.matches.tolist(), trial.ranked.tolist())
        for name in ("standard", "cloth-changing", "same-clothes", "nothing-removed")
        for trial in [read_trial(folder, find_protocol(name))]
    }
    assert counts == {
        "standard": ([2, 1, 0], [4, 3, 5]),
        "cloth-changing": ([1, 1, 0], [3, 3, 5]),
        "same-clothes": ([1, 0, 0], [3, 2, 5]),
        "nothing-removed": ([3, 3, 0], [5, 5, 5]),
    }


def test_a_picture_never_finds_itself(tmp_path):
    rows = ["x0.png a", "x1.png a", "x2.png b", "x3.png b"]
    trial = read_trial(write(tmp_path, rows, rows), find_protocol("nothing-removed"))
    assert trial.matches.tolist() == [1, 1, 1, 1] and trial.ranked.tolist() == [3, 3, 3, 3]


def test_cameras_choose_queries_and_gallery(tmp_path):
    query = [f"q{camera}.png a {camera} 1" for camera in (1, 2, 3, 4)]
    gallery = [f"g{camera}.png a {camera} 1" for camera in (1, 2, 3, 4)]
    folder = write(tmp_path, query, gallery, "vcclothes")
    for name, cameras in {
        "vcclothes/all": ("1234", "1234"),
        "vcclothes/same-clothes": ("23", "23"),
        "vcclothes/cloth-changing": ("34", "34"),
        "vcclothes/same-clothes-one-way": ("3", "2"),
        "vcclothes/cloth-changing-one-way": ("4", "3"),
    }.items():
        trial = read_trial(folder, find_protocol(name))
        kept = ["".join(record.camid for record in part) for part in (trial.query, trial.gallery)]
        assert tuple(kept) == cameras


@pytest.mark.parametrize(
    ("query", "gallery", "expected"),
    [
        (["q.png a 1 1"], ["g.png a 2 1", "h.png a 1 1"], ["standard", "cloth-changing", "same-clothes"]),
        (["q.png a 1"], ["g.png a 2", "h.png a 1"], ["standard"]),
        (["q.png a"], ["g.png a"], ["nothing-removed"]),
        (["q.png a 0", "r.png a 0"], ["g.png a 0"], ["nothing-removed"]),
        (["q.png a 0", "r.png a 1"], ["g.png a 2", "h.png a 3"], ["nothing-removed"]),  # own cameras
        (["q.png a 0 1", "r.png a 1 1"], ["g.png a 1 1"], ["standard", "cloth-changing", "same-clothes"]),
        # A distractor's camera and clothes are never compared.
        (["q.png a 1 1"], ["g.png a 2 2", "i.png a 1 2", "h.png 0000"], ["standard", "cloth-changing", "same-clothes"]),
    ],
)  # fmt: skip
def test_lists_that_prepare_did_not_write(tmp_path, query, gallery, expected):
    folder = write(tmp_path, query, gallery)
    assert [protocol.name for protocol in applicable(folder)] == expected


def test_the_protocols_of_all_and_those_by_name_count_once(tmp_path):
    query, gallery = ["q.png a 1 1", "r.png b 1 1"], ["g.png a 2 2", "h.png b 2 2", "i.png b 1 1"]
    folder = write(tmp_path, query, gallery, "ltcc")
    trials, left_out = choose_trials(folder, ["cloth-changing", "all", "cloth-changing"])
    assert [trial.protocol.name for trial in trials] == ["cloth-changing", "standard"] and left_out == {}


def test_all_leaves_out_protocols_without_a_match_but_a_name_does_not(tmp_path):
    query, gallery = ["q.png a 1 1", "r.png b 1 1"], ["g.png a 2 1", "h.png b 2 1", "i.png b 1 1"]
    folder = write(tmp_path, query, gallery)
    trials, left_out = choose_trials(folder, ["all"])
    assert [trial.protocol.name for trial in trials] == ["standard", "same-clothes"]
    assert list(left_out) == ["cloth-changing"] and "true match" in left_out["cloth-changing"]
    with pytest.raises(
        InputError, match=r"no query of .* has a true match in the gallery under 'cloth-changing'"
    ):
        choose_trials(folder, ["all", "cloth-changing"])


@pytest.mark.parametrize("names", [["all"], ["standard"], ["nothing-removed"], ["all", "cloth-changing"]])
@pytest.mark.parametrize("cameras", [("1", "2"), ("1", "1"), ("", "")])
def test_queries_without_any_person_of_the_gallery(tmp_path, names, cameras):
    """The reason is the people, whatever the protocol and the cameras; the remedy is not another protocol."""
    clothes = " 1" * bool(cameras[0])
    query = [f"q{k}.png {pid} {cameras[0]}{clothes}" for k, pid in enumerate(("8888", "8889"))]
    gallery = [f"g{k}.png {pid} {cameras[1]}{clothes}" for k, pid in enumerate("abcde")]
    with pytest.raises(InputError) as caught:
        choose_trials(write(tmp_path, query, gallery), names)
    assert str(caught.value) == (
        f"none of the 2 people in {tmp_path}'s queries (8888, 8889) is among the 5 in its gallery (a, b, c …), so "
        "nothing can be scored; label people alike in both lists, or add pictures of the queries' people to the "
        "gallery."
    )


def test_people_whose_pictures_are_all_removed_are_another_reason(tmp_path):
    folder = write(tmp_path, ["q.png a 1 1", "r.png b 2 1"], ["g.png a 1 1", "h.png b 2 1"])
    with pytest.raises(
        InputError, match=r"people are there, but all .* removed; use .* nothing-removed, or add pictures"
    ):
        choose_trials(folder, ["standard"])
    assert choose_trials(folder, ["nothing-removed"])[0]
    folder = write(tmp_path / "same", ["q.png a 1 1"], ["q.png a 1 1", "h.png b 2 1"])
    with pytest.raises(InputError, match="all their pictures are removed; add pictures of them"):
        choose_trials(folder, ["nothing-removed"])


def test_a_damaged_prepared_file_is_as_good_as_none(tmp_path):
    query, gallery = ["q.png a 1", "r.png b 1"], ["g.png a 2", "h.png b 2", "i.png b 1"]
    folder = write(tmp_path, query, gallery)
    for text in ("", "{", "[1, 2]", '"prcc"', "{}"):
        (folder / "list" / "prepared.json").write_text(text)
        assert [protocol.name for protocol in applicable(folder)] == ["standard"]


@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 7), (2, 7), (3, 7), (6, 7), (7, 7), (4, 12)])
def test_chance_is_the_mean_over_all_orders(m, n):
    """Every choice of m places among n is as likely as any other."""
    rows = []
    for places in combinations(range(1, n + 1), m):
        row = {f"rank-{k}": places[0] <= k for k in (1, 3, 20)}
        row["mAP"] = sum(number / place for number, place in enumerate(places, 1)) / m
        rows.append(row | {"mINP": m / places[-1]})
    assert len(rows) == comb(n, m)
    exact = {name: np.mean([row[name] for row in rows]) for name in rows[0]}
    assert expected_figures(np.array([m]), np.array([n]), (1, 3, 20)) == pytest.approx(exact, abs=1e-12)


def test_chance_of_several_queries_is_their_mean():
    matches, ranked = np.array([1, 3, 1]), np.array([5, 9, 5])
    alone = [expected_figures(matches[[i]], ranked[[i]], (1,)) for i in range(3)]
    together = expected_figures(matches, ranked, (1,))
    assert together == pytest.approx({name: np.mean([one[name] for one in alone]) for name in together})
