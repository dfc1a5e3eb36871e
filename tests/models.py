"""Small models for tests: the real lite network with random weights of a seed."""

from pathlib import Path

import torch

from threedsl.body import BodyModel
from threedsl.network import NetworkConfig, build_network
from threedsl.pipeline import ThreeDSL


def random_model(seed: int = 0, **fields) -> ThreeDSL:
    """A lite model that tells pictures apart: batch-norm statistics are those of 16 coloured noise pictures, for
    with the initial ones everything dies out on the way."""
    body = BodyModel.load()
    config = NetworkConfig(**{"coarse_vertices": body.num_coarse, "descriptor": 64, "hidden": 32} | fields)
    torch.manual_seed(seed)
    network = build_network(config).train()
    norms = [module for module in network.modules() if hasattr(module, "running_mean")]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    coarse = torch.rand(16, 3, 8, 4)
    with torch.no_grad():
        network(torch.nn.functional.interpolate(coarse, (config.height, config.width), mode="bilinear"))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return ThreeDSL(network, config, body, device="cpu")


def random_checkpoint(folder: Path, seed: int = 0, **fields) -> Path:
    """The same as a folder on disk."""
    random_model(seed, **fields).save_pretrained(folder)
    return folder


def count_calls(model, monkeypatch) -> list[int]:
    """How many pictures each later call of the model gets."""
    calls, call = [], type(model).__call__

    def counted(self, images, *args, **kwargs):
        calls.append(len(images))
        return call(self, images, *args, **kwargs)

    monkeypatch.setattr(type(model), "__call__", counted)
    return calls
