"""`train keypoints`: the head learns to correct bodies, everything else stays as it was."""

import json

import pytest
import torch

from tests.models import random_checkpoint
from tests.train.synthetic import SETTINGS, synthesize
from threedsl import ThreeDSL
from threedsl.body import BodyModel
from threedsl.body.camera import project
from threedsl.checkpoint.weights import load_checkpoint
from train.__main__ import main
from train.body.keypoint_head import RECORD, HeadConfig, Regressed, attach_keypoint_head, errors, train_head
from train.synthesize.truth import Truth

pytestmark = pytest.mark.slow
SIZE = (128, 64)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp("data") / "set"
    few = {
        "--people": "18",
        "--outfits": "2 2",
        "--pictures-per-outfit": "3",
        "--cameras": "4",
        "--workers": "1",
    }
    assert synthesize(out, SETTINGS | few | {"--test-share": "0.1"}) == 0
    return out


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = random_checkpoint(tmp_path_factory.mktemp("run") / "export")
    (folder / "training.json").write_text('{"data": "data/train"}')
    return folder


def test_only_the_head_is_new(checkpoint, data, tmp_path):
    command = ["keypoints", str(checkpoint), "--data", str(data), "--out", str(tmp_path / "out")]
    assert main([*command, "--steps", "3"]) == 0
    config, before = load_checkpoint(checkpoint)
    ours, after = load_checkpoint(tmp_path / "out")
    assert ours.keypoint_head == HeadConfig.hidden and config.keypoint_head == 0
    there = after.state_dict()
    assert there["shape_stream.keypoint_head.clothes"].any(), "learned from the outlines"
    for name, value in before.state_dict().items():
        kept = value.half().float() if value.ndim > 1 else value
        assert torch.equal(there[name], kept), name
    record = json.loads((tmp_path / "out" / RECORD).read_text())
    assert record["settings"]["steps"] == 3 and set(record["validation people, by step"]) == {"0", "3"}
    assert (tmp_path / "out" / "training.json").is_file()
    assert ThreeDSL.from_pretrained(tmp_path / "out", device="cpu").config == ours


def test_the_head_learns_what_keypoints_tell(checkpoint):
    """Every body stands as regressed and is turned; only its keypoints say how far."""
    body = BodyModel.load()
    config, network = load_checkpoint(checkpoint)
    torch.manual_seed(0)
    attach_keypoint_head(network, config.__class__(**config.to_dict() | {"keypoint_head": 64}))
    head = network.shape_stream.keypoint_head
    count = 400
    angle = torch.linspace(-1.5, 1.5, count)
    pose = torch.eye(3).repeat(count, 24, 1, 1)
    truth = pose.clone()
    cosine, sine = angle.cos(), angle.sin()
    truth[:, 0, 0, 0] = truth[:, 0, 2, 2] = cosine
    truth[:, 0, 0, 2], truth[:, 0, 2, 0] = sine, -sine
    betas, camera = torch.zeros(count, 10), torch.tensor([[1.0, 0.0, 0.0]]).repeat(count, 1)
    pixels, _ = project(body.skeleton(betas, truth)[1], camera, SIZE)
    points = torch.cat([pixels, torch.ones(count, 17, 1)], 2)
    evidence = torch.zeros(count, len(head.mean))
    regressed = Regressed(evidence, betas, pose, camera, points, points)
    held = regressed, Truth(betas, truth)
    before = errors(head.eval(), *held, body, SIZE)
    settings = HeadConfig(steps=800, batch=64, hidden=64)
    train_head(head, regressed, Truth(betas, truth), body, SIZE, settings, lambda step: None)
    after = errors(head, *held, body, SIZE)
    assert after["MPJPE mm"] < 0.4 * before["MPJPE mm"]
    assert after["orientation degrees"] < 0.4 * before["orientation degrees"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--steps", "0"], "--steps must be at least 1"),
        (["--data", "missing"], "missing"),
    ],
)
def test_what_does_not_fit(checkpoint, data, tmp_path, capsys, words, sentence):
    command = ["keypoints", str(checkpoint), "--data", str(data), "--out", str(tmp_path / "out"), *words]
    assert main(command) == 2
    assert sentence in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_the_checkpoint_itself_and_the_body_of_another_stay(checkpoint, data, tmp_path, capsys):
    before = {path.name: path.read_bytes() for path in checkpoint.iterdir()}
    (tmp_path / "link").symlink_to(checkpoint)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "body.npz").write_bytes(b"a body")
    for out, sentence in (
        (checkpoint, "is the checkpoint itself, which would be replaced"),
        (tmp_path / "link", "is the checkpoint itself, which would be replaced"),
        (tmp_path / "other", "is another checkpoint's body"),
    ):
        assert (
            main(["keypoints", str(checkpoint), "--data", str(data), "--out", str(out), "--steps", "1"]) == 2
        )
        assert sentence in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in checkpoint.iterdir()} == before
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["body.npz"]


def test_without_a_shape_stream_there_is_nothing_to_correct(data, tmp_path, capsys):
    folder = random_checkpoint(tmp_path / "plain", shape_stream=False)
    assert main(["keypoints", str(folder), "--data", str(data), "--out", str(tmp_path / "out")]) == 2
    assert "has no shape stream" in capsys.readouterr().err
