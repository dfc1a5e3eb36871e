"""The documents' lines for real datasets, as they stand, on a small tree of each: prepare, train without annotations,
annotate, train with them and a Ctrl-C in between, evaluate."""

import json
import os
import shlex
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import REPOSITORY
from tests.datasets import trees
from tests.documents import BLOCKS
from threedsl.checkpoint.weights import load_checkpoint
from threedsl.cli import main as threedsl
from threedsl.data.listfile import read_list
from train import engine, setup
from train.__main__ import main as train

pytestmark = pytest.mark.slow

NAMES = ("market1501", "dukemtmc", "msmt17", "prcc", "ltcc", "celebreid", "vcclothes", "fgpr")
TOY = (
    "steps=3", "identities=2", "instances=2", "warmup=1", "log_every=1", "evaluate_every=3", "mask_height=32",
)  # fmt: skip
SMALL = ("network.height=64", "network.width=32", "network.descriptor=32", "network.hidden=32")


def lines(name, *headings):
    """The commands below headings of docs/, for another dataset than the one they are written for."""
    found = [command for block in BLOCKS if block.heading in headings for command in block.commands()]
    return [command.replace("market1501", name) for command in found]


def prepare_line(name):
    (line,) = [
        line
        for line in lines("market1501", "How to get each, and what `prepare` expects")
        if line.startswith(f"python -m threedsl prepare {name} ")
    ]
    return line


def only(name, *words):
    """The line of docs/training.md that has all these words."""
    (line,) = [line for line in lines(name, "Real datasets") if all(word in line for word in words)]
    return line


def run(line, *more, code=0):
    """One line in this process, which spares the start of an interpreter for each."""
    python, option, module, *words = shlex.split(line)
    assert (python, option) == ("python", "-m")
    assert {"threedsl": threedsl, "train": train}[module]([*words, *more]) == code


def toy(*fields):
    return [word for field in (*TOY, *fields) for word in ("--set", field)]


@pytest.fixture(scope="module")
def people():
    """(N, H, W, 3) pictures of people whom the finder sees, cut from the page's synthetic gallery."""
    shipped = REPOSITORY / "assets" / "synthetic"
    return [cv2.imread(str(record.path)) for record in read_list(shipped / "gallery.txt")[::3][:8]]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What the lines name: the repository's own parts, in a folder of its own."""
    for part in ("train", "checkpoints"):
        (tmp_path / part).symlink_to(REPOSITORY / part)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THREEDSL_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture(scope="module")
def prior():
    return {}


@pytest.fixture
def one_prior(prior, monkeypatch):
    """One pool of plausible poses for all runs: they differ in nothing that it depends on."""
    make = setup.BodyPrior
    monkeypatch.setattr(setup, "BodyPrior", lambda *key: prior.get(key) or prior.setdefault(key, make(*key)))


@pytest.fixture
def interrupted(monkeypatch):
    """Ctrl-C in the second step of the next run, once; clear what is returned for another."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    log_losses, sent = engine.log_losses, []

    def then_stop(writer, done, *rest):
        log_losses(writer, done, *rest)
        if done == 1 and not sent:
            sent.append(os.kill(os.getpid(), signal.SIGINT))

    monkeypatch.setattr(engine, "log_losses", then_stop)
    yield sent
    signal.signal(signal.SIGINT, before)


def show_people(name, pictures):
    """People in place of noise in the training pictures, but for the last, in which no one is found."""
    records = read_list(Path("data", name, "list", "train.txt"), Path("data", name))
    for number, record in enumerate(records):
        if number < len(records) - 1:
            cv2.imwrite(str(record.path), pictures[number % len(pictures)])
        else:
            cv2.imwrite(str(record.path), np.full((64, 32, 3), 90, np.uint8))
    return len(records)


@pytest.mark.parametrize("name", NAMES)
def test_from_the_dataset_to_figures(name, folder, people, one_prior, interrupted, capsys):
    getattr(trees, f"build_{name}")(folder)
    run(prepare_line(name))
    count = show_people(name, people)

    # Nothing is annotated: the appearance stream alone, and both streams.
    run(only(name, "network.shape_stream=false"), *toy(*SMALL), code=130)
    assert interrupted and "rerun the same command with --resume" in capsys.readouterr().err
    run(only(name, "network.shape_stream=false"), *toy(*SMALL), "--resume")
    assert not load_checkpoint(folder / "runs" / f"{name}-appearance" / "export")[0].shape_stream
    run(only(name, "no-bodies.yaml"), *toy(*SMALL))
    assert load_checkpoint(folder / "runs" / f"{name}-two-streams" / "export")[0].shape_stream
    run(only(name, "train run", "lite.yaml", f"runs/{name}-lite"), *toy(*SMALL), code=2)
    assert "has keypoints: run `python -m threedsl annotate" in capsys.readouterr().err

    run(only(name, "annotate"))
    said = capsys.readouterr().out
    assert (
        f"keypoints: {count - 1} of {count} pictures" in said
        and f"masks: {count - 1} of {count} pictures" in said
    )
    interrupted.clear()
    line = only(name, "train run", "lite.yaml", f"runs/{name}-lite")
    run(line, *toy(*SMALL), code=130)
    assert not (folder / "runs" / f"{name}-lite" / "export").exists()
    run(line, *toy(*SMALL), "--resume")
    written = json.loads((folder / "runs" / f"{name}-lite" / "export" / "training.json").read_text())
    assert written["trained on"]["with keypoints"] == written["trained on"]["with masks"] == count - 1
    assert written["trained on"]["pictures"] == count

    capsys.readouterr()
    run(only(name, "threedsl evaluate"), "--json")
    rows = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert {row["stream"] for row in rows} == {"appearance", "shape", "combined"}
    assert all(0 <= row["rank-1"]["value"] <= 1 and row["queries"] for row in rows)


def test_fine_tuning_of_the_shipped_checkpoint(folder, people, one_prior):
    trees.build_market1501(folder)
    run(prepare_line("market1501"))
    show_people("market1501", people)
    run(only("market1501", "annotate"))
    run(only("market1501", "finetune.yaml"), *toy("steps=1", "evaluate_every=1"))
    config, _ = load_checkpoint(folder / "runs" / "market1501-finetuned" / "export")
    assert config.name == load_checkpoint(REPOSITORY / "checkpoints" / "3dsl-lite")[0].name


def test_every_dataset_has_its_lines():
    from threedsl.datasets import DATASETS

    assert set(NAMES) == set(DATASETS) - {"folder"}
    assert all(prepare_line(name) for name in NAMES)
    assert all((REPOSITORY / "train" / "configs" / f"{name}.yaml").is_file() for name in NAMES)
