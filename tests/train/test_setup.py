"""What a run checks before it decodes a picture, and the words it begins with."""

import hashlib

import pytest
import torch

from tests.train.toy import write_dataset
from threedsl.errors import InputError
from threedsl.network import resnet
from train import setup
from train.configs.read import load_config
from train.engine import TimeLeft, log_losses


@pytest.fixture
def nothing_is_decoded(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a picture was decoded before the checks were done")

    monkeypatch.setattr(setup, "TrainingSet", refuse)


def config(folder, out, **more):
    values = {
        "data": folder, "out": out, "network.height": 64, "network.width": 32, "identities": 3, "precision": "no",
        "graph": "false", "pretrained": "null",
    } | more  # fmt: skip
    return load_config("train/configs/market1501.yaml", [f"{key}={value}" for key, value in values.items()])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"precision": "bf16"}, r"precision bf16 .* needs a GPU.*--set precision=no --set graph=false"),
        ({"precision": "fp16"}, r"precision fp16 .* needs a GPU"),
        ({"graph": "true"}, r"graph .* needs a GPU"),
        ({"precision": "bf16", "graph": "true"}, r"precision bf16 and graph .* need a GPU"),
    ],
)
def test_what_only_a_gpu_can_do_is_refused_without_one(
    changes, sentence, tmp_path, nothing_is_decoded, monkeypatch
):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    write_dataset(tmp_path / "data")
    with pytest.raises(InputError, match=sentence):
        setup.set_up(config(tmp_path / "data", tmp_path / "run", **changes))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"data": "nowhere"}, r"nowhere has no list/train\.txt"),
        ({"more_data": "nowhere"}, r"nowhere has no list/train\.txt"),
        ({"identities": 20}, r"needs at least as many people"),
        ({"body": "nowhere.npz"}, r"nowhere\.npz"),
        (
            {"pretrained": "nowhere"},
            r"no ImageNet weights of a ResNet-50 in nowhere; fetch https://.*0676ba61\.pth",
        ),
        ({"network.name": "lite", "start": "nowhere"}, r"Checkpoint nowhere does not exist"),
        ({"losses.betas": 1}, r"truth\.npz does not exist"),
    ],
)
def test_lists_and_weights_are_checked_before_a_picture_is_decoded(
    changes, sentence, tmp_path, nothing_is_decoded
):
    write_dataset(tmp_path / "data")
    with pytest.raises(InputError, match=sentence):
        setup.set_up(config(tmp_path / "data", tmp_path / "run", **changes))


def test_the_log_has_progress_time_left_and_learning_rate(caplog, monkeypatch):
    written = {}

    class Writer:
        def add_scalar(self, name, value, step):
            written[name] = (value, step)

    clock = [100.0]
    monkeypatch.setattr("train.engine.time.monotonic", lambda: clock[0])
    time_left = TimeLeft(start=10)
    clock[0] += 60  # for ten steps
    with caplog.at_level("INFO", "train"):
        log_losses(Writer(), 20, 50, {"total": torch.tensor(1.5)}, 64.0, 3e-4, time_left)
    assert caplog.messages == [
        "step 20 of 50 (40 %, 0:03:00 left)  64 pictures/s  learning rate 3.00e-04  total 1.5000"
    ]
    assert written["learning rate"] == (3e-4, 20) and written["minutes left"] == (3.0, 20)


@pytest.mark.slow
def test_resnet_files_are_what_their_names_say(tmp_path):
    stages = resnet.resnet_stages(18)
    torch.save(stages.state_dict(), tmp_path / "weights.pth")
    digits = hashlib.sha256((tmp_path / "weights.pth").read_bytes()).hexdigest()[:8]
    named = (tmp_path / "weights.pth").rename(tmp_path / f"resnet18-{digits}.pth")
    assert resnet.find_weights(tmp_path, 18) == named
    resnet.load_stages(resnet.resnet_stages(18), named)
    published = named.rename(tmp_path / resnet.PUBLISHED[18])
    assert resnet.find_weights(tmp_path, 18) == published
    with pytest.raises(InputError, match="does not begin with f37072fd, as their name says"):
        resnet.load_stages(resnet.resnet_stages(18), published)
    plain = published.rename(tmp_path / "resnet18.pth")  # says nothing of its contents
    assert resnet.find_weights(tmp_path, 18) == plain
    resnet.load_stages(resnet.resnet_stages(18), plain)
    with pytest.raises(
        InputError, match=r"ResNet-50 in .*; fetch https://download\.pytorch\.org/.*0676ba61\.pth"
    ):
        resnet.find_weights(tmp_path, 50)
