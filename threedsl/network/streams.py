"""3DSL's two streams as one module, built from the parts given to it (docs/method.md, section 1)."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from threedsl.network.heads import PoseHead, ShapeHead
from threedsl.network.keypoint_head import KeypointHead
from threedsl.network.parts import PartFeatures


class NetworkOutput(NamedTuple):
    """`*_feature` go to the triplet loss, `*_logits_input` (after BNNeck) to the classifier."""

    appearance: Tensor | None  # (B, D_a) F_rgb, unit norm
    appearance_feature: Tensor | None  # (B, D_a) before BNNeck
    appearance_logits_input: Tensor | None  # (B, D_a) after BNNeck
    shape: Tensor | None  # (B, D_s) F_shape, unit norm: the global feature and, with MGS, those of the parts
    shape_feature: Tensor | None  # (B, D) the global one before BNNeck
    shape_logits_input: Tensor | None  # (B, D) of the global feature
    part_features: list[Tensor] | None  # (B, D_p) of each part before BNNeck; empty without MGS
    part_logits_inputs: list[Tensor] | None  # (B, D_p) after it
    betas: Tensor | None  # (B, 10)
    displacement: Tensor | None  # (B, V_coarse, 3) metres
    pose: Tensor | None  # (B, 24, 3, 3)
    camera: Tensor | None  # (B, 3) weak perspective (s, t_x, t_y)
    evidence: Tensor | None = None  # (B, E) F_pose and F_shape, what a KeypointHead goes by; None without one


class EarlyMaps(NamedTuple):
    """Feature maps (B, C, h, w) after the first stages of each stream, from which `ThreeDSLNetwork.late` goes on."""

    appearance: Tensor | None
    shape: Tensor | None


class AppearanceStream(nn.Module):
    """E_rgb: picture -> F_rgb before and after BNNeck; the first module of the encoder makes the early maps."""

    def __init__(self, *, encoder: nn.Sequential, pool: nn.Module, neck: nn.Module):
        super().__init__()
        self.encoder, self.pool, self.neck = encoder, pool, neck

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.late(self.early(images))

    def early(self, images: Tensor) -> Tensor:
        return self.encoder[0](images)

    def late(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        return self.neck(self.pool(self.encoder[1:](maps)))


class ShapeStream(nn.Module):
    """E_3D -> E_shape -> F_shape -> (identity, betas, displacement) and E_3D -> E_pose -> (pose, camera).

    Attributes:
        part_shares: see NetworkConfig; equal ones until they are chosen.
        keypoint_head: corrects bodies where keypoints are known, after the forward pass; None where none was trained.
    """

    def __init__(
        self,
        *,
        trunk: nn.Module,
        shape_encoder: nn.Module,
        shape_pool: nn.Module,
        shape_neck: nn.Module,
        shape_head: ShapeHead,
        pose_encoder: nn.Module,
        pose_pool: nn.Module,
        pose_head: PoseHead,
        parts: PartFeatures | None = None,
    ):
        super().__init__()
        self.trunk = trunk
        self.shape_encoder, self.shape_pool, self.shape_neck = shape_encoder, shape_pool, shape_neck
        self.shape_head = shape_head
        self.pose_encoder, self.pose_pool, self.pose_head = pose_encoder, pose_pool, pose_head
        self.parts = parts
        self.keypoint_head: KeypointHead | None = None
        granularities = 1 if parts is None else 1 + len(parts.necks)
        self.part_shares = [1 / granularities] * granularities

    def forward(self, images: Tensor) -> dict[str, Tensor | list[Tensor] | None]:
        return self.late(self.trunk(images))

    def identify(self, shared: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The trunk's maps -> the shape encoder's, and the global feature before and after its neck."""
        encoded = self.shape_encoder(shared)
        return encoded, *self.shape_neck(self.shape_pool(encoded))

    def late(self, shared: Tensor, bodies: bool = True) -> dict[str, Tensor | list[Tensor] | None]:
        """The trunk's maps -> the fields of NetworkOutput; those of the body are missing with bodies=False."""
        encoded, feature, normed = self.identify(shared)
        part_features, part_inputs, moved = [], [], 0
        # Half precision is good enough for feature maps; bodies regressed in it are off by millimetres.
        with torch.autocast(shared.device.type, enabled=False):
            if self.parts is not None:
                part_features, part_inputs, moved = self.parts(encoded.float())
        found = {
            "shape": weigh([normed.float(), *part_inputs], self.part_shares),
            "shape_feature": feature,
            "shape_logits_input": normed,
            "part_features": part_features,
            "part_logits_inputs": part_inputs,
        }
        if not bodies:
            return found
        posture = self.pose_pool(self.pose_encoder(shared))
        with torch.autocast(shared.device.type, enabled=False):
            betas, displacement = self.shape_head(feature.float())
            pose, camera = self.pose_head(posture.float())
        return found | {
            "betas": betas,
            "displacement": displacement + moved,
            "pose": pose,
            "camera": camera,
            "evidence": None if self.keypoint_head is None else self.evidence(posture, feature),
        }

    @staticmethod
    def evidence(posture: Tensor, feature: Tensor) -> Tensor:
        """F_pose (B, P) and the global F_shape (B, D) -> (B, P + D)."""
        return torch.cat([posture.float(), feature.float()], dim=1)


def weigh(features: list[Tensor], shares: list[float]) -> Tensor:
    """(B, D_i) each -> (B, sum of D_i) of unit norm, whose dot products are the weighted means of the features' own
    cosines; shares add up to 1."""
    units = (F.normalize(feature, dim=1) for feature in features)
    return torch.cat([unit * math.sqrt(share) for unit, share in zip(units, shares, strict=True)], dim=1)


class ThreeDSLNetwork(nn.Module):
    """Both streams on one picture.

    Args:
        appearance: the RGB stream.
        shape: the 3DSL stream, or None for the appearance-only baseline.
        mean, std: per-channel normalisation the backbones were pre-trained with, in [0, 1] units.

    Attributes:
        shape_share: see NetworkConfig.
    """

    shape_share = 0.5

    def __init__(
        self,
        *,
        appearance: AppearanceStream,
        shape: ShapeStream | None,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
    ):
        super().__init__()
        self.appearance_stream, self.shape_stream = appearance, shape
        self.register_buffer("mean", torch.tensor(mean, device="cpu").view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, device="cpu").view(1, 3, 1, 1), persistent=False)

    def use_equal_shares(self) -> None:
        """Weigh both streams alike, and all features of the shape descriptor: what shares are chosen from."""
        self.shape_share = 0.5
        if self.shape_stream is not None:
            count = len(self.shape_stream.part_shares)
            self.shape_stream.part_shares = [1 / count] * count

    def forward(self, images: Tensor, appearance: bool = True, bodies: bool = True) -> NetworkOutput:
        """images: (B, 3, H, W) RGB in [0, 1], H and W those of the configuration; appearance=False leaves that stream
        out, bodies=False the encoder of poses and all heads of the body."""
        return self.late(self.early(images, appearance), bodies)

    def early(self, images: Tensor, appearance: bool = True) -> EarlyMaps:
        """The maps of both streams' first stages; images and appearance as in `forward`."""
        images = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        return EarlyMaps(
            self.appearance_stream.early(images) if appearance else None,
            None if self.shape_stream is None else self.shape_stream.trunk(images),
        )

    def late(self, maps: EarlyMaps, bodies: bool = True) -> NetworkOutput:
        """What follows from the early maps of the streams that have one; bodies as in `forward`."""
        output = dict.fromkeys(NetworkOutput._fields)
        if maps.appearance is not None:
            feature, normed = self.appearance_stream.late(maps.appearance)
            output |= {
                "appearance": F.normalize(normed, dim=1),
                "appearance_feature": feature,
                "appearance_logits_input": normed,
            }
        if maps.shape is not None:
            output |= self.shape_stream.late(maps.shape, bodies)
        return NetworkOutput(**output)
