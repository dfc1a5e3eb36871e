"""Random changes of a training crop: one geometry for picture, mask and keypoints, then colours and defects."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from threedsl.body.joints import COCO_FLIP


@dataclass(frozen=True)
class AugmentConfig:
    """Probabilities in [0, 1]; the rest are half-widths of uniform ranges."""

    flip: float = 0.5
    scale: float = 0.08  # relative size of the person in the crop
    shift: float = 0.05  # of the crop's sides
    brightness: float = 0.25
    contrast: float = 0.25
    cast: float = 0.12  # gain of each colour channel
    grey: float = 0.05
    blur: float = 0.15
    low_resolution: float = 0.1
    noise: float = 0.15
    erase: float = 0.2


@dataclass
class Sample:
    """A training crop: RGB uint8 (H, W, 3), mask uint8 (h, w) 0 or 255, keypoints (17, 3) in pixels of the crop."""

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    keypoints: NDArray[np.float32]


def augment(sample: Sample, config: AugmentConfig, rng: np.random.Generator) -> Sample:
    moved = move(sample, random_geometry(sample.image.shape[:2], config, rng))
    if rng.random() < config.flip:
        moved = mirror(moved)
    return Sample(colour(moved.image, config, rng), moved.mask, moved.keypoints)


def random_geometry(
    size: tuple[int, int], config: AugmentConfig, rng: np.random.Generator
) -> NDArray[np.float32]:
    """(2, 3) affine map of pixel positions: scaling about the centre and a shift."""
    height, width = size
    scale = 1 + rng.uniform(-config.scale, config.scale)
    x = width / 2 * (1 - scale) + width * rng.uniform(-config.shift, config.shift)
    y = height / 2 * (1 - scale) + height * rng.uniform(-config.shift, config.shift)
    return np.array([[scale, 0, x], [0, scale, y]], np.float32)


def move(sample: Sample, affine: NDArray[np.float32]) -> Sample:
    """Apply one affine map of the picture's pixel positions to all three; the mask may be smaller than the picture."""
    image = _warp(sample.image, affine, cv2.BORDER_REPLICATE)
    ratio = sample.mask.shape[0] / sample.image.shape[0]
    small = affine.copy()
    small[:, 2] *= ratio
    mask = _warp(sample.mask, small, cv2.BORDER_CONSTANT)
    keypoints = sample.keypoints.copy()
    keypoints[:, :2] = sample.keypoints[:, :2] @ affine[:, :2].T + affine[:, 2]
    return Sample(image, mask, keypoints)


def _warp(picture: NDArray[np.uint8], affine: NDArray[np.float32], border: int) -> NDArray[np.uint8]:
    # Positions have pixel centres at + 0.5; OpenCV puts them at whole numbers.
    shifted = affine.copy()
    shifted[:, 2] += affine[:, :2].sum(1) * 0.5 - 0.5
    return cv2.warpAffine(picture, shifted, picture.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=border)


def mirror(sample: Sample) -> Sample:
    """Left becomes right, in pixels and in the names of the joints."""
    keypoints = sample.keypoints[list(COCO_FLIP)].copy()
    keypoints[:, 0] = sample.image.shape[1] - keypoints[:, 0]
    return Sample(
        np.ascontiguousarray(sample.image[:, ::-1]), np.ascontiguousarray(sample.mask[:, ::-1]), keypoints
    )


def colour(image: NDArray[np.uint8], config: AugmentConfig, rng: np.random.Generator) -> NDArray[np.uint8]:
    """What cameras do to pictures, in their order: optics and scale, exposure, noise, and something in the way."""
    height, width = image.shape[:2]
    if rng.random() < config.low_resolution:
        factor = rng.uniform(0.4, 0.8)
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < config.blur:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.2))
    levels = np.arange(256, dtype=np.float32)
    contrast = 1 + rng.uniform(-config.contrast, config.contrast)
    gain = 1 + rng.uniform(-config.brightness, config.brightness)
    casts = 1 + rng.uniform(-config.cast, config.cast, 3)
    table = ((levels - 128) * contrast + 128)[:, None] * (gain * casts)
    image = cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8)[None])
    if rng.random() < config.grey:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < config.noise:
        noise = rng.normal(0, rng.uniform(2, 9), image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < config.erase:
        image = erase(image, rng)
    return image


def erase(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Zhong et al. (AAAI 2020): a random rectangle of 2 to 25 % of the area, filled with noise or one colour."""
    height, width = image.shape[:2]
    area, aspect = rng.uniform(0.02, 0.25) * height * width, np.exp(rng.uniform(np.log(0.4), np.log(2.5)))
    h, w = min(int((area * aspect) ** 0.5) + 1, height), min(int((area / aspect) ** 0.5) + 1, width)
    top, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
    image = image.copy()
    shape = (h, w, 3) if rng.random() < 0.5 else (1, 1, 3)
    image[top : top + h, left : left + w] = rng.integers(0, 256, shape, dtype=np.uint8)
    return image
