"""A training step of the lite configuration, compared with a bare one of the same two trunks."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.table import machine, replace_section, spread, table

if TYPE_CHECKING:
    import torch

    from train.config import TrainConfig
    from train.data.dataset import Batch
    from train.learner import Learner

CONFIG = Path(__file__).resolve().parents[2] / "train" / "configs" / "3dsl-lite.yaml"
ON_A_CPU = ["identities=4", "instances=4", "precision=no", "graph=false", "start=null"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repeats", type=int, default=5, help="steps of each, after one for warming up")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")


def main(args: argparse.Namespace) -> None:
    import torch

    from train.configs.read import load_config

    torch.set_num_threads(1)
    config = load_config(CONFIG, ON_A_CPU)
    ours, bare = step_times(config, args.repeats)
    ratios = [one / other for one, other in zip(ours, bare, strict=True)]
    rows = [
        ["two trunks, two classifiers, AdamW", spread(bare), spread([1.0] * len(bare))],
        ["3dsl-lite: parts, bodies, silhouettes, all losses", spread(ours), spread(ratios)],
    ]
    text = (
        f"{machine()}; one thread, torch {torch.__version__}, {config.identities * config.instances} pictures of "
        f"{config.network.height} x {config.network.width} a step; median (range) of {args.repeats} steps.\n\n"
        + table(["step", "CPU s", "times the bare one"], rows)
    )
    print(text)
    if args.write:
        replace_section("training", text)


def step_times(config: TrainConfig, repeats: int) -> tuple[list[float], list[float]]:
    """CPU seconds of our steps and of bare ones, in turn, without the first of each."""
    import torch

    from train.learner import total_loss

    torch.manual_seed(0)
    learner, batch = toy_step(config)
    steps = [stepping(learner, lambda: total_loss(learner(batch)[0])), bare_step(batch, config.identities)]
    times: list[list[float]] = [[], []]
    for _ in range(repeats + 1):
        for step, taken in zip(steps, times, strict=True):
            start = time.process_time()
            step()
            taken.append(time.process_time() - start)
    ours, bare = (taken[1:] for taken in times)
    return ours, bare


def stepping(module: torch.nn.Module, loss: Callable[[], torch.Tensor]) -> Callable[[], None]:
    """A step that lowers `loss` by gradients, clipping and AdamW."""
    import torch

    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-5)

    def step() -> None:
        value = loss()
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 5.0)
        optimizer.step()

    return step


def bare_step(batch: Batch, people: int) -> Callable[[], None]:
    """The two starts' trunks, each with a linear classifier and cross-entropy, and nothing else."""
    import torch
    from torch import nn

    from threedsl.network.osnet import OSNet
    from threedsl.network.osnet_streams import APPEARANCE, SHAPE

    trunks = [nn.Sequential(OSNet(net), nn.Linear(net.embedding, people)) for net in (APPEARANCE, SHAPE)]
    both = nn.ModuleList(trunks).to(memory_format=torch.channels_last).train()

    def loss() -> torch.Tensor:
        return sum(nn.functional.cross_entropy(trunk(batch.images), batch.labels) for trunk in both)

    return stepping(both, loss)


def toy_step(config: TrainConfig) -> tuple[Learner, Batch]:
    """A learner from scratch and a batch of noise with the masks of random bodies: as much work as any other."""
    import torch

    from benchmarks.renderers import random_bodies
    from threedsl.body import BodyModel
    from threedsl.network import build_network
    from threedsl.render.project import project_silhouette
    from train.data.dataset import Batch
    from train.learner import Learner

    body = BodyModel.load()
    count = config.identities * config.instances
    vertices, camera = random_bodies(body, count, seed=1)
    faces = torch.from_numpy(body.faces_coarse)
    masks = (project_silhouette(vertices, camera, faces, config.mask_size, sigma=1e-3) > 0.5).float()
    size = torch.tensor([config.network.width, config.network.height, 1.0])
    batch = Batch(
        images=torch.rand(count, 3, config.network.height, config.network.width),
        masks=masks.detach(),
        keypoints=torch.rand(count, 17, 3) * size,
        labels=torch.arange(count) // config.instances,
        clothes=torch.arange(count) // 2,
    )
    network = build_network(config.network, None)
    if network.shape_stream.parts is not None:
        network.shape_stream.parts.assign_vertices(body.coarse_template[:, 1])
    batch.images = batch.images.contiguous(memory_format=torch.channels_last)
    learner = Learner(network, body, config.identities, config).to(memory_format=torch.channels_last)
    return learner.train(), batch
