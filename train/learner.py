"""What is optimised: the network, its classifiers, and the losses of one batch."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from threedsl.body import BodyModel
from threedsl.body.camera import project
from threedsl.network import NetworkOutput, ThreeDSLNetwork
from threedsl.network.streams import ShapeStream
from threedsl.render.silhouette import project_silhouette
from train.config import LossWeights, TrainConfig
from train.dataset import Batch
from train.losses import (
    Pairs,
    batch_hard_triplet,
    displacement_norm,
    identity_loss,
    keypoint_loss,
    silhouette_loss,
    triplet_pairs,
    weighted_triplet,
)
from train.parallel import gathered


class Step(NamedTuple):
    """Unweighted losses by name, and what the network said."""

    losses: dict[str, Tensor]
    output: NetworkOutput


class Learner(nn.Module):
    """Network and classifiers in one module, so that one wrapper distributes them over processes."""

    def __init__(self, network: ThreeDSLNetwork, body: BodyModel, people: int, config: TrainConfig):
        super().__init__()
        self.network, self.config = network, config
        self.frozen: list[nn.Module] = []
        self.body = body
        self.register_buffer("faces", torch.from_numpy(body.faces_coarse), persistent=False)
        streams = ("appearance", "shape") if config.network.shape_stream else ("appearance",)
        self.classifiers = nn.ModuleDict(
            {stream: nn.Linear(config.network.descriptor, people, bias=False) for stream in streams}
        )
        for part in range(config.network.parts if config.network.shape_stream else 0):
            self.classifiers[f"part{part}"] = nn.Linear(config.network.part_width, people, bias=False)
        for classifier in self.classifiers.values():
            nn.init.normal_(classifier.weight, std=0.001)
        if config.network.shape_stream:
            for module in untaught(network.shape_stream, config.losses):
                module.requires_grad_(False)

    def freeze(self, modules: list[nn.Module]) -> None:
        """Keep modules as they are: the appearance stream and what else `train.start` names."""
        self.frozen = modules
        if "appearance" in self.classifiers:
            del self.classifiers["appearance"]

    def train(self, mode: bool = True) -> "Learner":
        super().train(mode)
        for module in self.frozen:
            module.eval()
        return self

    def forward(self, batch: Batch) -> Step:
        output = self.network(batch.images, appearance=False) if self.frozen else self.network(batch.images)
        losses = self._identity_losses(output, batch)
        if self.config.network.shape_stream:
            # Bodies posed in half precision are off by millimetres too, so they leave mixed precision here.
            with torch.autocast(batch.images.device.type, enabled=False):
                losses |= self._body_losses(output, batch)
        return Step(losses, output)

    def _identity_losses(self, output: NetworkOutput, batch: Batch) -> dict[str, Tensor]:
        """L_ID on both streams."""
        pids, clothes = gathered(batch.labels), gathered(batch.clothes)
        appearance, shape = triplet_pairs(pids, clothes, self.config.sampling)
        losses = {}
        if output.appearance is not None:
            losses["appearance_identity"] = identity_loss(
                self.classifiers["appearance"](output.appearance_logits_input), batch.labels
            )
            losses["appearance_triplet"] = self._triplet(output.appearance_feature, appearance)
        if output.shape is not None:
            losses["shape_identity"] = identity_loss(
                self.classifiers["shape"](output.shape_logits_input), batch.labels
            )
            losses["shape_triplet"] = self._triplet(output.shape_feature, shape)
        if output.part_logits_inputs:
            parts = enumerate(output.part_logits_inputs)
            terms = [identity_loss(self.classifiers[f"part{i}"](part), batch.labels) for i, part in parts]
            losses["part_identity"] = torch.stack(terms).sum()
            terms = [self._triplet(part, shape) for part in output.part_features]
            losses["part_triplet"] = torch.stack(terms).sum()
        return losses

    def _triplet(self, feature: Tensor, pairs: list[Pairs]) -> Tensor:
        feature, margin = gathered(feature.float()), self.config.margin
        if margin is None:
            terms = [weighted_triplet(feature, *masks) for masks in pairs]
        else:
            terms = [batch_hard_triplet(feature, *masks, margin) for masks in pairs]
        return sum(terms) / len(terms)

    def _body_losses(self, output: NetworkOutput, batch: Batch) -> dict[str, Tensor]:
        weights, losses = self.config.losses, {}
        if weights.betas:
            losses["betas"] = (output.betas.float() - batch.truth.betas).square().mean()
        if weights.pose:
            losses["pose"] = (output.pose.float() - batch.truth.pose).square().mean()
        if not (weights.keypoint or weights.silhouette):
            return losses
        betas, pose, camera, displacement = (
            value.float() for value in (output.betas, output.pose, output.camera, output.displacement)
        )
        body = self.body(betas, pose, displacement)
        if weights.keypoint:
            size = (self.config.network.height, self.config.network.width)
            pixels, _ = project(body.keypoints, camera, size)
            losses["keypoint"] = keypoint_loss(
                pixels, batch.keypoints[..., :2], batch.keypoints[..., 2], size[0]
            )
        if weights.silhouette:
            mask = project_silhouette(
                body.vertices,
                camera,
                self.faces,
                self.config.mask_size,
                self.config.sigma,
                backend=self.config.silhouette,
            )
            losses["silhouette"] = silhouette_loss(mask, batch.masks)
        if weights.displacement:
            losses["displacement"] = displacement_norm(displacement)
        return losses


def untaught(stream: ShapeStream, weights: LossWeights) -> list[nn.Module]:
    """Layers that no loss reaches, as in ablations: several processes wait for the gradient of every trained layer."""
    whole = weights.keypoint or weights.silhouette or weights.adversarial
    displaced = weights.silhouette or (weights.keypoint and weights.displacement)
    found = []
    if not whole and not weights.pose:
        found += [stream.pose_encoder, stream.pose_pool, stream.pose_head]
    if not whole and not weights.betas:
        found.append(stream.shape_head)
    if not displaced:
        found.append(stream.shape_head.displacement)
        found += [] if stream.parts is None else [stream.parts.displacements]
    return found


def total_loss(losses: dict[str, Tensor], weights: LossWeights) -> Tensor:
    """Weighted sum; "appearance_identity" and "shape_identity" share the weight `identity`, and so on."""
    return sum(getattr(weights, name.rpartition("_")[2]) * value for name, value in losses.items())
