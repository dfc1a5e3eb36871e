"""What the training loop does with a step."""

import pytest
import torch
from safetensors.torch import load_file

from tests.train.toy import write_dataset
from train import engine
from train.config import load_config
from train.dataset import TrainingSteps

CONFIG = "train/configs/3dsl-lite.yaml"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    write_dataset(root)
    return root


def run(data, out, **more):
    values = {
        "data": data, "out": out, "steps": 2, "people": 3, "pretrained": "null", "network.height": 64,
        "network.width": 32, "network.descriptor": 32, "network.hidden": 32, "mask_height": 32, "warmup": 1,
        "log_every": 2, "evaluate_every": 2, "precision": "no", "graph": "false", "start": "null",
    } | more  # fmt: skip
    engine.train(load_config(CONFIG, [f"{key}={value}" for key, value in values.items()]))
    return load_file(out / "last" / "network.safetensors")


def test_gradients_of_a_step_s_batches_are_averaged(data, tmp_path, monkeypatch):
    """Each batch given twice: half of each loss twice is the whole loss, to the last bit."""
    once = run(data, tmp_path / "once")
    read, asked = TrainingSteps.__getitem__, []

    def twice(batches, place):
        asked.append(place)
        return read(batches, place // 2)

    monkeypatch.setattr(TrainingSteps, "__getitem__", twice)
    accumulated = run(data, tmp_path / "twice", accumulate=2)
    assert asked == [0, 1, 2, 3]
    learned = [name for name in once if "running" not in name and "tracked" not in name]
    assert all(torch.equal(once[name], accumulated[name]) for name in learned)


def test_tensorboard_shows_bodies(data, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(data, tmp_path / "run")
    events = EventAccumulator(str(tmp_path / "run" / "log")).Reload()
    assert "bodies" in events.Tags()["images"]
    picture = events.Images("bodies")[0]
    assert (picture.height, picture.width, picture.step) == (512, 4 * 128, 2)
