"""Random augmentation of a batch of crops, on its own device: geometry, bystanders, colours, erasing."""

import math
from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from threedsl.body.joints import COCO_FLIP
from threedsl.errors import InputError

_WIDEST_BLUR = 1.4  # 1/128 of the height


@dataclass(frozen=True)
class AugmentConfig:
    """Probabilities in [0, 1]; the rest are half-widths of uniform ranges."""

    flip: float = 0.5
    scale: float = 0.12  # relative size of the person in the crop
    shift: float = 0.06  # of the crop's sides
    bystander: float = 0.1  # another person of the batch next to the labelled one
    brightness: float = 0.3
    contrast: float = 0.3
    channel_gain: float = 0.15  # gain of each colour channel
    grey: float = 0.08
    blur: float = 0.2
    low_resolution: float = 0.15
    noise: float = 0.2
    erase: float = 0.25

    def __post_init__(self):
        for name, value in asdict(self).items():
            if not 0 <= value <= 1:
                raise InputError(
                    f"configuration field augment.{name} must be between 0 and 1, not {value:g}."
                )


@dataclass
class Samples:
    """Crops (B, 3, H, W), masks (B, 1, H, W), float in [0, 1]; keypoints (B, 17, 3): pixels of the crop, confidence."""

    images: Tensor
    masks: Tensor
    keypoints: Tensor


@dataclass(frozen=True)
class Choices:
    """What was drawn for each picture of a batch: NumPy arrays of length B (or (B, n)), so that the device never has to
    synchronise."""

    scale: NDArray
    shift: NDArray  # (B, 2) of the crop's sides
    flip: NDArray
    bystander: NDArray  # bool
    beside: NDArray  # (B, 2) position of the bystander, relative to the crop's sides
    factor: NDArray  # (B, 3) gain of each channel
    contrast: NDArray
    grey: NDArray  # bool
    blur: NDArray  # standard deviation in 1/128 of the height, 0: none
    detail: NDArray  # share of the resolution that is kept, 1: all; one share per batch, so that resizing is one call
    noise: NDArray  # standard deviation in [0, 1], 0: none
    erase: NDArray  # (B, 4) top, left, bottom, right of the erased rectangle in [0, 1]; empty: none
    fill: NDArray  # (B, 4) RGB in [0, 1]; the last one: above 0.5 fills with noise instead


def choose(count: int, config: AugmentConfig, rng: np.random.Generator) -> Choices:
    """Draw the augmentation of `count` pictures. The same generator gives the same choices."""
    span = rng.uniform(-1, 1, (count, 8))
    lucky = rng.random((count, 7))
    aspect, area = np.exp(rng.uniform(np.log(0.4), np.log(2.5), count)), rng.uniform(0.02, 0.25, count)
    # Zhong et al. (AAAI 2020): 2 to 25 % of the area. The crop is twice as tall as wide.
    high, wide = np.minimum(np.sqrt(area * aspect / 2), 1), np.minimum(np.sqrt(area / aspect * 2), 1)
    top, left = rng.uniform(0, 1, count) * (1 - high), rng.uniform(0, 1, count) * (1 - wide)
    erased = (lucky[:, 6] < config.erase)[:, None]
    side = np.where(span[:, 7] < 0, -1, 1)
    return Choices(
        scale=1 + span[:, 0] * config.scale,
        shift=span[:, 1:3] * config.shift,
        flip=lucky[:, 0] < config.flip,
        bystander=lucky[:, 1] < config.bystander,
        beside=np.stack([side * rng.uniform(0.45, 0.8, count), rng.uniform(-0.12, 0.12, count)], 1),
        factor=(1 + span[:, 3] * config.brightness)[:, None]
        * (1 + rng.uniform(-config.channel_gain, config.channel_gain, (count, 3))),
        contrast=1 + span[:, 4] * config.contrast,
        grey=lucky[:, 2] < config.grey,
        blur=np.where(lucky[:, 3] < config.blur, rng.uniform(0.3, _WIDEST_BLUR, count), 0.0),
        detail=np.where(lucky[:, 4] < config.low_resolution, rng.uniform(0.3, 0.8), 1.0),
        noise=np.where(lucky[:, 5] < config.noise, rng.uniform(2, 10, count) / 255, 0.0),
        erase=np.where(erased, np.stack([top, left, top + high, left + wide], 1), 0.0),
        fill=rng.random((count, 4)),
    )


def part_of(choices: Choices, places: NDArray) -> Choices:
    """The choices for some pictures of the batch."""
    return Choices(**{name: value[places] for name, value in vars(choices).items()})


def augment(samples: Samples, choices: Choices, bystanders: Tensor, grain: Tensor) -> Samples:
    """Apply the choices.

    Args:
        samples: B crops and what belongs to them.
        choices: of the same B pictures.
        bystanders: (n, 4, H, W) pictures and masks of other people, one per picture that gets a bystander.
        grain: (B, 3, H, W) standard normal noise.
    """
    moved = move(samples, choices.scale, choices.shift, choices.flip)
    images = add_bystanders(moved.images, moved.masks, bystanders, choices)
    return Samples(develop(images, choices, grain).clamp_(0, 1), moved.masks, moved.keypoints)


def move(samples: Samples, scale: NDArray, shift: NDArray, flip: NDArray) -> Samples:
    """One geometry for picture, mask and keypoints: scaling about the centre, a shift, and mirroring last."""
    height, width = samples.images.shape[2:]
    device = samples.images.device
    pictures = torch.cat([samples.images, samples.masks], 1)
    sign = np.where(flip, -1.0, 1.0)
    # Maps output positions (-1 to 1) to input positions.
    inverse = np.zeros((len(scale), 2, 3), np.float32)
    inverse[:, 0, 0], inverse[:, 0, 2] = sign / scale, -2 * shift[:, 0] / scale
    inverse[:, 1, 1], inverse[:, 1, 2] = 1 / scale, -2 * shift[:, 1] / scale
    grid = F.affine_grid(on(inverse, device), pictures.shape, align_corners=False)
    images = F.grid_sample(samples.images, grid, padding_mode="border", align_corners=False)
    masks = F.grid_sample(samples.masks, grid, padding_mode="zeros", align_corners=False)

    keypoints, mirrored = samples.keypoints, on(flip, device)[:, None, None]
    middle = torch.tensor([width / 2, height / 2], device=device)
    places = (keypoints[..., :2] - middle) * on(scale, device)[:, None, None] + middle
    places = places + on(shift, device)[:, None] * (middle * 2)
    keypoints = torch.cat([places, keypoints[..., 2:]], -1)
    swapped = keypoints[:, list(COCO_FLIP)]
    swapped = torch.cat([width - swapped[..., :1], swapped[..., 1:]], -1)
    return Samples(images, masks, torch.where(mirrored, swapped, keypoints))


def add_bystanders(images: Tensor, masks: Tensor, bystanders: Tensor, choices: Choices) -> Tensor:
    """Put other people (n, 4, H, W) behind the person of the n pictures chosen for it, to one side."""
    chosen = np.flatnonzero(choices.bystander)
    if not len(chosen):
        return images
    device = images.device
    index = on(chosen, device)
    shift = np.zeros((len(chosen), 2, 3), np.float32)
    shift[:, 0, 0] = shift[:, 1, 1] = 1
    shift[:, :, 2] = -2 * choices.beside[chosen]
    grid = F.affine_grid(on(shift, device), bystanders.shape, align_corners=False)
    people = F.grid_sample(bystanders, grid, padding_mode="zeros", align_corners=False)
    cover = people[:, 3:] * (1 - masks[index])
    mixed = people[:, :3] * cover + images[index] * (1 - cover)
    return images.index_copy(0, index, mixed)


def develop(images: Tensor, choices: Choices, grain: Tensor) -> Tensor:
    """Camera effects in order: resolution and optics, exposure, noise; then occlusion."""
    device, (height, width) = images.device, images.shape[2:]
    coarse = np.flatnonzero(choices.detail < 1)
    if len(coarse):
        share = float(choices.detail[coarse[0]])
        small = (max(2, round(height * share)), max(2, round(width * share)))
        index = on(coarse, device)
        shrunk = F.interpolate(images[index], small, mode="area")
        images = images.index_copy(
            0, index, F.interpolate(shrunk, (height, width), mode="bilinear", align_corners=False)
        )
    soft = np.flatnonzero(choices.blur > 0)
    if len(soft):
        index = on(soft, device)
        reach = math.ceil(2.5 * _WIDEST_BLUR * height / 128)
        images = images.index_copy(0, index, blur(images[index], choices.blur[soft] * height / 128, reach))
    factor, contrast = on(choices.factor, device), on(choices.contrast, device)
    images = ((images - 0.5) * contrast[:, None, None, None] + 0.5) * factor[:, :, None, None]
    grey = images.mul(images.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    images = torch.where(on(choices.grey, device)[:, None, None, None], grey, images)
    images = images + grain * on(choices.noise, device)[:, None, None, None]
    return erase(images, choices.erase, choices.fill, grain)


def blur(images: Tensor, sigma: NDArray, reach: int) -> Tensor:
    """Gaussian blur of (N, 3, H, W) with standard deviations sigma (N,) in pixels, cut off at `reach` pixels."""
    count, channels, height, width = images.shape
    steps = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (steps[None] / sigma[:, None]) ** 2)
    kernel = on(np.repeat(kernel / kernel.sum(1, keepdims=True), channels, 0), images.device)
    flat = F.pad(images, (reach,) * 4, mode="replicate").flatten(0, 1)[None]
    flat = F.conv2d(flat, kernel[:, None, :, None], groups=count * channels)
    flat = F.conv2d(flat, kernel[:, None, None, :], groups=count * channels)
    return flat.reshape(count, channels, height, width)


def erase(images: Tensor, boxes: NDArray, fill: NDArray, grain: Tensor) -> Tensor:
    """Fill rectangles (B, 4), given as top, left, bottom, right in [0, 1], with one colour or with grain."""
    device, (height, width) = images.device, images.shape[2:]
    rows = (torch.arange(height, device=device) + 0.5) / height
    columns = (torch.arange(width, device=device) + 0.5) / width
    top, left, bottom, right = on(boxes, device)[:, :, None].unbind(1)
    inside = ((rows >= top) & (rows < bottom))[:, None, :, None] & ((columns >= left) & (columns < right))[
        :, None, None
    ]
    colour = on(fill[:, :3], device)[:, :, None, None]
    noisy = on(fill[:, 3] > 0.5, device)[:, None, None, None]
    return torch.where(inside, torch.where(noisy, grain * 0.3 + 0.5, colour), images)


def on(values: NDArray, device: torch.device) -> Tensor:
    """A NumPy array as a tensor there; floats in single precision."""
    values = np.asarray(values)
    tensor = torch.from_numpy(values.astype(np.float32) if values.dtype.kind == "f" else values)
    return tensor.to(device, non_blocking=True)
