"""3DSL's two streams as one module, built from the parts given to it (METHOD section 1)."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from threedsl.network.heads import BNNeck, PartFeatures, PoseHead, ShapeHead


class NetworkOutput(NamedTuple):
    """`*_feature` go to the triplet loss, `*_logits_input` (after BNNeck) to the classifier."""

    appearance: Tensor | None  # (B, D_a) F_rgb, unit norm
    appearance_feature: Tensor | None  # (B, D_a) before BNNeck
    appearance_logits_input: Tensor | None  # (B, D_a) after BNNeck
    shape: Tensor | None  # (B, D_s) F_shape, unit norm: the global feature and, with MGS, those of the parts
    shape_feature: Tensor | None  # (B, D) the global one before BNNeck
    shape_logits_input: Tensor | None  # (B, D) of the global feature
    part_features: list[Tensor] | None  # (B, D_p) of each part before BNNeck; none without MGS
    part_logits_inputs: list[Tensor] | None  # (B, D_p) after it
    betas: Tensor | None  # (B, 10)
    displacement: Tensor | None  # (B, V_coarse, 3) metres
    pose: Tensor | None  # (B, 24, 3, 3)
    camera: Tensor | None  # (B, 3) weak perspective (s, t_x, t_y)


class AppearanceStream(nn.Module):
    """E_rgb: picture -> F_rgb before and after BNNeck."""

    def __init__(self, *, encoder: nn.Module, pool: nn.Module, neck: BNNeck):
        super().__init__()
        self.encoder, self.pool, self.neck = encoder, pool, neck

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.neck(self.pool(self.encoder(images)))


class ShapeStream(nn.Module):
    """E_3D -> E_shape -> F_shape -> (identity, betas, displacement) and E_3D -> E_pose -> (pose, camera).

    Attributes:
        part_shares: see NetworkConfig; equal ones until they are chosen.
    """

    def __init__(
        self,
        *,
        trunk: nn.Module,
        shape_encoder: nn.Module,
        shape_pool: nn.Module,
        shape_neck: BNNeck,
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
        granularities = 1 if parts is None else 1 + len(parts.necks)
        self.part_shares = [1 / granularities] * granularities

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        shared = self.trunk(images)
        encoded = self.shape_encoder(shared)
        feature, normed = self.shape_neck(self.shape_pool(encoded))
        posture = self.pose_pool(self.pose_encoder(shared))
        part_features, part_inputs = [], []
        # Half precision is good enough for feature maps; bodies regressed in it are off by millimetres.
        with torch.autocast(images.device.type, enabled=False):
            betas, displacement = self.shape_head(feature.float())
            pose, camera = self.pose_head(posture.float())
            if self.parts is not None:
                part_features, part_inputs, moved = self.parts(encoded.float())
                displacement = displacement + moved
        return {
            "shape": weigh([normed.float(), *part_inputs], self.part_shares),
            "shape_feature": feature,
            "shape_logits_input": normed,
            "part_features": part_features,
            "part_logits_inputs": part_inputs,
            "betas": betas,
            "displacement": displacement,
            "pose": pose,
            "camera": camera,
        }


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
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor, appearance: bool = True) -> NetworkOutput:
        """images: (B, 3, H, W) RGB in [0, 1], H and W those of the configuration; appearance=False leaves that stream
        out."""
        images = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        output = dict.fromkeys(NetworkOutput._fields)
        if appearance:
            feature, normed = self.appearance_stream(images)
            output |= {
                "appearance": F.normalize(normed, dim=1),
                "appearance_feature": feature,
                "appearance_logits_input": normed,
            }
        if self.shape_stream is not None:
            output |= self.shape_stream(images)
        return NetworkOutput(**output)
