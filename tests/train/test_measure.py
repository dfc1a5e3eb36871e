"""What the card says of a comparison, and what a random order scores."""

import json

import numpy as np
import pytest

from tests.train.toy import write_dataset
from threedsl.evaluation.metrics import evaluate
from train.config import load_config
from train.measure import chance
from train.provenance import KEPT, trained_alike
from train.retrieval import RetrievalSet
from train.start import FIRST_STAGE

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


@pytest.mark.parametrize("protocol", ["cloth-changing", "same-clothes", "standard"])
def test_chance_is_the_mean_of_random_similarities(tmp_path, protocol):
    write_dataset(tmp_path, people=5)
    data = RetrievalSet(tmp_path, (64, 32))
    rng = np.random.default_rng(0)
    drawn = [
        evaluate(rng.random((5, len(data.gallery))), data.query_labels, data.gallery_labels, protocol)
        for _ in range(1000)
    ]
    figures = chance(data, protocol)
    assert list(figures) == ["rank-1", "rank-5", "mAP"]
    assert figures["rank-1"] == pytest.approx(np.mean([scores.rank(1) for scores in drawn]), abs=0.03)
    assert figures["rank-5"] == pytest.approx(np.mean([scores.rank(5) for scores in drawn]), abs=0.03)
    assert figures["mAP"] == pytest.approx(
        np.mean([scores.mean_average_precision for scores in drawn]), abs=0.02
    )
