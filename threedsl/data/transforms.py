"""Pictures to network input: one resize, one layout change."""

import cv2
import numpy as np
import torch
from torch import Tensor


def resize_crop(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize an RGB uint8 crop (h, w, 3) to size = (height, width), area-averaged when it shrinks."""
    height, width = size
    if image.shape[:2] == (height, width):
        return image
    shrinks = image.shape[0] > height or image.shape[1] > width
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def to_batch(images: list[np.ndarray] | np.ndarray) -> Tensor:
    """N RGB uint8 pictures of one size (h, w, 3) -> (N, 3, h, w) float32 in [0, 1], as the network takes them."""
    stacked = torch.from_numpy(np.stack(images))
    return stacked.permute(0, 3, 1, 2).float().div_(255)
