"""The benchmarks' own parts, small: who is measured computes the same, and a table finds its place."""

import json
import subprocess
import sys

import pytest

from benchmarks import table
from benchmarks.contenders import CONTENDERS
from benchmarks.features import write_distances, write_features
from benchmarks.peers import ROOT, Contender


@pytest.fixture
def folder(tmp_path):
    write_features(tmp_path, 20, 80, 6, 3, noise=1.8)
    write_distances(tmp_path)
    return tmp_path


def test_ours_and_torchreid_agree_from_distances_and_descriptors(folder):
    names = (
        "score-ours",
        "score-ours-from-features",
        "score-torchreid",
        "score-torchreid-from-features",
    )
    ours, *others = (CONTENDERS[name](folder)() for name in names)
    for figures in others:
        assert figures["mAP"] == pytest.approx(ours["mAP"], abs=1e-6)
        assert figures["rank-1"] == pytest.approx(ours["rank-1"], abs=1e-6)


def test_a_contender_works_in_a_process_of_its_own_as_often_as_asked(folder):
    contender = Contender("rerank-ours", folder)
    rounds = [contender.work() for _ in range(2)]
    contender.close()
    assert contender.process.returncode == 0
    assert all(figures["cpu"] > 0 and 0.01 < figures["memory"] < 5 for figures in rounds)


def test_every_command_says_what_it_does():
    for command in ("query", "scoring", "reranking"):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks", command, "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"python -m benchmarks {command}" in done.stdout


def test_a_section_is_replaced_and_nothing_else(tmp_path, monkeypatch):
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- a -->\nold\n<!-- end of a -->\nafter\n", encoding="utf-8")
    monkeypatch.setattr(table, "README", readme)
    table.replace_section("a", table.table(["who", "s"], [["us", "1"], ["them", "20"]]))
    assert readme.read_text(encoding="utf-8").splitlines() == [
        "before",
        "<!-- a -->",
        "| who  | s  |",
        "| ---- | -- |",
        "| us   | 1  |",
        "| them | 20 |",
        "<!-- end of a -->",
        "after",
    ]


def test_the_readme_has_every_section_that_is_written():
    text = table.README.read_text(encoding="utf-8")
    for name in ("scoring market1501", "scoring msmt17", "reranking"):
        assert text.count(f"<!-- {name} -->\n") == text.count(f"<!-- end of {name} -->") == 1


def test_figures_go_through_json(folder):
    assert json.loads(json.dumps(CONTENDERS["score-ours"](folder)())).keys() == {"rank-1", "mAP", "mINP"}
