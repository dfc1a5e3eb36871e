"""What the training loop does with a step."""

import shutil
from contextlib import nullcontext

import pytest
import torch
from safetensors.torch import load_file

from tests.train.toy import write_dataset
from threedsl.errors import InputError
from threedsl.network import NetworkConfig
from train import engine
from train.checkpoint import read_info
from train.config import TrainConfig, load_config
from train.dataset import TrainingSteps

CONFIG = "train/configs/3dsl-lite.yaml"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    write_dataset(root)
    return root


def run(data, out, resume=False, stop_at=None, **more):
    values = {
        "data": data, "out": out, "steps": 2, "people": 3, "pretrained": "null", "network.height": 64,
        "network.width": 32, "network.descriptor": 32, "network.hidden": 32, "mask_height": 32, "warmup": 1,
        "log_every": 2, "evaluate_every": 2, "precision": "no", "graph": "false", "start": "null", "more_data": "null",
    } | more  # fmt: skip
    engine.train(load_config(CONFIG, [f"{key}={value}" for key, value in values.items()]), resume, stop_at)
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


@pytest.mark.parametrize(
    ("changes", "named"), [({}, None), ({"parts": 3}, "network"), ({"height": 96}, "network")]
)
def test_a_run_from_before_a_field_of_the_network_goes_on(changes, named):
    """One that had no parts is one of 0 parts."""
    config = TrainConfig(network=NetworkConfig(**changes))
    before = TrainConfig().to_dict()
    del before["network"]["parts"], before["sampling"]
    refused = pytest.raises(InputError, match=f"other values of {named}") if named else nullcontext()
    with refused:
        engine.refuse_changes({"config": before, "processes": 1, "step": 9}, config, 1, "as ever")


def test_a_run_goes_on_with_its_own_data_only(data, tmp_path):
    """Wherever they lie now."""
    out = tmp_path / "run"
    run(data, out, stop_at=1)
    shutil.copytree(data, tmp_path / "moved")
    shutil.copytree(data, tmp_path / "other")
    listed = tmp_path / "other" / "list" / "train.txt"
    listed.write_text("".join(sorted((data / "list" / "train.txt").open(), reverse=True)))
    with pytest.raises(InputError, match="other training pictures"):
        run(tmp_path / "other", out, resume=True)
    run(tmp_path / "moved", out, resume=True)
    assert read_info(out / "last")["step"] == 2


def test_tensorboard_shows_bodies(data, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(data, tmp_path / "run")
    events = EventAccumulator(str(tmp_path / "run" / "log")).Reload()
    assert "bodies" in events.Tags()["images"]
    picture = events.Images("bodies")[0]
    assert (picture.height, picture.width, picture.step) == (512, 4 * 128, 2)
