"""Small pictures and other files for the page: RGB arrays to JPEG, thumbnails, data URIs, unguessable paths."""

import base64
import secrets
from pathlib import Path

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


def data_uri(encoded: bytes) -> str:
    """A JPEG as a URI that needs no file and no second request."""
    return "data:image/jpeg;base64," + base64.b64encode(encoded).decode()


def beside(images: list[np.ndarray]) -> np.ndarray:
    """RGB uint8 pictures in a row, all as high as the first; a single one as it is."""
    height = images[0].shape[0]
    scaled = [
        image
        if image.shape[0] == height
        else cv2.resize(image, (max(1, round(image.shape[1] * height / image.shape[0])), height))
        for image in images
    ]
    return scaled[0] if len(scaled) == 1 else np.concatenate(scaled, axis=1)


def new_file(folder: Path, name: str) -> Path:
    """The path of a file to write: its own name, in a new folder below `folder` that nobody can guess."""
    place = folder / secrets.token_hex(12)
    place.mkdir(parents=True)
    return place / name
