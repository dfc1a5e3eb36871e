"""Fine-tuning: a whole checkpoint keeps training, all of it."""

import json

import pytest
import torch

from tests.train.toy import write_dataset
from threedsl.checkpoint.weights import load_checkpoint, save_checkpoint
from threedsl.errors import InputError
from threedsl.network import NetworkConfig, build_network
from train.configs.read import load_config
from train.engine import train

pytestmark = pytest.mark.slow

CONFIG = "train/configs/finetune.yaml"
SHARES = [0.1, 0.6, 0.3, 0.0]


def checkpoint(folder, **changes):
    torch.manual_seed(3)
    sizes = {"height": 64, "width": 32, "descriptor": 32, "hidden": 32, "parts": 3}
    config = NetworkConfig(**sizes | {"shape_share": 0.7, "part_shares": SHARES} | changes)
    save_checkpoint(build_network(config), config, folder)
    return folder


def finetuned(folder, data, out, **more):
    values = {
        "finetune": folder, "data": data, "out": out, "identities": 3, "steps": 2, "warmup": 1, "log_every": 1,
        "evaluate_every": 2, "mask_height": 32, "learning_rate": 1e-2,
    } | more  # fmt: skip
    return load_config(CONFIG, [f"{key}={value}" for key, value in values.items()])


def test_all_parts_learn_and_the_shares_are_chosen_again(tmp_path):
    write_dataset(tmp_path / "data", people=16)
    first = checkpoint(tmp_path / "first")
    exported = train(finetuned(first, tmp_path / "data", tmp_path / "run"))
    (_, before), (config, after) = load_checkpoint(first), load_checkpoint(exported)
    old, new = before.state_dict(), after.state_dict()
    assert old.keys() == new.keys()
    # A BNNeck has no shift to learn (Luo et al., 2019).
    learned = [name for name, value in before.named_parameters() if value.requires_grad]
    assert len(learned) > 300
    for name in learned:
        stored = old[name].half().float() if old[name].ndim > 1 else old[name]
        assert not torch.equal(new[name], stored), name
    assert config.part_shares != SHARES
    said = json.loads((exported / "training.json").read_text())
    assert said["shares chosen on"].startswith("4 of the 16") and said["finetune"] == str(first)


def test_it_starts_where_the_checkpoint_was(tmp_path, caplog):
    """At a learning rate of zero nothing moves but the statistics; too few people leave the shares as they were."""
    write_dataset(tmp_path / "data", people=4)
    first = checkpoint(tmp_path / "first")
    rates = {name: 0 for name in ("learning_rate", "weight_decay")}
    with caplog.at_level("INFO", "train"):
        exported = train(finetuned(first, tmp_path / "data", tmp_path / "run", **rates))
    (_, before), (config, after) = load_checkpoint(first), load_checkpoint(exported)
    new = after.state_dict()
    for name, value in before.named_parameters():
        assert torch.equal(new[name], value.half().float() if value.ndim > 1 else value), name
    assert config.part_shares == SHARES and config.shape_share == 0.7
    assert f"backbones start from {first}" in caplog.messages
    assert any(line.startswith("validation: none") for line in caplog.messages)


def test_refusals(tmp_path):
    first = checkpoint(tmp_path / "first")
    with pytest.raises(InputError, match="neither start nor refine"):
        finetuned(first, tmp_path, tmp_path / "run", start=first)
    with pytest.raises(InputError, match="leave `network` out"):
        train(finetuned(first, tmp_path, tmp_path / "run", **{"network.height": 96}))
    with pytest.raises(InputError, match="does not exist"):
        train(finetuned(tmp_path / "none", tmp_path, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_an_appearance_network_can_be_fine_tuned(tmp_path):
    write_dataset(tmp_path / "data", people=16)
    first = checkpoint(tmp_path / "first", shape_stream=False, parts=0, part_shares=None)
    exported = train(finetuned(first, tmp_path / "data", tmp_path / "run"))
    assert not load_checkpoint(exported)[0].shape_stream


def test_people_seen_before_are_said(tmp_path, caplog):
    """A checkpoint trained on everybody of the same data knows the validation people."""
    write_dataset(tmp_path / "data", people=16)
    first = checkpoint(tmp_path / "first")
    (first / "training.json").write_text(json.dumps({"data": str(tmp_path / "data")}))
    with caplog.at_level("WARNING", "train"):
        train(finetuned(first, tmp_path / "data", tmp_path / "a", steps=1))
    assert any("was itself trained on" in line for line in caplog.messages)
    caplog.clear()
    (first / "training.json").write_text(json.dumps({"data": str(tmp_path / "data"), "validation": 0.1}))
    with caplog.at_level("WARNING", "train"):
        train(finetuned(first, tmp_path / "data", tmp_path / "b", steps=1))
    assert not any("was itself trained on" in line for line in caplog.messages)
