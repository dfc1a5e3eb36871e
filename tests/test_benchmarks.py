"""The benchmarks' own parts, small: who is measured computes the same, and a table finds its place."""

import argparse
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from benchmarks import load, peers, query, scoring, silhouette, table
from benchmarks.contenders import CONTENDERS
from benchmarks.features import write_distances, write_features
from benchmarks.peers import ROOT, Contender
from benchmarks.trainer import step, synthesis
from threedsl.errors import InputError
from train.configs.read import load_config


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


@pytest.mark.slow
def test_every_command_says_what_it_does():
    for command in ("query", "load", "scoring", "reranking"):
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
    for name in ("load", "scoring market1501", "scoring msmt17", "reranking"):
        assert text.count(f"<!-- {name} -->\n") == text.count(f"<!-- end of {name} -->") == 1


def test_figures_go_through_json(folder):
    assert json.loads(json.dumps(CONTENDERS["score-ours"](folder)())).keys() == {"rank-1", "mAP", "mINP"}


def snapshot(folder):
    return {path.relative_to(folder): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


@pytest.fixture
def no_commands(monkeypatch, tmp_path):
    """Nothing is run or installed, no Python has PyTorch3D, and the cache is the test's own: the commands asked for."""
    asked = []

    def run(*command, cwd=None):
        asked.append(command)
        return str(tmp_path)

    monkeypatch.setattr(peers, "_run", run)
    failed = subprocess.CompletedProcess([], 1, "", "not here")
    monkeypatch.setattr(
        silhouette.subprocess, "run", lambda command, **options: asked.append(command) or failed
    )
    monkeypatch.setenv("THREEDSL_CACHE", str(tmp_path / "cache"))
    return asked


@pytest.mark.parametrize("prepare", [peers.prepare_environment, silhouette.find_environment])
@pytest.mark.parametrize("mark", ["", peers.MARK])
def test_a_folder_that_the_user_named_is_never_emptied(prepare, mark, no_commands, tmp_path):
    named = tmp_path / "thesis"
    (named / "bin").mkdir(parents=True)
    for name in filter(None, ["chapter.tex", "bin/python", mark]):
        (named / name).write_text("mine")
    before = snapshot(named)
    with pytest.raises(SystemExit, match="name a new or empty folder in --env"):
        prepare(named)
    assert snapshot(named) == before
    assert not [command for command in no_commands if "venv" in command]


def test_the_environment_in_the_cache_is_recreated_only_if_it_is_ours(no_commands, tmp_path):
    folder = tmp_path / "cache" / "peers"
    folder.mkdir(parents=True)
    (folder / "old").write_text("x")
    with pytest.raises(SystemExit, match="holds something else"):
        peers.prepare_environment(None)
    assert (folder / "old").exists()
    (folder / peers.MARK).write_text("other versions")
    peers.prepare_environment(None)
    assert not (folder / "old").exists()
    assert (sys.executable, "-m", "venv", str(folder)) in no_commands
    assert not any("--clear" in command for command in no_commands)
    done = len(no_commands)
    peers.prepare_environment(None)
    assert not [command for command in no_commands[done:] if "venv" in command]


def test_an_empty_folder_that_the_user_named_is_set_up(no_commands, tmp_path):
    named = tmp_path / "empty"
    named.mkdir()
    python, _ = peers.prepare_environment(named)
    assert python.is_relative_to(named) and (named / peers.MARK).read_text()


def test_medians_of_two_are_between_them():
    assert table.spread([3.0, 1.0]) == "2.00 (1.00 – 3.00)"
    assert table.spread([5.0, 1.0, 2.0], 0) == "2 (1 – 5)"
    assert silhouette.low_middle([3.0, 1.0]) == "1.0000, 2.0000"
    assert query.median([3.0, 1.0]) == 2


def test_ratios_are_of_the_same_round(monkeypatch, tmp_path):
    """Each pass over the contenders has a load of its own, which is in the time of both."""
    calls = []

    class Loaded:
        def __init__(self, name, folder, python):
            self.name, self.done = name, 0

        def work(self):
            self.done += 1
            calls.append((self.done, self.name))
            load = {1: 9.0, 2: 1.0}.get(self.done, 3.0)
            return {"cpu": load * (100 if self.name in scoring.SLOW else 0.1), "pass": self.done}

        def close(self):
            pass

    monkeypatch.setattr(scoring, "Contender", Loaded)
    rounds = scoring.compete(["score-ours", "score-torchreid"], tmp_path, tmp_path, 4)
    assert [done["pass"] for done in rounds["score-ours"]] == [2, 3, 4, 5]
    assert [done["pass"] for done in rounds["score-torchreid"]] == [2, 3]
    assert calls[:6] == sorted(calls[:6], key=lambda call: call[0])


def test_quantiles_are_values_that_were_measured():
    values = [float(number) for number in range(1, 101)]
    assert load.quantile(values, 0.5) == 50 and load.quantile(values, 0.95) == 95
    assert load.quantile([3.0], 0.95) == 3 and load.quantile([1.0, 9.0], 0.95) == 9
    assert load.quantile([], 0.5) != load.quantile([], 0.5), "nothing measured is no number"


def test_load_counts_every_request_and_every_failure(monkeypatch, tmp_path):
    """Clients never ask more at once than there are; what fails is counted with its sentence, and not timed."""
    asking, most = [], []

    def ask(url, photo):
        asking.append(photo)
        most.append(len(asking))
        try:
            if photo.name == "bad":
                raise InputError("No.")
        finally:
            asking.remove(photo)

    monkeypatch.setattr(load, "ask", ask)
    photos = [tmp_path / "good", tmp_path / "fine", tmp_path / "bad"]
    turn = load.load("", SimpleNamespace(pid=os.getpid()), photos, 4, 30)
    assert (len(turn.seconds), turn.failures) == (20, ["No."] * 10)
    assert max(most) <= 4 and turn.clients == 4 and turn.memory > 1
    assert load.row(turn)[:3] == ["4", "30", "10"]


def test_the_number_of_requests_is_bounded():
    assert load.requests("1000") == 1000
    for wrong in ("0", "29", "20001", "many", "-5"):
        with pytest.raises(argparse.ArgumentTypeError, match="whole number from 30 to 20,000"):
            load.requests(wrong)


def test_an_answer_without_its_matches_is_a_failure(monkeypatch, tmp_path):
    monkeypatch.setattr(load, "upload", lambda url, photo: {})
    monkeypatch.setattr(load, "call", lambda *args, **given: [{"results": {"shape": [1, 2]}}])
    with pytest.raises(InputError, match="lacks matches"):
        load.ask("", tmp_path / "x")
    monkeypatch.setattr(
        load, "upload", lambda url, photo: (_ for _ in ()).throw(ConnectionResetError("gone"))
    )
    with pytest.raises(InputError, match="connection failed"):
        load.ask("", tmp_path / "x")


@pytest.mark.slow
def test_steps_of_the_shipped_configuration_are_timed(monkeypatch):
    """Those of `training` and of `silhouette`, which once set a size that the network no longer takes."""
    monkeypatch.setattr("torch.set_num_threads", lambda count: None)  # of this process, for all other tests
    config = load_config(step.CONFIG, [*step.ON_A_CPU, "identities=2", "instances=2"])
    ours, bare = step.step_times(config, 2)
    assert len(ours) == len(bare) == 2 and min(*ours, *bare) > 0
    report = {"rounds": {"1": {"20": [{"cpu": 100.0}]}}}
    assert "A training step of 3dsl-lite at 256 x 128" in silhouette.step_share(report, 1)


def test_a_start_does_not_count_as_time_of_people():
    """Two people a second with two pictures each, after starts of 10 and 12 s."""
    pairs = [((6, 12, start + 3.0), (30, 60, start + 15.0)) for start in (10.0, 12.0)]
    assert synthesis.speeds(pairs) == ["11.0 (10.0 – 12.0)", "2.0 (2.0 – 2.0)", "4.0 (4.0 – 4.0)"]


@pytest.mark.slow
def test_people_are_made_and_counted():
    people, pictures, seconds = synthesis.run(1, 1)
    assert people == 1 and pictures in (9, 12) and seconds > 0
