"""`python -m train reproduce`: its commands parse, run in order, and an interrupted call continues."""

import argparse
import importlib
import json
import shlex
import subprocess
from types import SimpleNamespace

import pytest

from tests.conftest import REPOSITORY
from threedsl.errors import InputError
from train import __main__ as trainer
from train import reproduce
from train.configs.read import load_config


def asked(*extra: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    reproduce.add_arguments(parser)
    return parser.parse_args(extra)


@pytest.fixture
def calls(tmp_path, monkeypatch) -> list[list[str]]:
    """The commands that would have been run, in an empty folder with the configurations; none is."""
    made: list[list[str]] = []

    def pretend(command: list[str]) -> SimpleNamespace:
        made.append(command[3:])
        return SimpleNamespace(returncode=0)

    (tmp_path / "train").symlink_to(REPOSITORY / "train")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "run", pretend)
    return made


@pytest.mark.parametrize("step", reproduce.STEPS)
def test_every_step_is_a_command_of_the_trainer(step, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    name, *rest = reproduce.arguments(step, ["precision=no"])
    parser = argparse.ArgumentParser()
    importlib.import_module(trainer.COMMANDS[name][0]).add_arguments(parser)
    parsed = parser.parse_args(rest)
    if name == "run":
        assert load_config(parsed.config, parsed.set).precision == "no"


def test_each_step_finds_what_earlier_ones_made(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    made = {"imagenet", None}
    for step in reproduce.STEPS:
        name, *words = shlex.split(step)
        if name in ("synthesize", "backgrounds", "interpolate", "keypoints"):
            needed = {words[i + 1] for i, word in enumerate(words) if word in ("--backgrounds", "--data")}
            assert needed | ({words[0]} if name in ("interpolate", "keypoints") else set()) <= made
            made.add(words[words.index("--out") + 1])
        elif name == "run":
            config = load_config(words[0])
            assert {config.data, config.more_data, config.start, config.refine, config.finetune} <= made
            made.add(f"{config.out}/export")
        elif name == "measure":
            assert {words[0], "data/test", "data/uniforms"} <= made


def test_the_document_has_the_same_commands():
    text = (REPOSITORY / "docs" / "training.md").read_text(encoding="utf-8")
    block = text.split("```bash\n")[1].split("```")[0].replace("\\\n", " ")
    lines = [line.split("  #")[0].split() for line in block.splitlines() if line.startswith("python")]
    assert lines == [["python", "-m", "train", *shlex.split(step)] for step in reproduce.STEPS]


def test_all_steps_run_once_and_in_order(calls, capsys):
    assert trainer.main(["reproduce", "--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(reproduce.STEPS) and not calls
    reproduce.main(asked())
    assert calls == [shlex.split(step) for step in reproduce.STEPS]
    reproduce.main(asked())
    assert len(calls) == len(reproduce.STEPS), "a finished step was run again"
    reproduce.main(asked("--list"))
    assert capsys.readouterr().out.count("# done") == len(reproduce.STEPS)


def test_a_failed_step_stops_and_the_next_call_continues_there(calls, monkeypatch, tmp_path):
    recorded = subprocess.run
    second = 1 + next(i for i, step in enumerate(reproduce.STEPS) if step.startswith("run "))

    def fail_at_the_second_run(command):
        recorded(command)
        return SimpleNamespace(returncode=int(command[3:5] == shlex.split(reproduce.STEPS[second])))

    monkeypatch.setattr(subprocess, "run", fail_at_the_second_run)
    with pytest.raises(
        InputError, match=r"3dsl-lite-whole.yaml` ended with code 1; run .* again to continue"
    ):
        reproduce.main(asked())
    assert len(json.loads((tmp_path / reproduce.DONE).read_text())) == second
    (tmp_path / "runs" / "3dsl-lite-whole" / "last").mkdir(parents=True)  # the state that the run left
    calls.clear()
    monkeypatch.setattr(subprocess, "run", recorded)
    reproduce.main(asked())
    assert calls[0] == [*shlex.split(reproduce.STEPS[second]), "--resume"]
    assert len(calls) == len(reproduce.STEPS) - second


def test_a_damaged_record_is_named(calls, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / reproduce.DONE).write_text("{")
    with pytest.raises(InputError, match=r"reproduced\.json is damaged"):
        reproduce.main(asked())
