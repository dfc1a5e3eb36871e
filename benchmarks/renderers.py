"""Both silhouette renderers in one process, in turn: run by `python -m benchmarks silhouette` where PyTorch3D is."""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import torch
from torch import Tensor

from threedsl.body import DEFAULT_BODY, BodyModel
from threedsl.body.camera import project
from threedsl.render import pytorch3d_silhouette, silhouette
from train.body.prior import BodyPrior
from train.losses import silhouette_loss

SIZE = (64, 32)
FACES_PER_PIXEL = (20, pytorch3d_silhouette.FACES_PER_PIXEL)
"""For PyTorch3D: few, which leaves faces out where limbs are thin, and enough."""
CALLS = 10  # of ours in a round: one alone is short


def random_bodies(body: BodyModel, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Vertices (count, V, 3) in metres of people who walk and stand, turned anyhow, and cameras (count, 3)."""
    pose, betas = BodyPrior(DEFAULT_BODY, seed, poses=count * 4).sample(count, 0)
    generator = torch.Generator().manual_seed(seed)
    turn = torch.rand(count, generator=generator) * (2 * math.pi)
    zero, one = torch.zeros_like(turn), torch.ones_like(turn)
    rows = [turn.cos(), zero, turn.sin(), zero, one, zero, -turn.sin(), zero, turn.cos()]
    pose = torch.cat([torch.stack(rows, -1).view(-1, 1, 3, 3) @ pose[:, :1], pose[:, 1:]], 1)
    camera = torch.rand(count, 3, generator=generator) * torch.tensor([0.15, 0.1, 0.1])
    return body(betas, pose).vertices, camera + torch.tensor([0.85, -0.05, -0.05])


def pixels(vertices: Tensor, camera: Tensor) -> Tensor:
    """(B, V, 3): pixels right and down, and depth in metres."""
    points, depth = project(vertices, camera, SIZE)
    return torch.cat([points, depth[..., None]], -1)


def measure(draw: Callable[[Tensor], Tensor], points: Tensor, target: Tensor, calls: int) -> dict[str, float]:
    """Milliseconds a picture, of CPU time and by the clock, for the picture and for the gradient."""
    taken = dict.fromkeys(("forward", "backward", "clock"), 0.0)
    for _ in range(calls):
        leaf = points.clone().requires_grad_()
        clock, start = time.perf_counter(), time.process_time()
        picture = draw(leaf)
        drawn = time.process_time()
        silhouette_loss(picture, target).backward()
        taken["backward"] += time.process_time() - drawn
        taken["forward"] += drawn - start
        taken["clock"] += time.perf_counter() - clock
    taken["cpu"] = taken["forward"] + taken["backward"]
    return {name: 1000 * seconds / (calls * len(points)) for name, seconds in taken.items()}


def agreement(draw: Callable, other: Callable, vertices: Tensor, camera: Tensor, target: Tensor) -> dict:
    """Per body IoU of the pictures cut at one half and cosine of the training's gradients; the largest difference."""
    pictures, gradients = [], []
    for renderer in (draw, other):
        leaf = vertices.clone().requires_grad_()
        picture = renderer(pixels(leaf, camera))
        silhouette_loss(picture, target).backward()
        pictures.append(picture.detach())
        gradients.append(leaf.grad.flatten(1))
    first, second = (picture > 0.5 for picture in pictures)
    overlap = (first & second).sum((1, 2)) / (first | second).sum((1, 2))
    return {
        "iou": overlap.tolist(),
        "cosine": torch.cosine_similarity(*gradients).tolist(),
        "difference": (pictures[0] - pictures[1]).abs().max().item(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.renderers", description=__doc__)
    parser.add_argument("--repeats", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--bodies", type=int, required=True, help="compared")
    args = parser.parse_args()
    torch.set_num_threads(1)
    body = BodyModel.load()
    faces = torch.from_numpy(body.faces_coarse)
    vertices, camera = random_bodies(body, max(args.bodies, args.batch), seed=0)
    vertices, camera = vertices.detach(), camera.detach()
    points = pixels(vertices, camera)
    # The training draws one person's body over another's mask until it has learnt where people stand.
    target = (silhouette.soft_silhouette(points.roll(1, 0), faces, SIZE, sigma=1e-3) > 0.5).float()

    ours = partial(silhouette.soft_silhouette, faces=faces, size=SIZE)
    draw = {"ours": ours} | {
        str(few): partial(pytorch3d_silhouette.soft_silhouette, faces=faces, size=SIZE, faces_per_pixel=few)
        for few in FACES_PER_PIXEL
    }
    rounds: dict[str, dict[str, list]] = {}
    few_points, few_targets = points[: args.batch], target[: args.batch]
    for threads in (1, 2):
        torch.set_num_threads(threads)
        done = rounds[str(threads)] = {name: [] for name in draw}
        for renderer in draw.values():
            measure(renderer, few_points, few_targets, 1)
        for repeat in range(args.repeats):
            for name, renderer in draw.items():
                calls = CALLS if name == "ours" else 1
                done[name].append(measure(renderer, few_points, few_targets, calls))
            print(f"{threads} threads, round {repeat + 1} of {args.repeats}", file=sys.stderr)
    torch.set_num_threads(1)
    compared = slice(0, args.bodies)
    agreements = {
        str(few): agreement(ours, draw[str(few)], vertices[compared], camera[compared], target[compared])
        for few in FACES_PER_PIXEL
    }
    settings = {"faces": len(faces), "torch": torch.__version__, "pytorch3d": version("easypytorch3d")}
    print(json.dumps({"settings": settings, "rounds": rounds, "agreement": agreements}))


if __name__ == "__main__":
    main()
