"""OSNet (Zhou et al., ICCV 2019) with the gates of Intel's person-reidentification-retail nets; batch norms are folded.

Every stage has two blocks. The first block's branches share a squeeze-and-excitation gate, the second block's a linear
context transform (Ruan et al., "Linear Context Transform Block", AAAI 2020): channel means, normalised in groups,
scaled and shifted per channel. The global pooling is learned, so the net only takes crops of 256 x 128 pixels.
Parameter names are those of torchreid's OSNet: conv2.0.conv2a.conv1 and so on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

HEIGHT, WIDTH = 256, 128
"""Pixels of a crop."""
GRID = (HEIGHT // 16, WIDTH // 16)
"""Rows and columns of the last feature map."""
MEAN = (123.675, 116.28, 103.53)
SCALE = (0.01712475, 0.017507, 0.01742919)
"""Of red, green and blue from 0 to 255 (ImageNet's): x -> (x - MEAN) * SCALE."""
EPSILON = 1e-5


@dataclass(frozen=True)
class OSNetConfig:
    """Sizes of one net.

    Attributes:
        stem: channels after the first convolution.
        stages: channels after conv2, conv3 and conv4; a block's branches have `middle` of the same stage.
        embedding: length of a descriptor.
        groups: channels that a linear context transform normalises together.
    """

    stem: int = 64
    stages: tuple[int, int, int] = (256, 384, 512)
    middle: tuple[int, int, int] = (64, 96, 128)
    embedding: int = 256
    groups: tuple[int, int, int] = (16, 16, 16)
    squeezed: tuple[int, int, int] = (4, 6, 8)
    last: int = 512


class Conv1x1(nn.Module):
    """A point-wise convolution, followed by a ReLU unless it is linear."""

    def __init__(self, inputs: int, outputs: int, linear: bool = False):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x if self.linear else functional.relu(x)


class LightConv3x3(nn.Module):
    """A point-wise and a depth-wise convolution."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.conv2(self.conv1(x)))


class SqueezeGate(nn.Module):
    """Squeeze and excitation (Hu et al., CVPR 2018): a weight for each channel from all channels' means."""

    def __init__(self, channels: int, squeezed: int):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.fc2(functional.relu(self.fc1(means))))


class ContextGate(nn.Module):
    """Linear context transform: a weight for each channel from its mean among those of its group."""

    def __init__(self, channels: int, groups: int):
        super().__init__()
        self.groups = groups
        self.weight = nn.Parameter(torch.zeros(channels))
        self.bias = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean((2, 3))
        grouped = means.reshape(x.shape[0], self.groups, -1)
        centred = grouped - grouped.mean(2, keepdim=True)
        spread = (centred.square().mean(2, keepdim=True) + EPSILON).sqrt()
        context = (centred / spread).reshape(means.shape) * self.weight + self.bias
        return x * torch.sigmoid(context)[:, :, None, None]


class OSBlock(nn.Module):
    """Four branches of one to four light convolutions for four scales; one shared gate weights each of them."""

    def __init__(self, inputs: int, outputs: int, middle: int, gate: nn.Module):
        super().__init__()
        self.conv1 = Conv1x1(inputs, middle)
        self.conv2a = LightConv3x3(middle)
        self.conv2b, self.conv2c, self.conv2d = (
            nn.Sequential(*(LightConv3x3(middle) for _ in range(depth))) for depth in (2, 3, 4)
        )
        self.gate = gate
        self.conv3 = Conv1x1(middle, outputs, linear=True)
        self.downsample = Conv1x1(inputs, outputs, linear=True) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        reduced = self.conv1(x)
        scales = (self.conv2a, self.conv2b, self.conv2c, self.conv2d)
        mixed = sum(self.gate(branch(reduced)) for branch in scales)
        kept = x if self.downsample is None else self.downsample(x)
        return functional.relu(self.conv3(mixed) + kept)


class Stem(nn.Module):
    """(B, 3, 256, 128) RGB in [0, 1] -> (B, stem, 64, 32): instance norms, a 7 x 7 convolution, pooling."""

    def __init__(self, channels: int):
        super().__init__()
        self.input_norm = nn.InstanceNorm2d(3, EPSILON, affine=True)
        self.conv = nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False)
        self.norm = nn.InstanceNorm2d(channels, EPSILON, affine=True)
        self.register_buffer("mean", torch.tensor(MEAN, device="cpu").view(3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE, device="cpu").view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        x = self.input_norm((255 * images - self.mean) * self.scale)
        return functional.max_pool2d(functional.relu(self.norm(self.conv(x))), 3, 2, 1)


def osnet_stage(config: OSNetConfig, index: int) -> nn.Sequential:
    """conv2, conv3 or conv4 (index 0 to 2): two blocks and, but for the last, a halving transition."""
    inputs = config.stages[index - 1] if index else config.stem
    outputs, middle = config.stages[index], config.middle[index]
    blocks = [
        OSBlock(inputs, outputs, middle, SqueezeGate(middle, config.squeezed[index])),
        OSBlock(outputs, outputs, middle, ContextGate(middle, config.groups[index])),
    ]
    if index < 2:
        blocks.append(nn.Sequential(Conv1x1(outputs, outputs), nn.AvgPool2d(2)))
    return nn.Sequential(*blocks)


class Embedding(nn.Module):
    """Learned global pooling and a projection: (B, C, 16, 8) -> (B, D), not normalised."""

    def __init__(self, channels: int, size: int):
        super().__init__()
        self.pool = nn.Conv2d(channels, channels, GRID, groups=channels)
        self.fc = nn.Linear(channels, size)
        self.scale = nn.Parameter(torch.ones(size))
        self.shift = nn.Parameter(torch.zeros(size))
        self.prelu = nn.PReLU(init=1.0)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2:] != GRID:
            raise ValueError(f"OSNet's learned pooling takes maps of {GRID}, not {tuple(x.shape[2:])}")
        # A grouped convolution with one output pixel: the sum is several times faster on a CPU.
        pooled = (x * self.pool.weight[:, 0]).sum((2, 3)) + self.pool.bias
        return self.prelu(self.fc(pooled) * self.scale + self.shift)


class OSNet(nn.Module):
    """(B, 3, 256, 128) RGB in [0, 1] -> (B, D) descriptors of unit norm."""

    def __init__(self, config: OSNetConfig):
        super().__init__()
        self.config = config
        self.conv1 = Stem(config.stem)
        self.conv2, self.conv3, self.conv4 = (osnet_stage(config, index) for index in range(3))
        self.conv5 = Conv1x1(config.stages[2], config.last)
        self.embedding = Embedding(config.last, config.embedding)

    def maps(self, images: Tensor) -> Tensor:
        """(B, C, 16, 8) after conv4; a second trunk may share any number of stages."""
        return self.conv4(self.conv3(self.conv2(self.conv1(images))))

    def forward(self, images: Tensor) -> Tensor:
        return functional.normalize(self.embedding(self.conv5(self.maps(images))), dim=1)
