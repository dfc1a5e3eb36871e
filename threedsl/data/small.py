"""Pictures made smaller, and as JPEG: for pages, thumbnails and copies."""

import cv2
import numpy as np


def fit(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Scale RGB (H, W, 3) down, never up, to at most height x width; the aspect ratio stays."""
    scale = min(height / image.shape[0], width / image.shape[1])
    if scale >= 1:
        return image
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def jpeg(image: np.ndarray, quality: int = 88) -> bytes:
    """Encode RGB uint8 (H, W, 3)."""
    _, encoded = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return encoded.tobytes()
