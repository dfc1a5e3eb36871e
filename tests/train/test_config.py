"""Configurations: the shipped ones parse, and everything wrong with one is said with file and field."""

from pathlib import Path

import pytest

from threedsl.errors import InputError
from train.config import TrainConfig, load_config

CONFIGS = sorted((Path(__file__).parents[2] / "train" / "configs").rglob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configurations_parse(path):
    assert load_config(path).name == path.stem


def write(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return path


def test_overrides_reach_nested_fields(tmp_path):
    path = write(tmp_path, "learning_rate: 3e-4\nnetwork: {height: 64, width: 32}\n")
    config = load_config(path, ["losses.triplet=2", "steps=7", "network.width=64"])
    assert config.learning_rate == 3e-4 and config.losses.triplet == 2.0 and config.steps == 7
    assert (config.network.height, config.network.width) == (64, 64) and config.mask_size == (64, 64)
    assert load_config(write(tmp_path, "precision: no")).precision == "no"
    assert TrainConfig().to_dict()["augment"]["flip"] == 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("step: 3", r"c\.yaml.*'step'.*steps"),
        ("steps: many", r"c\.yaml.*steps.*int.*'many'"),
        ("steps: 0", "steps must be at least 1"),
        ("steps: 1.5", r"steps.*int"),
        ("people: true", "people"),
        ("network: {hight: 3}", r"c\.yaml, network.*'hight'"),
        ("network: lite", "expected a table"),
        ("network: {name: vit}", "lite, r50"),
        ("precision: half", "bf16"),
        ("people: 1", "at least 2"),
        ("steps: 10\ncycle: 4", "whole cycles of 4 steps"),
        ("steps: 10\ncycle: 0", "whole cycles of 0 steps"),
        ("[1, 2]", "table of fields"),
        ("a: [", "not valid YAML"),
    ],
)
def test_mistakes_are_named(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        load_config(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_bad_override(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_config(tmp_path / "none.yaml")
    for override in ("steps.foo=3", "name=[", "seed=-1", "sigma=0", "sampling=plain"):
        with pytest.raises(InputError, match=override.split("=")[0].split(".")[0]):
            load_config(write(tmp_path, "steps: 5"), [override])
    with pytest.raises(InputError, match="field=value"):
        load_config(write(tmp_path, ""), ["steps"])
