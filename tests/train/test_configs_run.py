"""Every shipped configuration trains: two steps at toy size, on a data set in the layout of the real ones."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.train.toy import write_dataset
from threedsl.checkpoint import save_checkpoint
from threedsl.network import NetworkConfig, build_network
from train import engine
from train.config import load_config
from train.sampler import SAMPLING

FOLDER = Path(__file__).parents[2] / "train" / "configs"
CONFIGS = sorted(FOLDER.rglob("*.yaml"))
REAL = {
    "market1501": "ordinary", "dukemtmc": "ordinary", "msmt17": "ordinary", "prcc": "clothing-changing",
    "ltcc": "clothing-changing", "celebreid": "ordinary", "vcclothes": "clothing-changing", "fgpr": "fine-grained",
}  # fmt: skip
SMALL = {
    "steps": 2, "people": 3, "warmup": 1, "log_every": 1, "evaluate_every": 2, "save_every": 2, "pretrained": "null",
    "network.height": 64, "network.width": 32, "network.descriptor": 32, "network.hidden": 32, "mask_height": 32,
    "precision": "no", "graph": "false",
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    lines = write_dataset(root, folder="rgb/train")
    paths = np.array([line.split()[0] for line in lines])
    betas, pose = (
        np.random.default_rng(0).normal(size=(len(paths), 10)),
        np.tile(np.eye(3), (len(paths), 24, 1, 1)),
    )
    np.savez(root / "truth.npz", paths=paths, betas=betas, pose=pose)
    return root


@pytest.fixture(scope="module")
def prior():
    """One pool of plausible poses for all runs: they differ in nothing that it depends on."""
    return {}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(FOLDER).with_suffix("")))
def test_a_shipped_configuration_runs_two_steps(path, data, prior, tmp_path, monkeypatch, caplog):
    small = {"data": data, "out": tmp_path / "run"} | SMALL
    asked = load_config(path)
    staged = asked.start is not None or asked.refine is not None
    if staged:
        small["refine" if asked.refine else "start"] = tmp_path / "first"
        sizes = {"height": 64, "width": 32, "descriptor": 32, "hidden": 32}
        first = NetworkConfig(
            **sizes, shape_stream=bool(asked.refine), parts=asked.network.parts if asked.refine else 0
        )
        save_checkpoint(build_network(first), first, tmp_path / "first")
    small["more_data"] = data if asked.more_data else "null"
    config = load_config(path, [f"{field}={value}" for field, value in small.items()])
    make = engine.BodyPrior
    monkeypatch.setattr(engine, "BodyPrior", lambda *key: prior.get(key) or prior.setdefault(key, make(*key)))
    saved = {}  # half a gigabyte of ResNets and their moments each; that they can be read again is tested elsewhere
    monkeypatch.setattr(engine, "save_state", lambda folder, modules, optimizers, info: saved.update(info))
    monkeypatch.setattr(engine, "export", lambda config, network, folder: None)
    try:
        with caplog.at_level("INFO", "train"):
            engine.train(config)
    finally:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
    assert saved["step"] == 2 and saved["config"]["sampling"] == config.sampling
    lines = [line for line in caplog.messages if line.startswith("step 2")]
    for name in ("appearance_identity", "appearance_triplet"):
        assert (f"{name} " in lines[0]) != staged
    weights = config.losses
    if config.network.shape_stream:
        for name in ("keypoint", "silhouette", "adversarial"):
            assert (f"{name} " in lines[0]) == (getattr(weights, name) > 0), name
        assert ("part_identity " in lines[0]) == (config.network.parts > 0)
        for name in ("betas", "pose"):
            assert (f" {name} " in lines[0]) == (getattr(weights, name) > 0)
    assert "nan" not in lines[0] and any("rank-1" in line for line in lines)


@pytest.mark.parametrize("name", REAL)
def test_a_real_data_set_has_the_paper_s_network_and_fitting_triplets(name):
    config = load_config(FOLDER / f"{name}.yaml")
    assert config.network.name == "r50" and (config.network.height, config.network.width) == (256, 128)
    assert config.network.parts == 3 and config.data == f"data/{name}" and config.out == f"runs/{name}"
    assert config.sampling == REAL[name] and config.sampling in SAMPLING
    assert config.steps > 10 * config.warmup and config.steps % config.evaluate_every == 0
