"""Every shipped configuration trains: two steps at toy size, on a dataset in the layout of the real ones."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.train.toy import write_dataset
from threedsl import ThreeDSL
from threedsl.checkpoint.weights import save_checkpoint
from threedsl.network import NetworkConfig, build_network
from train import engine, setup
from train.configs.read import load_config
from train.data.sampler import SAMPLING

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[3] / "train" / "configs"
LITE = FOLDER / "lite.yaml"
OVER_ANOTHER = {LITE, FOLDER / "no-bodies.yaml"}
CONFIGS = sorted(set(FOLDER.rglob("*.yaml")) - OVER_ANOTHER)
REAL = {
    "market1501": "ordinary", "dukemtmc": "ordinary", "msmt17": "ordinary", "prcc": "cloth-changing",
    "ltcc": "cloth-changing", "celebreid": "ordinary", "vcclothes": "cloth-changing", "fgpr": "fine-grained",
}  # fmt: skip
SMALL = {
    "steps": 2, "identities": 3, "warmup": 1, "log_every": 1, "evaluate_every": 2, "save_every": 2,
    "pretrained": "null",
    "network.height": 64, "network.width": 32, "network.descriptor": 32, "network.hidden": 32, "mask_height": 32,
    "precision": "no", "graph": "false",
}  # fmt: skip
OSNET = {"height": 256, "width": 128, "descriptor": 256, "hidden": 16}  # the sizes of its nets are fixed


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    lines = write_dataset(root, people=16, folder="rgb/train")
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
    if asked.network.name == "osnet":
        small |= {f"network.{field}": value for field, value in OSNET.items()} | {"maps": 1, "instances": 2}
    if asked.losses.keep:
        small["losses.keep"] = 0  # there is no start to keep
    staged = asked.start is not None or asked.refine is not None
    if asked.finetune:
        first = NetworkConfig(height=64, width=32, descriptor=32, hidden=32, parts=3)
        save_checkpoint(build_network(first), first, tmp_path / "first")
        small = {name: value for name, value in small.items() if not name.startswith("network.")}
        small["finetune"] = tmp_path / "first"
    if staged:
        small["refine" if asked.refine else "start"] = tmp_path / "first"
        osnet = asked.network.name == "osnet"
        sizes = OSNET if osnet else {"height": 64, "width": 32, "descriptor": 32, "hidden": 32}
        first = NetworkConfig(
            name=asked.network.name,
            **sizes,
            shape_stream=bool(asked.refine),
            parts=asked.network.parts if asked.refine else 0,
        )
        save_checkpoint(build_network(first), first, tmp_path / "first")
    small["more_data"] = data if asked.more_data else "null"
    config = load_config(path, [f"{field}={value}" for field, value in small.items()])
    make = setup.BodyPrior
    monkeypatch.setattr(setup, "BodyPrior", lambda *key: prior.get(key) or prior.setdefault(key, make(*key)))
    exported = []
    saved = {}  # half a gigabyte of ResNets and their moments each; that they can be read again is tested elsewhere
    monkeypatch.setattr(engine, "save_state", lambda folder, modules, optimizers, info: saved.update(info))
    monkeypatch.setattr(engine, "export", lambda config, *others: exported.append(config))
    try:
        with caplog.at_level("INFO", "train"):
            engine.train(config)
    finally:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
    assert saved["step"] == 2 and saved["config"]["sampling"] == config.sampling
    lines = [line for line in caplog.messages if line.startswith("step 2")]
    for name in ("appearance_identity", "appearance_triplet"):
        assert (f"{name} " in lines[0]) != staged
    (config,) = exported  # with the network of the checkpoint that is fine-tuned
    assert config.network.parts == (3 if asked.finetune else asked.network.parts)
    weights = config.losses
    if config.network.shape_stream:
        for name in ("keypoint", "silhouette", "adversarial"):
            assert (f"{name} " in lines[0]) == (getattr(weights, name) > 0), name
        learn = config.network.parts > 0 and (config.refines_parts or not config.refine)
        assert ("part_identity " in lines[0]) == learn
        for name in ("betas", "pose"):
            assert (f" {name} " in lines[0]) == (getattr(weights, name) > 0)
    assert "nan" not in lines[0] and any("rank-1" in line for line in lines)


def bare(source, target):
    """A copy of a dataset folder without annotations and without query and gallery lists."""
    shutil.copytree(source, target)
    for name in ("mask", "pose"):
        shutil.rmtree(target / name)
    for name in ("query", "gallery"):
        (target / "list" / f"{name}.txt").unlink()
    return target


@pytest.mark.parametrize("lite", [False, True], ids=["paper's backbones", "lite"])
@pytest.mark.parametrize("name", REAL)
def test_a_real_data_set_trains_to_its_checkpoint_without_the_shape_stream(name, lite, data, tmp_path):
    """From a folder with nothing but a training list, as far as the checkpoint that the page reads."""
    path, changes = FOLDER / f"{name}.yaml", [LITE] if lite else []
    assert not load_config(path, ["network.shape_stream=false"], changes).network.shape_stream
    small = SMALL | {
        "data": bare(data, tmp_path / "bare"),
        "out": tmp_path / "run",
        "steps": 1,
        "save_every": 100,
    }
    small |= {"network.shape_stream": "false", "evaluate_every": 1}
    exported = engine.train(load_config(path, [f"{key}={value}" for key, value in small.items()], changes))
    model = ThreeDSL.from_pretrained(exported, device="cpu")
    assert model.config.name == ("lite" if lite else "r50")
    described = model(sorted((data / "rgb").rglob("*.png"))[:2])
    assert described.streams == ("appearance",) and described.appearance.shape == (2, 32)
    shutil.rmtree(tmp_path / "run")


@pytest.mark.parametrize("name", REAL)
def test_lite_goes_over_every_real_data_set(name):
    """It changes the network and the budget, not the data and what is learned from them."""
    paper = load_config(FOLDER / f"{name}.yaml")
    small = load_config(FOLDER / f"{name}.yaml", [], [LITE])
    assert small.network == load_config(FOLDER / "efficientnet.yaml").network
    assert small.precision == "no" and not small.graph and small.pretrained == "imagenet"
    for field in ("name", "data", "out", "sampling", "losses", "identities", "instances", "validation"):
        assert getattr(small, field) == getattr(paper, field)
    assert load_config(FOLDER / f"{name}.yaml", ["steps=7"], [LITE]).steps == 7


@pytest.mark.parametrize("name", REAL)
def test_a_real_data_set_has_the_paper_s_network_and_fitting_triplets(name):
    config = load_config(FOLDER / f"{name}.yaml")
    assert config.network.name == "r50" and (config.network.height, config.network.width) == (256, 128)
    assert config.network.parts == 3 and config.data == f"data/{name}" and config.out == f"runs/{name}"
    assert config.sampling == REAL[name] and config.sampling in SAMPLING
    assert config.steps > 10 * config.warmup and config.steps % config.evaluate_every == 0
