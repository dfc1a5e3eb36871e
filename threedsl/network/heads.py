"""What sits on the backbones: pooling, BNNeck, and the iterative regression of body parameters."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from threedsl.body.rotation import matrix_from_6d, matrix_from_axis_angle, sixd_from_matrix


class AverageMaxPool(nn.Module):
    """(B, C, H, W) -> (B, 2C): mean beside maximum."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=1)


class AveragePool(nn.Module):
    """(B, C, H, W) -> (B, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


class SpatialPool(nn.Module):
    """(B, C, H, W) -> (B, width): keeps where things are, which joints and camera need and averaging forgets."""

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
        parameters = self.mean.expand(len(feature), -1)
        for _ in range(self.iterations):
            hidden = self.mlp(torch.cat([feature, parameters], dim=1))
            parameters = parameters + self.correction(hidden)
        return parameters, hidden


class ShapeHead(nn.Module):
    """F_shape -> betas (B, 10) and displacements of the coarse vertices (B, V, 3), metres."""

    def __init__(self, features: int, vertices: int, hidden: int, betas: int = 10):
        super().__init__()
        self.betas = IterativeRegressor(features, torch.zeros(betas), hidden)
        self.displacement = nn.Linear(hidden, vertices * 3)
        nn.init.normal_(self.displacement.weight, std=1e-4)
        nn.init.zeros_(self.displacement.bias)

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        betas, hidden = self.betas(feature)
        return betas, self.displacement(hidden).unflatten(1, (-1, 3))


BANDS = ((0, 1 / 3), (1 / 6, 2 / 3), (1 / 2, 1))
"""Where the parts of MGS begin and end, in heights of the picture: head and shoulders, trunk, legs.

That there are three which overlap is an early snapshot's; where they are is ours. The uppermost ends above the hips
because one that holds more clothes finds fewer people who are dressed alike."""


class PartFeatures(nn.Module):
    """MGS, multi-granularity shape features: overlapping bands of the feature map, top to bottom, each with a feature
    of its own that also predicts the displacement of its own part of the body (METHOD section 1)."""

    def __init__(self, channels: int, width: int, vertices: int):
        super().__init__()
        parts = len(BANDS)
        self.necks = nn.ModuleList(BNNeck(channels, width) for _ in range(parts))
        self.displacements = nn.ModuleList(nn.Linear(width, vertices * 3) for _ in range(parts))
        for layer in self.displacements:
            nn.init.normal_(layer.weight, std=1e-4)
            nn.init.zeros_(layer.bias)
        self.register_buffer("shares", torch.full((parts, vertices), 1 / parts))

    @torch.no_grad()
    def assign_vertices(self, heights: Tensor) -> None:
        """heights (V,) of the template's vertices: a vertex belongs to the bands whose middles are nearest to it."""
        place = (heights.max() - heights) / (heights.max() - heights.min())
        middles = [(top + bottom) / 2 for top, bottom in BANDS]
        place = place.clamp(middles[0], middles[-1])
        self.shares.zero_()
        for upper, (above, below) in enumerate(pairwise(middles)):
            way = (place - above) / (below - above)
            between = (way >= 0) & (way <= 1)
            self.shares[upper, between] = 1 - way[between]
            self.shares[upper + 1, between] = way[between]

    def forward(self, x: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """(B, C, h, w) -> features before and after their norms, each (B, width), and displacements (B, V, 3)."""
        features, normed, displacement = [], [], 0
        for rows, neck, layer, share in zip(
            band_rows(x.shape[2]), self.necks, self.displacements, self.shares, strict=True
        ):
            feature, after = neck(x[:, :, rows].mean((2, 3)))
            moved = layer(feature).unflatten(1, (-1, 3))
            displacement = displacement + share[:, None] * moved
            features.append(feature)
            normed.append(after)
        return features, normed, displacement


def band_rows(height: int) -> list[slice]:
    """The rows of a feature map that each of BANDS covers, at least one."""
    ends = [(round(top * height), round(bottom * height)) for top, bottom in BANDS]
    return [slice(top, max(bottom, top + 1)) for top, bottom in ends]


class PoseHead(nn.Module):
    """F_pose -> rotations (B, 24, 3, 3) and the weak-perspective camera (B, 3)."""

    def __init__(self, features: int, hidden: int):
        super().__init__()
        self.regressor = IterativeRegressor(features, mean_pose_and_camera(), hidden)

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        parameters, _ = self.regressor(feature)
        camera = parameters[:, 144:]
        # A scale near zero would put the body at infinity; half the crop is the smallest person of use.
        camera = torch.cat([camera[:, :1].clamp(0.3, 3.0), camera[:, 1:]], dim=1)
        return matrix_from_6d(parameters[:, :144].unflatten(1, (24, 6))), camera


def mean_pose_and_camera() -> Tensor:
    """(147,) start of the regression: standing upright, arms hanging, filling the crop."""
    rotvec = torch.zeros(24, 3)
    rotvec[16, 2], rotvec[17, 2] = -math.radians(70), math.radians(70)
    six = sixd_from_matrix(matrix_from_axis_angle(rotvec)).flatten()
    return torch.cat([six, torch.tensor([1.05, 0.0, 0.0])])


@torch.no_grad()
def standing_heights(body: nn.Module) -> Tensor:
    """(V,) metres: how high the coarse vertices of a BodyModel are where the regression starts. The template stretches
    its arms out, and nobody is pictured so: hands belong to the hips' band."""
    start = mean_pose_and_camera().to(body.coarse_template)
    pose = matrix_from_6d(start[None, :144].unflatten(1, (24, 6)))
    return body(start.new_zeros(1, body.num_betas), pose).vertices[0, :, 1]
