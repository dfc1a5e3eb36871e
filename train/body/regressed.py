"""What a network regresses of training pictures and what the people finder sees in them, for `train keypoints`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from threedsl.data.images import load_image
from threedsl.data.listfile import Record
from threedsl.network import ThreeDSLNetwork
from train.data.augment import AugmentConfig, choose
from train.data.dataset import TrainingSet, TrainingSteps, load_crops
from train.data.found_keypoints import found_in_crops
from train.data.maps import CLEAN
from train.data.sampler import IdentitySampler
from train.data.validation import Validation
from train.synthesize.truth import Truth, read_truth

CHUNK = 48


class Regressed(NamedTuple):
    """What the network says of N pictures, where their keypoints truly are and where the finder sees them."""

    evidence: Tensor  # (N, E)
    betas: Tensor  # (N, 10)
    pose: Tensor  # (N, 24, 3, 3)
    camera: Tensor  # (N, 3)
    keypoints: Tensor  # (N, 17, 3) x, y in pixels of the network's input, confidence: below 0.6 where hidden
    found: (
        Tensor  # (N, 17, 3) the same as the finder gives them; zeros where it has not looked or sees no one
    )


@torch.no_grad()
def regress(
    network: ThreeDSLNetwork, data: TrainingSet, augment: AugmentConfig, versions: int, seed: int
) -> tuple[Regressed, Truth]:
    """All versions of all pictures, one version after the other: themselves, in which the finder looks for keypoints,
    and augmented ones."""
    # TrainingSteps asks for a sampler, but every picture is taken here once, in order.
    sampler = IdentitySampler(data.labels, data.clothes, 2, 2, seed, "ordinary")
    size = tuple(data.pictures.shape[2:])
    steps = TrainingSteps(data, sampler, augment, (size[0] // 4, size[1] // 4), seed)
    found: list[Regressed] = []
    truths: list[tuple[Tensor, Tensor]] = []
    count = len(data.records)
    chunks = np.array_split(np.arange(count), -(-count // CHUNK))
    with tqdm(total=versions * len(chunks), desc="bodies", unit="chunk", delay=2) as bar:
        for version in range(versions):
            kind = augment if version else replace(CLEAN, flip=augment.flip)
            for number, chunk in enumerate(chunks):
                key = (seed, 6, version, number)
                choices = choose(len(chunk), kind, np.random.default_rng(key))
                batch = steps.assemble(chunk, choices, number, np.arange(len(chunk)))
                points = torch.zeros_like(batch.keypoints) if version else seen_by_finder(batch.images)
                found.append(bodies_of(network, batch.images, batch.keypoints, points))
                truths.append((batch.truth.betas, batch.truth.pose))
                bar.update()
    return Regressed(*joined(found)), Truth(*joined(truths))


def joined(parts: list[tuple]) -> Iterator[Tensor]:
    """Each field of all parts in one tensor."""
    return (torch.cat(values) for values in zip(*parts, strict=True))


def bodies_of(network: ThreeDSLNetwork, images: Tensor, keypoints: Tensor, found: Tensor) -> Regressed:
    """images: (B, 3, H, W) in [0, 1]."""
    out = network(images, appearance=False)
    return Regressed(out.evidence, out.betas, out.pose, out.camera, keypoints, found)


def seen_by_finder(images: Tensor) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> (B, 17, 3) float32, as `found_in_crops`."""
    crops = (images.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).contiguous().numpy()
    return torch.from_numpy(found_in_crops(crops, crops.shape[1:3])).float()


@torch.inference_mode()
def held_out(
    network: ThreeDSLNetwork, root: Path, validation: Validation, size: tuple[int, int]
) -> tuple[Regressed, Truth]:
    """Every picture of the validation people, with keypoints as the finder sees them."""
    records: list[Record] = validation.gallery
    crops = [load_image(record.path) for record in tqdm(records, "validation", unit="picture", delay=2)]
    points = torch.from_numpy(found_in_crops(crops, size)).float()
    images = torch.from_numpy(load_crops(records, size)).permute(0, 3, 1, 2).float() / 255
    found = [
        bodies_of(network, images[rows], points[rows], points[rows])
        for rows in (slice(i, i + CHUNK) for i in range(0, len(images), CHUNK))
    ]
    return Regressed(*joined(found)), read_truth(root, records)
