"""The optimised module: the network, its classifiers, and the losses of one batch."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from threedsl.body import BodyModel
from threedsl.body.camera import project
from threedsl.network import NetworkOutput, ThreeDSLNetwork
from threedsl.network.streams import ShapeStream
from threedsl.render.project import project_silhouette
from train.config import LossWeights, TrainConfig
from train.data.dataset import Batch
from train.losses import (
    Pairs,
    batch_hard_triplet,
    contrastive_loss,
    displacement_norm,
    identity_loss,
    keep_loss,
    keypoint_loss,
    silhouette_loss,
    triplet_pairs,
    weighted_triplet,
)
from train.parallel import gathered


class Term(NamedTuple):
    """One loss of a batch and its weight."""

    value: Tensor
    weight: float


class Step(NamedTuple):
    """Losses by the names they are logged under, and the network's output."""

    losses: dict[str, Term]
    output: NetworkOutput


class Learner(nn.Module):
    """Network and classifiers in one module, so that one wrapper distributes them over processes."""

    def __init__(self, network: ThreeDSLNetwork, body: BodyModel, people: int, config: TrainConfig):
        super().__init__()
        self.network, self.config = network, config
        self.frozen: list[nn.Module] = []
        self.kept: ThreeDSLNetwork | None = None
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
            # In evaluation mode too: their batch norms would forget what an earlier stage learnt.
            self.frozen = unused_modules(network.shape_stream, config.losses)
            for module in self.frozen:
                module.requires_grad_(False)

    def freeze(self, modules: list[nn.Module]) -> None:
        """Keep modules as they are, in evaluation mode; features that nothing trains get no identity losses."""
        self.frozen = [*self.frozen, *modules]
        for module in modules:
            module.requires_grad_(False)
        stream = self.network.shape_stream
        if self.network.appearance_stream in modules:
            self.classifiers.pop("appearance")
        if stream is not None and stream.shape_encoder in modules:
            self.classifiers.pop("shape")
        if stream is not None and stream.parts is not None and stream.parts.necks in modules:
            for part in range(len(stream.parts.necks)):
                self.classifiers.pop(f"part{part}")

    def keep(self, start: ThreeDSLNetwork) -> None:
        """Hold the descriptors near those of this network, whose early maps are those of the batches that have any."""
        self.kept = start.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "Learner":
        super().train(mode)
        for module in self.frozen if self.kept is None else [*self.frozen, self.kept]:
            module.eval()
        return self

    def forward(self, batch: Batch) -> Step:
        output = self._output(batch)
        losses = self._identity_losses(output, batch)
        if self.kept is not None:
            losses |= self._keep_losses(output, batch)
        if self.config.network.shape_stream:
            # Posing bodies in half precision costs millimetres, so mixed precision ends here.
            with torch.autocast(batch.labels.device.type, enabled=False):
                losses |= self._body_losses(output, batch)
        return Step(losses, output)

    def _output(self, batch: Batch) -> NetworkOutput:
        if batch.maps is not None:
            return self.network.late(batch.maps)
        if "appearance" in self.classifiers:
            return self.network(batch.images)
        return self.network(batch.images, appearance=False)

    def _identity_losses(self, output: NetworkOutput, batch: Batch) -> dict[str, Term]:
        """L_ID on both streams and on every part, as far as they learn."""
        weights, losses = self.config.losses, {}
        pids, clothes = gathered(batch.labels), gathered(batch.clothes)
        appearance, shape = triplet_pairs(pids, clothes, self.config.sampling)
        streams = {
            "appearance": ([output.appearance_feature], [output.appearance_logits_input], appearance),
            "shape": ([output.shape_feature], [output.shape_logits_input], shape),
            "part": (output.part_features, output.part_logits_inputs, shape),
        }
        for stream, (features, inputs, pairs) in streams.items():
            names = [f"part{i}" for i in range(len(features or ()))] if stream == "part" else [stream]
            if not names or names[0] not in self.classifiers:
                continue
            identity = [
                self._identity(name, value, batch.labels) for name, value in zip(names, inputs, strict=True)
            ]
            losses[f"{stream}_identity"] = Term(torch.stack(identity).sum(), weights.identity)
            triplet = [self._triplet(feature, pairs) for feature in features]
            losses[f"{stream}_triplet"] = Term(torch.stack(triplet).sum(), weights.triplet)
            if weights.contrastive:
                # The shape stream's pairs for both: what is to be learned is people in other clothes.
                terms = [self._contrastive(feature, shape) for feature in features]
                losses[f"{stream}_contrastive"] = Term(torch.stack(terms).sum(), weights.contrastive)
        return losses

    @torch.no_grad()
    def _kept_descriptors(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """What the kept network says of a batch: appearance and shape, of unit norm."""
        maps = self.kept.early(batch.images) if batch.maps is None else batch.maps
        appearance, _ = self.kept.appearance_stream.late(maps.appearance)
        if maps.shape is None:
            return normalize(appearance, dim=1), None
        _, shape, _ = self.kept.shape_stream.identify(maps.shape)
        return normalize(appearance, dim=1), normalize(shape, dim=1)

    def _keep_losses(self, output: NetworkOutput, batch: Batch) -> dict[str, Term]:
        appearance, shape = self._kept_descriptors(batch)
        losses = {"appearance_keep": Term(keep_loss(output.appearance, appearance), self.config.losses.keep)}
        if shape is not None:
            ours = normalize(output.shape_feature, dim=1)
            losses["shape_keep"] = Term(keep_loss(ours, shape), self.config.losses.keep)
        return losses

    def _contrastive(self, feature: Tensor, pairs: list[Pairs]) -> Tensor:
        unit = normalize(gathered(feature.float()), dim=1)
        return sum(contrastive_loss(unit, *masks) for masks in pairs) / len(pairs)

    def _identity(self, classifier: str, feature: Tensor, labels: Tensor) -> Tensor:
        return identity_loss(self.classifiers[classifier](feature), labels)

    def _triplet(self, feature: Tensor, pairs: list[Pairs]) -> Tensor:
        feature, margin = gathered(feature.float()), self.config.margin
        if margin is None:
            terms = [weighted_triplet(feature, *masks) for masks in pairs]
        else:
            terms = [batch_hard_triplet(feature, *masks, margin) for masks in pairs]
        return sum(terms) / len(terms)

    def _body_losses(self, output: NetworkOutput, batch: Batch) -> dict[str, Term]:
        """Losses of the body that the 3D stream regresses."""
        weights, losses = self.config.losses, {}
        if weights.betas:
            betas = (output.betas.float() - batch.truth.betas).square().mean()
            losses["betas"] = Term(betas, weights.betas)
        if weights.pose:
            pose = (output.pose.float() - batch.truth.pose).square().mean()
            losses["pose"] = Term(pose, weights.pose)
        if not (weights.keypoint or weights.silhouette):
            return losses
        betas, pose, camera, displacement = (
            value.float() for value in (output.betas, output.pose, output.camera, output.displacement)
        )
        body = self.body(betas, pose, displacement)
        if weights.keypoint:
            size = (self.config.network.height, self.config.network.width)
            pixels, _ = project(body.keypoints, camera, size)
            points, confidence = batch.keypoints.split((2, 1), dim=2)
            keypoint = keypoint_loss(pixels, points, confidence[..., 0], size[0])
            losses["keypoint"] = Term(keypoint, weights.keypoint)
        if weights.silhouette:
            mask = project_silhouette(
                body.vertices,
                camera,
                self.faces,
                self.config.mask_size,
                self.config.sigma,
                renderer=self.config.silhouette_renderer,
            )
            value = silhouette_loss(mask, batch.masks, known=batch.masked)
            losses["silhouette"] = Term(value, weights.silhouette)
        if weights.displacement:
            value = displacement_norm(displacement, annotated(batch))
            losses["displacement"] = Term(value, weights.displacement)
        return losses


def annotated(batch: Batch) -> Tensor | None:
    """(B,) bool, which pictures have a mask or keypoints; None where all have a mask."""
    return None if batch.masked is None else batch.masked | (batch.keypoints[..., 2] > 0).any(1)


def unused_modules(stream: ShapeStream, weights: LossWeights) -> list[nn.Module]:
    """Layers that no loss reaches, as in ablations; distributed training waits for gradients of all trained layers."""
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


def total_loss(losses: dict[str, Term]) -> Tensor:
    """The weighted sum."""
    return sum(term.weight * term.value for term in losses.values())
