"""Small pictures and other files for the page: RGB arrays to JPEG, thumbnails, data URIs, unguessable paths."""

import base64
import secrets
from pathlib import Path

import cv2
import numpy as np

from threedsl.data.small import fit, jpeg
from threedsl.ui.security.written import note

__all__ = ["data_uri", "fit", "jpeg", "new_file", "side_by_side"]


def data_uri(encoded: bytes) -> str:
    """A JPEG as a URI that needs no file and no second request."""
    return "data:image/jpeg;base64," + base64.b64encode(encoded).decode()


def side_by_side(images: list[np.ndarray]) -> np.ndarray:
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
    """The path of a file to write, in a new folder below `folder` with an unguessable name."""
    place = folder / secrets.token_hex(12)
    place.mkdir(parents=True)
    note(place)
    return place / name
