"""MGS, the multi-granularity shape features: the bands of a picture, and a feature of each."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from threedsl.network.heads import BNNeck, start_near_zero

BANDS = ((0, 1 / 3), (1 / 6, 2 / 3), (1 / 2, 1))
"""Where the bands of MGS begin and end, as fractions of the picture's height: head and shoulders, trunk, legs.

Three overlapping bands follow an early snapshot of the authors' code; their positions are ours. The top band ends above
the hips, because one with more clothing in it retrieves fewer people who are dressed alike."""


class PartFeatures(nn.Module):
    """MGS, multi-granularity shape features: overlapping bands of the feature map, top to bottom, each with a feature
    of its own that also predicts the displacement of its own part of the body (docs/method.md, section 1)."""

    def __init__(self, channels: int, width: int, vertices: int):
        super().__init__()
        parts = len(BANDS)
        self.necks = nn.ModuleList(BNNeck(channels, width) for _ in range(parts))
        self.displacements = nn.ModuleList(nn.Linear(width, vertices * 3) for _ in range(parts))
        for layer in self.displacements:
            start_near_zero(layer)
        # of each vertex's displacement, by band; not the part_shares of the descriptor
        self.register_buffer("shares", torch.full((parts, vertices), 1 / parts))

    @torch.no_grad()
    def assign_vertices(self, heights: Tensor) -> None:
        """heights (V,) of the template's vertices: a vertex belongs to the bands with the nearest centres."""
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
