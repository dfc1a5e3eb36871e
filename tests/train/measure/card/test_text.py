"""What a model card says of a checkpoint's training, from the records of its stages."""

import json
import re
import shutil
from pathlib import Path

import pytest

from train.configs.read import load_config
from train.export import copy_earlier_stages
from train.measure.card.stages import training_lines
from train.measure.card.text import write_card
from train.stages import FIRST_STAGE, SECOND_STAGE

SHIPPED = Path("checkpoints/3dsl-lite").resolve()
CONFIGS = Path("train/configs").resolve()
NO_ONE = "No real person's picture was used here."
SYNTHETIC = {"seed": 1}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with the datasets that the shipped checkpoint was trained on, and a real one."""
    monkeypatch.chdir(tmp_path)
    for name in ("train", "teams", "more", "market1501"):
        (tmp_path / "data" / name).mkdir(parents=True)
        if name != "market1501":
            (tmp_path / "data" / name / "dataset.json").write_text(json.dumps(SYNTHETIC))
    return tmp_path


def shipped(folder):
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("model*", "*.jpg"))
    return folder


def finetuned(folder, data="data/market1501"):
    """What fine-tuning of the shipped checkpoint exports, but for the weights."""
    source = shipped(folder.parent / "source")
    config = load_config(CONFIGS / "finetune.yaml", [f"finetune={source}", f"data={data}"])
    folder.mkdir()
    shutil.copyfile(source / "config.json", folder / "config.json")
    copy_earlier_stages(config, folder)
    said = config.to_dict() | {"trained on": {"people": 751, "pictures": 12936}}
    (folder / "training.json").write_text(json.dumps(said))
    return folder


def card(folder, **changes):
    """The card with the shipped checkpoint's figures."""
    figures = json.loads((SHIPPED / "metrics.json").read_text())
    write_card(folder, figures | changes)
    return (folder / "README.md").read_text()


def section(text, title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)[1]


def test_the_shipped_stages_are_named_in_order(here):
    text = card(shipped(here / "3dsl-lite"))
    before = (SHIPPED / "README.md").read_text()
    for title in ("Training", "What it started from"):
        assert section(text, title) == section(before, title)
    assert NO_ONE in text and "trained and measured on synthetic people" in text
    assert (here / "3dsl-lite" / "NOTICE.txt").read_text() == (SHIPPED / "NOTICE.txt").read_text()


def test_a_fine_tuned_checkpoint_is_said_to_be_one(here):
    """Its records are those of the shipped first stage and of the fine-tuning alone."""
    folder = finetuned(here / "tuned")
    trained = {"people": 751, "pictures": 12936, "made by": {}, "and by": []}
    text = card(folder, **{"trained on": trained})
    training = section(text, "Training")
    assert f"Fine-tuned from `{here / 'source'}`" in training and "every weight kept training" in training
    assert "on data/market1501; settings in `training.json`." in training
    for named in re.findall(r"`(training[\w-]*\.json)`", text):
        assert (folder / named).is_file(), named
    for false in ("Second stage", "Last stage", "frozen", "exact", "data/teams", NO_ONE):
        assert false not in text, false
    assert "Trained on 12,936 pictures of 751 people. Measured on: seed" in training
    assert "pixels, measured on synthetic people." in text
    assert "trained further; heads" in (folder / "NOTICE.txt").read_text()


@pytest.mark.parametrize("missing", ["data/teams", "data/train"])
def test_what_is_not_known_is_not_claimed(here, missing):
    shutil.rmtree(here / missing)
    text = card(shipped(here / "3dsl-lite"))
    assert NO_ONE not in text and "trained and measured on synthetic" not in text
    # The stages in between of what is fine-tuned are not recorded.
    assert NO_ONE not in card(finetuned(here / "tuned", "data/teams"))


def test_an_unknown_training_set_is_left_out(here):
    figures = json.loads((SHIPPED / "metrics.json").read_text())
    folder = shipped(here / "3dsl-lite")
    assert "Trained on 27,177 pictures" in card(folder)
    del figures["trained on"]
    write_card(folder, figures)
    text = (folder / "README.md").read_text()
    assert "Trained on" not in text and "Measured on: seed 1" in text


def test_a_first_stage_alone_has_its_sentence(here):
    """It has no earlier one."""
    folder = shipped(here / "3dsl-lite")
    shutil.move(folder / FIRST_STAGE, folder / "training.json")
    for name in (SECOND_STAGE, "training-keypoints.json"):
        (folder / name).unlink()
    training = section(card(folder), "Training")
    assert training.startswith("\nFirst stage: both nets' last stages and all heads, 1100 steps")
    assert "settings in `training.json`." in training and "Second stage" not in training


def test_a_fine_tuned_network_of_another_kind():
    """It is no 3D stream started from an appearance stream."""
    settings = load_config(CONFIGS / "finetune.yaml", ["finetune=runs/earlier/export"]).to_dict()
    text = training_lines(lambda name: settings if name == FIRST_STAGE else {}, settings)[0]
    assert text.startswith("Fine-tuned from `runs/earlier/export`") and "First stage, the" not in text
