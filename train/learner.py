"""What is optimised: the network, its classifiers, and the losses of one batch."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from threedsl.body import BodyModel
from threedsl.body.camera import project
from threedsl.network import NetworkOutput, ThreeDSLNetwork
from threedsl.render.silhouette import project_silhouette
from train.config import LossWeights, TrainConfig
from train.dataset import Batch
from train.losses import (
    batch_hard_triplet,
    displacement_norm,
    identity_loss,
    keypoint_loss,
    pair_masks,
    silhouette_loss,
    weighted_triplet,
)


class Step(NamedTuple):
    """Unweighted losses by name, and what the network said."""

    losses: dict[str, Tensor]
    output: NetworkOutput


class Learner(nn.Module):
    """Network and classifiers in one module, so that one wrapper distributes them over processes."""

    def __init__(self, network: ThreeDSLNetwork, body: BodyModel, people: int, config: TrainConfig):
        super().__init__()
        self.network, self.config = network, config
        self.body = body
        self.register_buffer("faces", torch.from_numpy(body.faces_coarse), persistent=False)
        streams = ("appearance", "shape") if config.network.shape_stream else ("appearance",)
        self.classifiers = nn.ModuleDict(
            {stream: nn.Linear(config.network.descriptor, people, bias=False) for stream in streams}
        )
        for classifier in self.classifiers.values():
            nn.init.normal_(classifier.weight, std=0.001)

    def forward(self, batch: Batch) -> Step:
        output = self.network(batch.images)
        losses = self._identity_losses(output, batch)
        if self.config.network.shape_stream:
            # Bodies in half precision are off by millimetres, so they leave mixed precision here.
            with torch.autocast(batch.images.device.type, enabled=False):
                losses |= self._body_losses(output, batch)
        return Step(losses, output)

    def _identity_losses(self, output: NetworkOutput, batch: Batch) -> dict[str, Tensor]:
        """L_ID on both streams. The appearance stream keeps positives in the same clothes besides all positives, or it
        forgets what an ordinary search needs; the shape stream's positives wear other clothes."""
        other_clothes, same_clothes, others = pair_masks(batch.labels, batch.clothes)
        feature = output.appearance_feature
        losses = {
            "appearance_identity": identity_loss(
                self.classifiers["appearance"](output.appearance_logits_input), batch.labels
            ),
            "appearance_triplet": 0.5
            * (
                self._triplet(feature, same_clothes, others)
                + self._triplet(feature, same_clothes | other_clothes, others)
            ),
        }
        if output.shape is not None:
            # Where nobody changes clothes the data are ordinary, and so are the triplets.
            changed = torch.where(other_clothes.any(1, keepdim=True), other_clothes, same_clothes)
            losses["shape_identity"] = identity_loss(
                self.classifiers["shape"](output.shape_logits_input), batch.labels
            )
            losses["shape_triplet"] = self._triplet(output.shape_feature, changed, others)
        return losses

    def _triplet(self, feature: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        if self.config.margin is None:
            return weighted_triplet(feature, positive, negative)
        return batch_hard_triplet(feature, positive, negative, self.config.margin)

    def _body_losses(self, output: NetworkOutput, batch: Batch) -> dict[str, Tensor]:
        weights, losses = self.config.losses, {}
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
                body.vertices, camera, self.faces, self.config.mask_size, self.config.sigma
            )
            losses["silhouette"] = silhouette_loss(mask, batch.masks)
        if weights.displacement:
            losses["displacement"] = displacement_norm(displacement)
        return losses


def total_loss(losses: dict[str, Tensor], weights: LossWeights) -> Tensor:
    """Weighted sum; "appearance_identity" and "shape_identity" share the weight `identity`, and so on."""
    return sum(getattr(weights, name.rpartition("_")[2]) * value for name, value in losses.items())
