"""ResNet-18 and ResNet-50 (He et al., CVPR 2016) with torchvision's parameter names, split into stages."""

import hashlib
import re
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from threedsl.errors import InputError
from threedsl.reading import open_file


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (ResNet-18)."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3 (with the stride), 1x1 and a shortcut (ResNet-50)."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int = 1):
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def resnet_stages(depth: int, last_stride: int = 1) -> nn.ModuleDict:
    """Stages "conv1", "bn1", "layer1".."layer4" under torchvision's names; depth is 18 or 50."""
    block, counts = {18: (BasicBlock, (2, 2, 2, 2)), 50: (Bottleneck, (3, 4, 6, 3))}[depth]
    stages = nn.ModuleDict({"conv1": nn.Conv2d(3, 64, 7, 2, 3, bias=False), "bn1": nn.BatchNorm2d(64)})
    inputs = 64
    for i, (count, stride) in enumerate(zip(counts, (1, 2, 2, last_stride), strict=True)):
        width = 64 * 2**i
        layer = [block(inputs, width, stride)]
        inputs = width * block.expansion
        layer += [block(inputs, width) for _ in range(count - 1)]
        stages[f"layer{i + 1}"] = nn.Sequential(*layer)
    return stages


PUBLISHED = {18: "resnet18-f37072fd.pth", 50: "resnet50-0676ba61.pth"}
"""torchvision's files (IMAGENET1K_V1), at https://download.pytorch.org/models/; each name ends in the first eight
digits of the file's sha256."""

NAMED_BY_CONTENT = re.compile(r"-(?P<digits>[0-9a-f]{8})\.")


def find_weights(folder: str | Path, depth: int) -> Path:
    """The ImageNet file of a ResNet of 18 or 50 layers: under torchvision's published name, or as resnet50.pth.

    Raises:
        InputError: there is none, with the address of the published one.
    """
    names = (PUBLISHED[depth], f"resnet{depth}.pth", f"resnet{depth}.safetensors")
    found = [*(Path(folder) / name for name in names), *sorted(Path(folder).glob(f"resnet{depth}-*.pth"))]
    for path in found:
        if path.is_file():
            return path
    raise InputError(
        f"There are no ImageNet weights of a ResNet-{depth} in {folder}; fetch "
        f"https://download.pytorch.org/models/{PUBLISHED[depth]} into it, or set `pretrained` to null."
    )


def check_digits(path: Path) -> None:
    """Raises InputError if the file's name gives the beginning of its sha256, and it has another."""
    named = NAMED_BY_CONTENT.search(path.name)
    if named is None:
        return
    with open_file(path, f"ImageNet weights {path}", "fetch them again") as file:
        digest = hashlib.sha256()
        while piece := file.read(2**20):
            digest.update(piece)
    if not digest.hexdigest().startswith(named["digits"]):
        raise InputError(
            f"ImageNet weights {path} are damaged: their sha256 does not begin with {named['digits']}, as their name "
            "says; fetch them again."
        )


def load_stages(stages: nn.ModuleDict, path: str | Path) -> None:
    """Load a standard ImageNet file (torchvision names; .pth read with weights_only, or .safetensors).

    Raises:
        InputError: the file is missing, is not the one its name says, or its weights do not fit.
    """
    path = Path(path)
    remedy = "give a torchvision ResNet state dict or leave the field empty"
    open_file(path, f"ImageNet weights {path}", remedy).close()
    check_digits(path)
    try:
        weights = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except (SafetensorError, UnpicklingError, RuntimeError, EOFError, KeyError) as error:
        raise InputError(f"ImageNet weights {path} cannot be read ({type(error).__name__}).") from None
    weights = {key: value for key, value in weights.items() if not key.startswith("fc.")}
    try:
        stages.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise InputError(
            f"ImageNet weights {path} do not fit this ResNet: {str(error).splitlines()[-1].strip()}"
        ) from None


def stem_of(stages: nn.ModuleDict) -> nn.Sequential:
    """conv1, bn1, ReLU and the 3x3 max pooling: stride 4."""
    return nn.Sequential(stages["conv1"], stages["bn1"], nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1))
