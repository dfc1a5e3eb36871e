"""What the average outfit adds to bodies that keypoints have corrected.

A network's own displacement belongs to the betas that it regresses, which stand in for a part of the clothes: they are
too stout. A head that brings betas nearer to the truth leaves that part out. It is learned here as a displacement that
is the same for everybody, from the outlines of training people after the fit.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from threedsl.pipeline import ThreeDSL
from threedsl.render.project import project_silhouette
from train.data.dataset import TrainingSet
from train.data.found_keypoints import found_in_crops

log = logging.getLogger("train")


@dataclass(frozen=True)
class ClothesConfig:
    """How the displacement is learned."""

    pictures: int = 1500
    steps: int = 150
    batch: int = 24
    learning_rate: float = 1e-3  # metres
    smooth: float = 300  # on the mean squared difference of neighbours, per square metre


def learn_clothes(model: ThreeDSL, data: TrainingSet, settings: ClothesConfig, seed: int) -> None:
    """Set `clothes` of the model's keypoint head, so that the outlines of fitted bodies cover the masks best."""
    random = np.random.default_rng((seed, 7))
    rows = random.permutation(len(data.records))[: settings.pictures]
    pictures = data.pictures[torch.from_numpy(np.sort(rows))]
    crops = list(pictures[:, :3].permute(0, 2, 3, 1).contiguous().numpy())
    bodies = model(crops, keypoints=list(found_in_crops(crops, model.input_size))).bodies
    betas, pose, camera, moved = (
        torch.from_numpy(np.float32(value))
        for value in (bodies.betas, bodies.pose, bodies.camera, bodies.displacement)
    )
    size = model.input_size[0] // 2, model.input_size[1] // 2
    masks = F.interpolate(pictures[:, 3:].float() / 255, size, mode="area")[:, 0]
    faces = torch.from_numpy(model.body.faces_coarse.astype(np.int64))
    ends = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).unbind(1)
    clothes = torch.zeros_like(moved[0], requires_grad=True)
    optimizer = torch.optim.Adam([clothes], settings.learning_rate)
    for step in range(1, settings.steps + 1):
        own = torch.from_numpy(random.choice(len(crops), min(settings.batch, len(crops)), replace=False))
        posed = model.body(betas[own], pose[own], moved[own] + clothes)
        outline = project_silhouette(posed.vertices, camera[own], faces, size)
        rough = (clothes[ends[0]] - clothes[ends[1]]).square().sum(1).mean()
        overlap = soft_iou(outline, masks[own]).mean()
        optimizer.zero_grad()
        (1 - overlap + settings.smooth * rough).backward()
        optimizer.step()
        if step % 50 == 0 or step == settings.steps:
            log.info("clothes, step %d of %d: IoU of outlines %.3f", step, settings.steps, overlap.item())
    model.network.shape_stream.keypoint_head.clothes.copy_(clothes.detach())


def soft_iou(predicted: Tensor, target: Tensor) -> Tensor:
    """(B, H, W) in [0, 1] each -> (B,) intersection over union."""
    both = (predicted * target).sum((1, 2))
    return both / (predicted.sum((1, 2)) + target.sum((1, 2)) - both).clamp_min(1e-6)
