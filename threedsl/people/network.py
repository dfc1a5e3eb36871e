"""MoveNet MultiPose Lightning (Google, 2021) in torch: people and their 17 COCO keypoints in one pass.

A CenterNet (Zhou et al., "Objects as Points", 2019): MobileNetV2 with width 1.5, a feature pyramid down to stride 4,
and six heads. This module is written after the graph that Google publishes for TensorFlow.js and gives the same
numbers; only the number of people is ours to choose (six in the original).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDE = 32  # sides of the input are multiples of it
CELL = 4  # pixels of the input a cell of the output maps stands for
JOINTS = 17
SCALE = 0.007843017578125  # 2 / 255 in half precision, as in the published graph
# of the shorter map side: spread of a keypoint about the place the centre expects it at
REACH = 0.300048828125
SEEN = 0.126953125  # keypoint confidences above it count in a person's score
PEAK = 1.0132789611816406e-06

# (channels, blocks, stride of the first) of MobileNetV2's stages after the first block.
STAGES = ((40, 2, 2), (48, 3, 2), (96, 4, 2), (144, 3, 1), (240, 3, 2), (480, 1, 1))
HEADS = {"center": 1, "box_scale": 2, "box_offset": 2, "kpt_heatmap": 17, "kpt_regress": 34, "kpt_offset": 34}


class Conv(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME does: with stride 2 on an even side only right and below."""

    def __init__(
        self, inside: int, outside: int, kernel: int = 1, stride: int = 1, groups: int = 1, bias=True
    ):
        padding = 1 if kernel == 3 and stride == 1 else 0
        super().__init__(inside, outside, kernel, stride, padding, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if self.stride[0] == 2:
            x = F.pad(x, (0, 1, 0, 1))
        return super().forward(x)


class Block(nn.Module):
    """Inverted residual (Sandler et al. 2018), its batch norms folded into the convolutions."""

    def __init__(self, inside: int, outside: int, stride: int):
        super().__init__()
        wide = 6 * inside
        self.expand = Conv(inside, wide)
        self.depthwise = Conv(wide, wide, 3, stride, groups=wide)
        self.project = Conv(wide, outside)
        self.residual = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(F.relu6(self.depthwise(F.relu6(self.expand(x)))))
        return x + y if self.residual else y


class Separable(nn.Module):
    """Depthwise 3 x 3 without bias, then 1 x 1 and ReLU."""

    def __init__(self, inside: int, outside: int):
        super().__init__()
        self.depthwise = Conv(inside, inside, 3, groups=inside, bias=False)
        self.pointwise = Conv(inside, outside)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.pointwise(self.depthwise(x)))


class Head(nn.Module):
    """One output map."""

    def __init__(self, outside: int):
        super().__init__()
        self.separable = Separable(24, 96)
        self.last = Conv(96, outside)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.separable(x))


class MoveNet(nn.Module):
    """Picture -> people. See `forward`."""

    def __init__(self):
        super().__init__()
        self.stem = Conv(3, 48, 3, 2)
        self.first_depthwise = Conv(48, 48, 3, groups=48)
        self.first_project = Conv(48, 24)
        blocks, channels = [], 24
        for wide, count, stride in STAGES:
            for number in range(count):
                blocks.append(Block(channels, wide, stride if number == 0 else 1))
                channels = wide
        self.blocks = nn.ModuleList(blocks)
        self.top = Conv(480, 1280)
        # Lateral 1 x 1 convolutions, from stride 32 to stride 4, and what follows each sum.
        self.lateral = nn.ModuleList([Conv(1280, 64), Conv(96, 64), Conv(48, 32), Conv(40, 24)])
        self.merge = nn.ModuleList([Separable(64, 32), Separable(32, 24), Separable(24, 24)])
        self.heads = nn.ModuleDict({name: Head(channels) for name, channels in HEADS.items()})

    def maps(self, picture: Tensor) -> dict[str, Tensor]:
        """The six raw output maps (channels, H / 4, W / 4) of one RGB picture (3, H, W), 0 to 255."""
        x = picture[None] * SCALE - 1
        x = self.first_project(F.relu6(self.first_depthwise(F.relu6(self.stem(x)))))
        levels = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in (1, 4, 8):  # the last before strides 8, 16 and 32
                levels.append(x)
        x = self.lateral[0](F.relu6(self.top(x)))
        for lateral, merge, level in zip(self.lateral[1:], self.merge, reversed(levels), strict=True):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = merge(x + lateral(level))
        return {name: head(x)[0] for name, head in self.heads.items()}

    def forward(self, picture: Tensor, most: int = 6, least: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
        """People in one RGB picture (3, H, W), float 0 to 255, both sides multiples of 32.

        Args:
            most: people at most.
            least: centres below this confidence are left out.

        Returns:
            keypoints (N, 17, 3): x right, y down in pixels of the picture, confidence in [0, 1]; boxes (N, 4)
            x0, y0, x1, y1 in the same pixels; scores (N,): confidence of the centre times the mean of the seen
            keypoints'. The most confident centre comes first.
        """
        return decode(self.maps(picture), most, least)


def decode(maps: dict[str, Tensor], most: int, least: float) -> tuple[Tensor, Tensor, Tensor]:
    """Raw maps -> people, as `MoveNet.forward` returns them."""
    heat = maps["center"].sigmoid()
    peaks = heat * ((heat - F.max_pool2d(heat[None], 5, 1, 2)[0]).abs() < PEAK)
    height, width = heat.shape[1:]
    confidence, place = peaks.flatten().topk(min(most, peaks.numel()))
    place = place[confidence > max(least, 0.0)]
    confidence = confidence[: len(place)]
    rows, columns = place // width, place % width
    centre = torch.stack([rows, columns], 1)

    limits = torch.tensor([height, width], dtype=torch.float32)
    size = maps["box_scale"][:, rows, columns].T.clamp(min=0)
    middle = centre + maps["box_offset"][:, rows, columns].T
    low = (middle - size / 2).clamp(min=0).minimum(limits)
    high = (middle + size / 2).clamp(min=0).minimum(limits)

    expected = centre[:, None] + maps["kpt_regress"][:, rows, columns].T.reshape(-1, JOINTS, 2)
    y, x = torch.arange(height, dtype=torch.float32), torch.arange(width, dtype=torch.float32)
    spread = REACH * min(height, width)
    # The Gaussian about the expected place, and the person's box, as products of a column and a row.
    along_y = torch.exp(-((y - expected[..., :1]) ** 2) / spread)
    along_x = torch.exp(-((x - expected[..., 1:]) ** 2) / spread)
    along_y = along_y * ((y >= low[:, :1]) & (y < high[:, :1]))[:, None]
    along_x = along_x * ((x >= low[:, 1:]) & (x < high[:, 1:]))[:, None]
    likely = maps["kpt_heatmap"].sigmoid() * along_y[..., None] * along_x[:, :, None]  # (N, 17, H, W)
    best = likely.flatten(2).argmax(2)  # (N, 17)
    row, column = best // width, best % width
    joint = torch.arange(JOINTS).expand_as(best)
    # As in the original: a place that two people share has the confidence it has for the nearer one.
    seen = likely.amax(0)[joint, row, column] if len(likely) else likely.new_zeros((0, JOINTS))
    offset = maps["kpt_offset"].reshape(JOINTS, 2, height, width)[joint, :, row, column]  # (N, 17, 2) y, x
    points = (torch.stack([row, column], 2) + offset).flip(2) * CELL
    counted = seen * (seen > SEEN)
    scores = confidence * counted.sum(1) / (seen > SEEN).sum(1).clamp(min=1)
    boxes = torch.cat([low.flip(1), high.flip(1)], 1) * CELL
    return torch.cat([points, seen[..., None]], 2), boxes, scores
