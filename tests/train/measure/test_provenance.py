"""Whether two trainings were alike, as their records tell."""

import json
from dataclasses import replace

import pytest

from tests.train.toy import write_dataset
from threedsl.errors import InputError
from train.configs.read import load_config
from train.measure.card.text import write_card
from train.measure.compare import steps_of
from train.measure.provenance import KEPT, made_by, seed_of, trained_alike, training_set
from train.stages import FIRST_STAGE, seen_before

CONFIG = "train/configs/baseline-appearance.yaml"


def trained(folder, without=(), **changes):
    """A checkpoint's record of its training."""
    values = load_config(CONFIG, [f"{field}={value}" for field, value in changes.items()]).to_dict()
    for field in without:
        del values[field]
    folder.mkdir()
    (folder / "training.json").write_text(json.dumps(values))
    return folder


@pytest.mark.parametrize(
    ("changes", "alike"),
    [
        ({}, True),
        ({"network.shape_stream": "true", "network.parts": 3, "out": "elsewhere", "log_every": 7}, True),
        ({"sampling": "ordinary"}, False),
        ({"accumulate": 2}, False),
        ({"precision": "bf16"}, False),
        ({"network.height": 256}, False),
        ({"network.width": 64}, False),
        ({"augment.flip": 0}, False),
        ({"network.shape_stream": "true", "start": "first"}, False),
    ],
)
def test_trainings_are_alike_if_their_batches_and_schedules_are(tmp_path, changes, alike):
    theirs = trained(tmp_path / "theirs", precision="no", **{"network.shape_stream": "false"})
    ours = {"precision": "no", "network.shape_stream": "false"} | changes
    assert trained_alike(trained(tmp_path / "ours", **ours), theirs) is alike


def test_a_record_from_before_a_field_had_its_default(tmp_path):
    now = trained(tmp_path / "now", precision="no")
    before = trained(tmp_path / "before", ("sampling", "accumulate", "start", "precision"), precision="no")
    assert trained_alike(now, before) is True
    assert trained_alike(now, tmp_path / "nowhere") is None
    (now / FIRST_STAGE).write_text((before / "training.json").read_text())
    assert trained_alike(now, before) == KEPT


BROKEN = {"cut off": '{"seed": 1', "deep": '{"a":' * 20_000, "a list": "[1]", "no number": '{"seed": "1"}'}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_records_that_are_broken_are_a_sentence(tmp_path, text):
    """Those of a checkpoint and of a dataset, whoever reads them."""
    (tmp_path / "training.json").write_text(text)
    (tmp_path / "dataset.json").write_text(text)
    readers = [lambda: seed_of(tmp_path), lambda: steps_of(tmp_path)]
    if text != BROKEN["no number"]:
        readers += [
            lambda: trained_alike(tmp_path, tmp_path),
            lambda: made_by(tmp_path),
            lambda: training_set(tmp_path),
            lambda: write_card(tmp_path, {}),
            lambda: seen_before(replace(load_config(CONFIG), finetune=str(tmp_path))),
        ]
    (tmp_path / "config.json").write_text("{}")
    for reader in readers:
        with pytest.raises(
            InputError, match=r"(training|dataset)\.json is damaged \([^\n]*\); copy it again\."
        ):
            reader()


def test_the_training_set_is_the_recorded_one(tmp_path):
    """Its folder may have changed since, or be gone."""
    write_dataset(tmp_path / "data", people=16)
    (tmp_path / "data" / "dataset.json").write_text('{"seed": 3}')
    folder = trained(tmp_path / "run", data=tmp_path / "data", more_data="null", validation=0.25)
    # Of an earlier version, which recorded no numbers: those of the list, without the validation people.
    assert training_set(folder) == {"people": 12, "pictures": 72, "made by": {"seed": 3}, "and by": []}
    path = folder / "training.json"
    record = json.loads(path.read_text()) | {"more_data": str(tmp_path / "gone")}
    path.write_text(json.dumps(record))
    assert training_set(folder) is None
    path.write_text(json.dumps(record | {"trained on": {"people": 5, "pictures": 60, "with masks": 0}}))
    assert training_set(folder) == {"people": 5, "pictures": 60, "made by": {"seed": 3}, "and by": [{}]}
    path.unlink()
    assert training_set(folder) is None
