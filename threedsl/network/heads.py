"""Heads on the backbones: pooling, BNNeck, and the iterative regression of body parameters."""

import math

import torch
from torch import Tensor, nn

from threedsl.body.rotation import matrix_from_6d, matrix_from_axis_angle, sixd_from_matrix

POSE, CAMERA, BETAS = 24 * 6, 3, 10
"""Numbers of a regressed body: 24 rotations as two columns each, (s, t_x, t_y), and the shape."""


class AverageMaxPool(nn.Module):
    """(B, C, H, W) -> (B, 2C): mean and maximum."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=1)


class AveragePool(nn.Module):
    """(B, C, H, W) -> (B, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


class SpatialPool(nn.Module):
    """(B, C, H, W) -> (B, width): keeps locations, which joints and camera need and averaging discards."""

    def __init__(self, channels: int, cells: int, width: int):
        super().__init__()
        self.reduce = nn.Sequential(
            nn.Conv2d(channels, 64, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)
        )
        self.mix = nn.Linear(64 * cells, width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.mix(self.reduce(x).flatten(1)))


class BNNeck(nn.Module):
    """Luo et al. (CVPRW 2019): the triplet loss sees the feature before, cross entropy after, a bias-free norm."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.width = width
        self.reduce = nn.Linear(inputs, width, bias=False)
        nn.init.orthogonal_(self.reduce.weight)
        self.norm = nn.BatchNorm1d(width)
        self.norm.bias.requires_grad_(False)

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """(B, inputs) -> feature before and after the norm, both (B, width)."""
        feature = self.reduce(pooled)
        return feature, self.norm(feature)


class IterativeRegressor(nn.Module):
    """HMR's regression (Kanazawa et al., CVPR 2018): start from the mean, add three learned corrections."""

    def __init__(self, features: int, mean: Tensor, hidden: int, iterations: int = 3):
        super().__init__()
        self.register_buffer("mean", mean)
        self.iterations = iterations
        self.mlp = nn.Sequential(
            nn.Linear(features + len(mean), hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
        )
        self.correction = nn.Linear(hidden, len(mean))
        nn.init.xavier_uniform_(self.correction.weight, gain=0.01)
        nn.init.zeros_(self.correction.bias)

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        """(B, features) -> parameters (B, P) and the last hidden state (B, hidden)."""
        parameters = self.mean.expand(feature.shape[0], -1)
        for _ in range(self.iterations):
            hidden = self.mlp(torch.cat([feature, parameters], dim=1))
            parameters = parameters + self.correction(hidden)
        return parameters, hidden


def start_near_zero(layer: nn.Linear) -> None:
    """Before training, displacements of a fraction of a millimetre."""
    if (
        not layer.weight.is_meta
    ):  # otherwise PyTorch imports its compiler, for seconds, to draw numbers for nothing
        nn.init.normal_(layer.weight, std=1e-4)
    nn.init.zeros_(layer.bias)


class ShapeHead(nn.Module):
    """F_shape -> betas (B, 10) and displacements of the coarse vertices (B, V, 3), metres."""

    def __init__(self, features: int, vertices: int, hidden: int, betas: int = BETAS):
        super().__init__()
        self.betas = IterativeRegressor(features, torch.zeros(betas), hidden)
        self.displacement = nn.Linear(hidden, vertices * 3)
        start_near_zero(self.displacement)

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        betas, hidden = self.betas(feature)
        return betas, self.displacement(hidden).unflatten(1, (-1, 3))


class PoseHead(nn.Module):
    """F_pose -> rotations (B, 24, 3, 3) and the weak-perspective camera (B, 3)."""

    def __init__(self, features: int, hidden: int):
        super().__init__()
        self.regressor = IterativeRegressor(features, mean_pose_and_camera(), hidden)

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        parameters, _ = self.regressor(feature)
        pose, camera = parameters.split((POSE, CAMERA), dim=1)
        return matrix_from_6d(pose.unflatten(1, (24, 6))), plausible_camera(camera)


def plausible_camera(camera: Tensor) -> Tensor:
    """(B, 3) with its scale in a range: near zero it would put the body at infinity; half the crop is the smallest
    useful person."""
    return torch.cat([camera[:, :1].clamp(0.3, 3.0), camera[:, 1:]], dim=1)


def mean_pose_and_camera() -> Tensor:
    """(147,) start of the regression: standing upright, arms hanging, filling the crop; numbers on any device."""
    with torch.device("cpu"):
        rotvec = torch.zeros(24, 3)
        rotvec[16, 2], rotvec[17, 2] = -math.radians(70), math.radians(70)
        six = sixd_from_matrix(matrix_from_axis_angle(rotvec)).flatten()
        return torch.cat([six, torch.tensor([1.05, 0.0, 0.0])])


@torch.no_grad()
def standing_heights(body: nn.Module) -> Tensor:
    """(V,) metres: how high the coarse vertices of a BodyModel are where the regression starts. The template's arms
    are stretched out, unlike people in pictures, whose hands belong to the hips' band."""
    start = mean_pose_and_camera().to(body.coarse_template)
    pose = matrix_from_6d(start[None, :POSE].unflatten(1, (24, 6)))
    return body(start.new_zeros(1, body.num_betas), pose).vertices[0, :, 1]
