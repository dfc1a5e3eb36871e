"""`train ablation`: rows and seeds in one command that can be interrupted."""

import argparse
import json
import os
import signal

import pytest
import torch

from tests.network.test_osnet_streams import starts  # noqa: F401 - a fixture
from tests.train.toy import write_dataset
from threedsl.checkpoint.weights import load_checkpoint
from train import engine
from train.__main__ import main
from train.interpolate import STREAMS
from train.measure import ablation

FOLDER = "train/configs/ablation/market1501"
TOY = {
    "steps": 2, "identities": 3, "instances": 2, "pretrained": "null", "network.height": 64, "network.width": 32,
    "network.descriptor": 32, "network.hidden": 32, "mask_height": 32, "warmup": 1, "log_every": 1, "save_every": 1,
    "evaluate_every": 2,
}  # fmt: skip


@pytest.fixture
def words(tmp_path):
    """The command for a toy dataset, with the first two rows and two seeds."""
    write_dataset(tmp_path / "data", people=16)
    fields = TOY | {"data": tmp_path / "data", "out": tmp_path / "runs" / "row"}
    overrides = [word for name, value in fields.items() for word in ("--set", f"{name}={value}")]
    rows = ["--rows", "appearance", "two-streams", "--seeds", "0", "3"]
    where = [
        "--data",
        str(tmp_path / "data"),
        "--protocol",
        "standard",
        "--out",
        str(tmp_path / "table.json"),
    ]
    return [FOLDER, *rows, *where, *overrides]


def done(tmp_path):
    return sorted(path.parts[-3] for path in (tmp_path / "runs").glob("*/export/training.json"))


@pytest.mark.slow
def test_rows_and_seeds_are_trained_once_and_compared(words, tmp_path, monkeypatch, capsys):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    log_losses, sent = engine.log_losses, []

    def then_stop(writer, number, *rest):
        log_losses(writer, number, *rest)
        if number == 1 and done(tmp_path) and not sent:
            sent.append(os.kill(os.getpid(), signal.SIGINT))

    monkeypatch.setattr(engine, "log_losses", then_stop)
    words = [word.replace("steps=2", "steps=3") for word in words]
    try:
        assert main(["ablation", *words]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert "stopped at step 2 of 3" in capsys.readouterr().err and done(tmp_path) == ["appearance-0"]
    first = tmp_path / "runs" / "appearance-0" / "export" / "training.json"
    assert json.loads(first.read_text())["seed"] == 0
    written = first.stat().st_mtime_ns

    assert main(["ablation", *words, "--title", "On toys"]) == 0
    assert done(tmp_path) == ["appearance-0", "appearance-3", "two-streams-0", "two-streams-3"]
    assert first.stat().st_mtime_ns == written
    found = json.loads((tmp_path / "table.json").read_text())
    assert (found["title"], found["protocol"]) == ("On toys", "standard")
    assert list(found["trainings"]) == ["appearance", "two-streams"]
    assert found["trainings"]["two-streams"]["shape"]["seeds"] == 2
    assert list(found["differences"]) == ["two-streams minus appearance"]
    assert found["trained"]["steps"] == 3 and found["trained"]["pictures a step"] == 6
    capsys.readouterr()
    assert main(["ablation", *words, "--list"]) == 0
    assert capsys.readouterr().out.count("# done") == 4


def test_a_row_without_a_configuration_is_refused_before_anything_is_trained(words, tmp_path, capsys):
    other = [word if word != "two-streams" else "three-streams" for word in words]
    assert main(["ablation", *other]) == 2
    assert (
        "has no configuration three-streams.yaml (there: adversarial, appearance," in capsys.readouterr().err
    )
    wrong = [word.replace("table.json", "table.txt") for word in words]
    assert main(["ablation", *wrong]) == 2 and "must end in .json" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def planned(words, row, number):
    """A row as the command plans it."""
    parser = argparse.ArgumentParser()
    ablation.add_arguments(parser)
    return ablation.plan(parser.parse_args(words), row, number)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("steps=9", "steps"),
        ("network.height=96", "network"),
        ("losses.triplet=0.5", "losses"),
        ("data=elsewhere", "data"),
        ("log_every=7", None),
    ],
)
@pytest.mark.parametrize("row", ["two-streams", "two-streams@0.25"])
def test_checkpoints_of_other_settings_are_not_taken(
    words, tmp_path, monkeypatch, capsys, change, named, row
):
    """Such as those of a trial; nothing is trained then. What no step depends on may differ."""
    words = [row if word == "two-streams" else word for word in words]
    made = planned(words, row, 3)
    for folder in (made.out / "export", made.checkpoint):
        folder.mkdir(parents=True, exist_ok=True)
    said = made.config.to_dict() | {"trained on": {"people": 4}, "interpolated": {"alpha": 0.25}}
    (made.checkpoint / "training.json").write_text(json.dumps(said))
    asked = []
    monkeypatch.setattr(ablation, "make", lambda one, device: asked.append(one))
    monkeypatch.setattr(ablation.compare, "main", lambda args: None)
    assert main(["ablation", *words]) == 0 and len(asked) == 4
    assert main(["ablation", *words, "--set", change]) == (2 if named else 0)
    sentence = f"{made.checkpoint} was trained with other values of {named} than"
    assert (sentence in capsys.readouterr().err) is bool(named) and len(asked) == (4 if named else 8)
    assert main(["ablation", *words, "--set", change, "--list"]) == 0
    standing = f"trained with other values of {named}" if named else "done"
    assert f"{made.checkpoint}    # {standing}\n" in capsys.readouterr().out


@pytest.mark.slow
def test_rows_on_the_way_from_their_start(tmp_path, starts):  # noqa: F811
    """NAME@ALPHA lies between both weights, and a row may refine one such checkpoint of the same seed."""
    write_dataset(tmp_path / "data", people=16, pictures=2)
    fields = {
        "steps": 1, "identities": 2, "instances": 2, "warmup": 1, "log_every": 1, "evaluate_every": 9, "maps": 1,
        "save_every": 9, "mask_height": 32, "network.hidden": 16, "learning_rate": 1e-3, "more_data": "null",
        "data": tmp_path / "data", "out": tmp_path / "runs" / "row", "pretrained": starts[0],
    }  # fmt: skip
    words = [
        "ablation",
        "train/configs/ablation",
        "--data",
        str(tmp_path / "data"),
        "--protocol",
        "same-clothes",
    ]
    words += [
        "--out",
        str(tmp_path / "table.json"),
        "--rows",
        "parts@0",
        "parts@0.25",
        "parts-again",
    ]
    words += [word for name, value in fields.items() for word in ("--set", f"{name}={value}")]
    assert main(words) == 0
    runs = tmp_path / "runs"
    ends = {
        alpha: load_checkpoint(runs / "parts-0" / f"at-{alpha}")[1].state_dict() for alpha in ("0", "0.25")
    }
    tuned = load_checkpoint(runs / "parts-0" / "export")[1].state_dict()
    for name, start in ends["0"].items():
        own = name.startswith(tuple(prefix for prefixes in STREAMS.values() for prefix in prefixes))
        expected = torch.lerp(start, tuned[name], 0.25) if own else tuned[name]
        assert torch.allclose(ends["0.25"][name], expected, atol=2e-3), name
    settings = json.loads((runs / "parts-again-0" / "export" / "training.json").read_text())
    assert settings["refine"] == str(runs / "parts-0" / "at-0.25")
    again = load_checkpoint(runs / "parts-again-0" / "export")[1].state_dict()
    changed = {name for name, value in again.items() if not torch.equal(value, ends["0.25"][name])}
    assert changed and all(name.startswith("shape_stream.parts.") for name in changed)
    assert (
        list(json.loads((tmp_path / "table.json").read_text())["trainings"])
        == words[words.index("--rows") + 1 :][:3]
    )


@pytest.mark.parametrize("row", ["two-streams@", "two-streams@2", "two-streams@half", "two-streams@nan"])
def test_a_share_that_is_none_is_refused(words, row, capsys):
    assert main(["ablation", *[row if word == "two-streams" else word for word in words]]) == 2
    assert f"--rows {row}: a number between 0 and 1 must follow the @" in capsys.readouterr().err
