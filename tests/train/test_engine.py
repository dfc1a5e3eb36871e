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
from train.body.prior import BodyPrior
from train.config import TrainConfig
from train.configs.read import load_config
from train.data.dataset import TrainingSteps
from train.run_state import read_info, refuse_changes

pytestmark = pytest.mark.slow

CONFIG = "train/configs/efficientnet.yaml"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    write_dataset(root, people=16)
    return root


def run(data, out, resume=False, stop_at=None, **more):
    values = {
        "data": data, "out": out, "steps": 2, "identities": 3, "pretrained": "null", "network.height": 64,
        "network.width": 32, "network.descriptor": 32, "network.hidden": 32, "mask_height": 32, "warmup": 1,
        "log_every": 2, "evaluate_every": 2, "precision": "no", "graph": "false", "start": "null", "more_data": "null",
    } | more  # fmt: skip
    engine.train(load_config(CONFIG, [f"{key}={value}" for key, value in values.items()]), resume, stop_at)
    return load_file(out / "last" / "network.safetensors")


def take(monkeypatch, which):
    """Batches, and the real bodies drawn for them, are those of the places that `which` makes of the places asked for;
    returns the list of these."""
    read, draw, asked = TrainingSteps.__getitem__, BodyPrior.sample, []

    def read_other(batches, place):
        asked.append(place)
        return read(batches, which(place))

    def draw_other(prior, count, place, *processes):
        return draw(prior, count, which(place), *processes)

    monkeypatch.setattr(TrainingSteps, "__getitem__", read_other)
    monkeypatch.setattr(BodyPrior, "sample", draw_other)
    return asked


def test_gradients_of_a_step_s_batches_are_averaged(data, tmp_path, monkeypatch):
    """Each batch given twice: half of each loss twice is the whole loss, to the last bit."""
    once = run(data, tmp_path / "once")
    asked = take(monkeypatch, lambda place: place // 2)
    accumulated = run(data, tmp_path / "twice", accumulate=2)
    assert asked == [0, 1, 2, 3]
    learned = [name for name in once if "running" not in name and "tracked" not in name]
    assert all(torch.equal(once[name], accumulated[name]) for name in learned)


def logged(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "log")).Reload()
    tags = [tag for tag in events.Tags()["scalars"] if tag.startswith("loss/")]
    return {tag.removeprefix("loss/"): events.Scalars(tag)[0].value for tag in tags}


def test_all_batches_of_a_step_are_logged_and_judged(data, tmp_path, monkeypatch):
    """In a first step, whose weights are the same for all, the losses of two batches are the mean of each one's; the
    discriminator's too."""
    alone = []
    for place in (0, 1):
        with monkeypatch.context() as patch:
            take(patch, lambda _, place=place: place)
            run(data, tmp_path / str(place), steps=1, log_every=1)
        alone.append(logged(tmp_path / str(place)))
    run(data, tmp_path / "both", steps=1, log_every=1, accumulate=2)
    both = logged(tmp_path / "both")
    assert {"keypoint", "shape_triplet", "adversarial", "discriminator", "total"} <= both.keys()
    for name, value in both.items():
        assert value == pytest.approx((alone[0][name] + alone[1][name]) / 2, rel=1e-5), name
    assert alone[0]["discriminator"] != pytest.approx(alone[1]["discriminator"], rel=1e-5)


def test_a_state_of_an_earlier_version_goes_on(data, tmp_path):
    """Its discriminator's optimiser was called judge."""
    whole = run(data, tmp_path / "whole")
    run(data, tmp_path / "old", stop_at=1)
    last = tmp_path / "old" / "last"
    (last / "discriminator_optimizer.safetensors").rename(last / "judge.safetensors")
    resumed = run(data, tmp_path / "old", resume=True)
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


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
        refuse_changes({"config": before, "processes": 1, "step": 9}, config, 1, {"training set": "as ever"})


def test_a_run_whose_shares_cannot_be_chosen_keeps_its_steps(data, tmp_path, monkeypatch):
    def refuse(*_):
        raise InputError("nothing to choose on")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "choose_shares", refuse)
        with pytest.raises(InputError, match="nothing to choose on"):
            run(data, tmp_path / "run")
    asked = take(monkeypatch, lambda place: place)
    run(data, tmp_path / "run", resume=True)
    assert asked == [] and (tmp_path / "run" / "export" / "training.json").is_file()


def test_a_run_goes_on_with_its_own_data_only(data, tmp_path):
    """Wherever they lie now."""
    out = tmp_path / "run"
    run(data, out, stop_at=1)
    assert not (out / "export").exists(), "an unfinished run must not look like a finished one"
    shutil.copytree(data, tmp_path / "moved")
    shutil.copytree(data, tmp_path / "other")
    listed = tmp_path / "other" / "list" / "train.txt"
    listed.write_text("".join(sorted((data / "list" / "train.txt").open(), reverse=True)))
    with pytest.raises(InputError, match=r"training data of .* have changed"):
        run(tmp_path / "other", out, resume=True)
    run(tmp_path / "moved", out, resume=True)
    assert read_info(out / "last")["step"] == 2


def test_tensorboard_shows_bodies(data, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(data, tmp_path / "run")
    events = EventAccumulator(str(tmp_path / "run" / "log")).Reload()
    assert "bodies" in events.Tags()["images"]
    picture = events.Images("bodies")[0]
    assert (picture.height, picture.width, picture.step) == (512, 6 * 128, 2)
