"""The stages of 3dsl-lite on random starts: what stays in each, what learns, and what the records say."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.network.test_osnet_streams import starts  # noqa: F401 - a fixture
from tests.train.toy import write_dataset
from threedsl import ThreeDSL
from threedsl.checkpoint.weights import load_checkpoint
from threedsl.errors import InputError
from threedsl.network import build_network
from train.__main__ import main
from train.configs.read import load_config
from train.engine import train
from train.export import copy_earlier_stages
from train.stages import FIRST_STAGE, SECOND_STAGE

pytestmark = pytest.mark.slow

FEW = {
    "network.hidden": 16, "mask_height": 32, "identities": 2, "instances": 2, "warmup": 1, "log_every": 1,
    "evaluate_every": 100, "save_every": 100, "steps": 2, "learning_rate": 1e-3, "validation": 0,
    "more_data": "null",
}  # fmt: skip


def config(name, **values):
    return load_config(f"train/configs/{name}.yaml", [f"{key}={value}" for key, value in values.items()])


@pytest.fixture(scope="module")
def stages(tmp_path_factory, starts):  # noqa: F811
    """The exports of all four stages, and the start."""
    root = tmp_path_factory.mktemp("stages")
    lines = write_dataset(root / "data", people=3, pictures=2)
    betas, pose = np.ones((len(lines), 10)), np.tile(np.eye(3), (len(lines), 24, 1, 1))
    paths = np.array([line.split()[0] for line in lines])
    np.savez(root / "data" / "truth.npz", paths=paths, betas=betas, pose=pose)
    common = FEW | {"data": root / "data", "pretrained": starts[0]}
    late = train(config("3dsl-lite", **common, out=root / "late"))
    del common["network.hidden"]
    whole = train(config("3dsl-lite-whole", **common, out=root / "whole", finetune=late))
    between = root / "between"
    assert main(["interpolate", str(whole), "--out", str(between), "--alpha", "0.5"]) == 0
    common |= {"network.hidden": 16, "pretrained": "null"}
    bodies = train(config("3dsl-lite-bodies", **common, out=root / "bodies", refine=between))
    network = load_checkpoint(late)[0]
    start = build_network(replace(network, parts=0, part_shares=None), str(starts[0])).state_dict()
    return {"late": late, "whole": whole, "between": between, "bodies": bodies}, start


def weights(folder):
    return load_checkpoint(folder)[1].state_dict()


def stored(value):
    return value.half().float() if value.ndim > 1 else value


FIRST = ("appearance_stream.encoder.0.", "shape_stream.trunk.")
LATER = (
    "appearance_stream.encoder.1.", "appearance_stream.pool.", "shape_stream.shape_encoder.",
    "shape_stream.shape_pool.", "shape_stream.pose_encoder.",
)  # fmt: skip


def test_first_stages_stay_while_maps_are_cached_and_later_ones_learn(stages):
    folders, start = stages
    after = weights(folders["late"])
    for name, value in start.items():
        if name.startswith(FIRST):
            assert torch.equal(after[name], stored(value)), name
    for prefix in LATER:
        names = [name for name in start if name.startswith(prefix) and start[name].ndim > 1]
        assert names and not all(torch.equal(after[name], stored(start[name])) for name in names), prefix


def test_then_every_tensor_learns_and_the_interpolated_net_has_none_of_the_start_s(stages):
    folders, start = stages
    whole, between = weights(folders["whole"]), weights(folders["between"])
    moved = [name for name in start if name.startswith((*FIRST, *LATER)) and "pose_encoder" not in name]
    for name in moved:
        assert not torch.equal(whole[name], stored(start[name])), name
    half = [torch.allclose(between[n], (start[n] + whole[n]) / 2, atol=2e-3) for n in moved]
    assert all(half)


def test_bodies_and_parts_learn_on_while_whole_descriptors_stay(stages):
    folders, _ = stages
    before, after = weights(folders["between"]), weights(folders["bodies"])
    stays = (
        "appearance_stream.",
        "shape_stream.trunk.",
        "shape_stream.shape_encoder.",
        "shape_stream.shape_pool.",
    )
    for name, value in before.items():
        if name.startswith(stays):
            assert torch.equal(after[name], value), name
    for prefix in ("shape_stream.pose_encoder.", "shape_stream.shape_head.", "shape_stream.parts.necks."):
        names = [n for n in before if n.startswith(prefix) and before[n].is_floating_point()]
        assert any(not torch.equal(after[name], before[name]) for name in names), prefix
    pictures = [np.full((256, 128, 3), 90, np.uint8), np.full((256, 128, 3), 200, np.uint8)]
    models = [ThreeDSL.from_pretrained(folders[stage], device="cpu") for stage in ("between", "bodies")]
    ours, theirs = (model(pictures) for model in models)
    assert np.array_equal(ours.appearance, theirs.appearance)


def test_records_of_all_stages_come_along(stages):
    folders, _ = stages
    first, second, last = (
        json.loads((folders["bodies"] / name).read_text())
        for name in (FIRST_STAGE, SECOND_STAGE, "training.json")
    )
    assert [stage["name"] for stage in (first, second, last)] == [
        "3dsl-lite", "3dsl-lite-whole", "3dsl-lite-bodies",
    ]  # fmt: skip
    assert second["interpolated"]["alpha"] == {"appearance": 0.5, "shape": 0.5}
    assert load_config(folders["whole"] / "training.json").pretrained == first["pretrained"]


def test_what_is_trained_further_keeps_the_notice_of_its_start(stages, tmp_path):
    folders, _ = stages
    first = tmp_path / "first"
    shutil.copytree(folders["late"], first)
    (first / "NOTICE.txt").write_text("Intel")
    (tmp_path / "run" / "export").mkdir(parents=True)
    copy_earlier_stages(config("finetune", finetune=first), tmp_path / "run" / "export")
    assert (tmp_path / "run" / "export" / "NOTICE.txt").read_text() == "Intel"
    (tmp_path / "named").mkdir()
    copy_earlier_stages(config("finetune", finetune="3dsl-lite"), tmp_path / "named")
    shipped = Path("checkpoints/3dsl-lite/NOTICE.txt")
    assert (tmp_path / "named" / "NOTICE.txt").read_text() == shipped.read_text()
    model = ThreeDSL.from_pretrained(first, device="cpu")
    with torch.no_grad():
        next(model.network.parameters()).add_(1)
    model.save_pretrained(tmp_path / "changed")
    assert (tmp_path / "changed" / "NOTICE.txt").read_text() == "Intel"
    assert not (tmp_path / "changed" / "training.json").exists()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"pretrained": "null"}, "losses.keep needs"),
        ({"graph": "true"}, "maps needs"),
        ({"finetune": "checkpoints/3dsl-lite"}, "set maps to 0"),
        ({"shares": "most"}, "shares must be"),
        ({"maps": 1000}, "maps must be at most 100"),
    ],
)
def test_fields_that_do_not_fit(values, sentence):
    with pytest.raises(InputError, match=sentence):
        config("3dsl-lite", **values)
