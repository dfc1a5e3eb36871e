"""The second stage: the appearance stream stays, the 3D stream starts as its copy."""

import json

import numpy as np
import pytest
import torch

from tests.train.toy import write_dataset
from threedsl import ThreeDSL
from threedsl.body import DEFAULT_BODY, BodyModel
from threedsl.checkpoint.weights import load_checkpoint, save_checkpoint
from threedsl.errors import InputError
from threedsl.network import NetworkConfig, build_network
from train.configs.read import load_config
from train.engine import train
from train.learner import Learner
from train.stages import EARLY_BLOCKS, FIRST_STAGE, SECOND_STAGE, start_from

pytestmark = pytest.mark.slow

CONFIG = "train/configs/efficientnet.yaml"
SMALL = {
    "network.height": 64, "network.width": 32, "network.descriptor": 32, "network.hidden": 32, "mask_height": 32,
    "more_data": "null",
    "identities": 3, "steps": 3, "warmup": 1, "log_every": 1, "evaluate_every": 3, "save_every": 100,
    "learning_rate": 1e-2,
}  # fmt: skip


def first_stage(folder, **changes):
    torch.manual_seed(3)
    config = NetworkConfig(
        **{"height": 64, "width": 32, "descriptor": 32, "hidden": 32, "shape_stream": False} | changes
    )
    network = build_network(config)
    for value in network.buffers():  # statistics that are not those of a new network
        if value.dtype.is_floating_point and value.ndim == 1:
            value.uniform_(0.5, 1.5)
    save_checkpoint(network, config, folder)
    return folder


def second_stage(folder, **more):
    return load_config(CONFIG, [f"{k}={v}" for k, v in (SMALL | {"start": folder} | more).items()])


def test_the_3d_stream_starts_as_a_copy(tmp_path):
    config = second_stage(first_stage(tmp_path / "first"))
    network = build_network(config.network)
    start_from(network, config)
    network.eval()
    images = torch.rand(4, 3, 64, 32)
    output = network(images)
    assert torch.allclose(output.shape_feature, output.appearance_feature, atol=1e-5)
    _, alone = load_checkpoint(tmp_path / "first")
    assert torch.allclose(output.appearance, alone.eval()(images).appearance, atol=1e-6)


def test_what_is_kept_stays_to_the_last_bit_and_the_rest_learns(tmp_path):
    write_dataset(tmp_path / "data", people=16)
    first = first_stage(tmp_path / "first")
    # An evaluation after every step, which must not set the frozen parts going.
    config = second_stage(first, data=tmp_path / "data", out=tmp_path / "run", evaluate_every=1)
    exported = train(config)
    _, before = load_checkpoint(first)
    _, after = load_checkpoint(exported)
    old, new = before.state_dict(), after.state_dict()
    kept = [name for name in old if name.startswith("appearance_stream")]
    assert kept
    for name in kept:  # exported matrices are in half precision
        expected = old[name].half().float() if old[name].ndim > 1 else old[name]
        assert torch.equal(new[name], expected), name
    for name in old:  # the trunk's early blocks, with their statistics
        stem, _, rest = name.removeprefix("appearance_stream.encoder.").partition(".")
        block = rest.partition(".")[0]
        if name.startswith("appearance_stream.encoder.") and (
            stem == "0" or (stem == "1" and int(block) < EARLY_BLOCKS)
        ):
            expected = old[name].half().float() if old[name].ndim > 1 else old[name]
            assert torch.equal(new[f"shape_stream.trunk.{stem}.{rest}"], expected), name
    late = "appearance_stream.encoder.1.15.project.0.weight"
    copied = "shape_stream.shape_encoder.0.4.project.0.weight"
    assert not torch.equal(new[copied], old[late].half().float())
    assert ThreeDSL.from_pretrained(exported).config.parts == 3


def test_frozen_modules_keep_their_statistics(tmp_path):
    config = second_stage(first_stage(tmp_path / "first"))
    network = build_network(config.network)
    learner = Learner(network, BodyModel.load(DEFAULT_BODY), 3, config)
    learner.freeze(start_from(network, config))
    learner.train()
    assert not network.appearance_stream.training and not network.shape_stream.trunk[0].training
    assert network.shape_stream.shape_encoder.training
    assert "appearance" not in learner.classifiers


def test_a_whole_checkpoint_starts_a_smaller_one_with_its_appearance_stream(tmp_path):
    first = first_stage(tmp_path / "first", height=96, width=32, shape_stream=True, parts=3)
    (first / FIRST_STAGE).write_text('{"steps": 7}')
    (first / "training.json").write_text("{}")
    write_dataset(tmp_path / "data")
    exported = train(second_stage(first, data=tmp_path / "data", out=tmp_path / "run", steps=2))
    _, before = load_checkpoint(first)
    _, after = load_checkpoint(exported)
    images = torch.rand(2, 3, 64, 32)
    ours, theirs = (network.eval().appearance_stream(images)[1] for network in (after, before))
    assert torch.allclose(
        ours, theirs, rtol=1e-2, atol=1e-2 * theirs.abs().max().item()
    )  # exported in half precision
    assert json.loads((exported / FIRST_STAGE).read_text()) == {"steps": 7}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"descriptor": 64}, "descriptor 64"), ({"name": "r50"}, "name 'r50'")],
)
def test_a_checkpoint_that_does_not_fit(tmp_path, changes, sentence):
    config = second_stage(first_stage(tmp_path / "first", **changes))
    with pytest.raises(InputError, match=sentence):
        start_from(build_network(config.network), config)


@pytest.mark.parametrize("override", ["graph=true", "network.name=r50", "network.shape_stream=false"])
def test_fields_that_exclude_each_other(override):
    with pytest.raises(InputError, match="start"):
        load_config(CONFIG, [override])


def refined(folder, data, out, **more):
    values = SMALL | {"refine": folder, "data": data, "out": out, "learning_rate": 1e-2} | more
    return load_config("train/configs/efficientnet-bodies.yaml", [f"{k}={v}" for k, v in values.items()])


def with_truth(root):
    lines = write_dataset(root)
    betas, pose = 2 + np.zeros((len(lines), 10)), np.tile(np.eye(3), (len(lines), 24, 1, 1))
    np.savez(root / "truth.npz", paths=np.array([line.split()[0] for line in lines]), betas=betas, pose=pose)
    return root


def test_bodies_learn_on_and_descriptors_stay_to_the_last_bit(tmp_path):
    data = with_truth(tmp_path / "data")
    shares = [0.1, 0.6, 0.3, 0.0]
    whole = first_stage(tmp_path / "whole", shape_stream=True, parts=3, shape_share=0.7, part_shares=shares)
    (whole / "training.json").write_text('{"steps": 9}')
    taught = {"losses.betas": 30, "losses.keypoint": 0, "losses.silhouette": 0}
    config = refined(whole, data, tmp_path / "run", more_data="null", steps=8, **taught)
    exported = train(config)
    pictures = [path for path in sorted((data / "images").rglob("*.png"))][:4]
    before, after = (ThreeDSL.from_pretrained(folder, device="cpu")(pictures) for folder in (whole, exported))
    # Exported matrices are in half precision; those of the start are not.
    assert np.allclose(before.combined, after.combined, atol=5e-3) and after.shape_share == 0.7
    _, old = load_checkpoint(whole)
    described, new = load_checkpoint(exported)
    assert described.part_shares == shares
    stays = (
        "appearance_stream",
        "shape_stream.trunk",
        "shape_stream.shape_encoder",
        "shape_stream.shape_neck",
    )
    fresh = new.state_dict()
    for name, value in old.state_dict().items():
        if name.startswith((*stays, "shape_stream.parts.necks")):
            expected = value.half().float() if value.is_floating_point() and value.ndim > 1 else value
            assert torch.equal(fresh[name], expected), name
    assert np.abs(after.bodies.betas - 2).mean() < np.abs(before.bodies.betas - 2).mean() - 0.1
    assert json.loads((exported / SECOND_STAGE).read_text()) == {"steps": 9}


def test_the_pose_encoder_learns_on_where_the_descriptors_stay(tmp_path):
    data = with_truth(tmp_path / "data")
    whole = first_stage(tmp_path / "whole", shape_stream=True, parts=3)
    exported = train(refined(whole, data, tmp_path / "run", more_data="null", steps=2))
    old, new = (load_checkpoint(folder)[1].state_dict() for folder in (whole, exported))
    weights = [name for name in new if name.endswith("weight") and new[name].ndim == 4]
    learned = {name.split(".")[1] for name in weights if not torch.equal(new[name], old[name].half().float())}
    assert learned == {"pose_encoder", "pose_pool"}


def test_true_poses_are_learned(tmp_path):
    """Nobody's picture shows why, but with the truth alone as a loss everybody comes to stand as it says."""
    data = with_truth(tmp_path / "data")
    whole = first_stage(tmp_path / "whole", shape_stream=True, parts=3)
    taught = {"losses.betas": 0, "losses.pose": 30, "losses.keypoint": 0, "losses.silhouette": 0}
    exported = train(refined(whole, data, tmp_path / "run", more_data="null", steps=8, **taught))
    pictures = sorted((data / "images").rglob("*.png"))[:4]
    before, after = (ThreeDSL.from_pretrained(folder, device="cpu")(pictures) for folder in (whole, exported))
    apart = [np.abs(out.bodies.pose - np.eye(3)).mean() for out in (before, after)]
    assert apart[1] < 0.9 * apart[0]


def test_refusals_of_refining(tmp_path):
    data = with_truth(tmp_path / "data")
    other = first_stage(tmp_path / "other", shape_stream=True, parts=0)
    with pytest.raises(InputError, match=r"The network of .* differs"):
        train(refined(other, data, tmp_path / "a", more_data="null"))
    (data / "truth.npz").unlink()
    with pytest.raises(InputError, match=r"truth\.npz does not exist"):
        train(refined(other, data, tmp_path / "b", more_data="null"))
    with pytest.raises(InputError, match="refine"):
        refined(other, data, tmp_path / "c", start=other)
