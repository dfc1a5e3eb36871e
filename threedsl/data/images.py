"""Read any picture a user may provide as upright RGB, or fail with one clear sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from threedsl.data.decoding.decode import (
    FORMATS,
    MAX_BYTES,
    MAX_PIXELS,
    MAX_SIDE,
    MIN_SIDE,
    NO_LIMITS,
    Limits,
    check_pixels,
    decode,
    upright,
)
from threedsl.errors import InputError
from threedsl.reading import read_file

__all__ = [
    "FORMATS", "MAX_BYTES", "MAX_PIXELS", "MAX_SIDE", "MIN_SIDE", "Limits", "Source",
    "check_pixels", "decode_with", "load_image",
]  # fmt: skip

Source = str | Path | bytes | Image.Image | np.ndarray
Decoder = Callable[[bytes, str, Limits], np.ndarray]

_decoder: Decoder = decode


def decode_with(decoder: Decoder) -> None:
    """Have files decoded by `decoder` in this process from now on: a server's by processes that it can end."""
    global _decoder
    _decoder = decoder


def load_image(source: Source, name: str | None = None, limits: Limits = NO_LIMITS) -> np.ndarray:
    """Read a picture as RGB uint8 (H, W, 3): upright, first frame, transparency over white, 16 bits to 8.

    Args:
        source: a path, a file's bytes, a PIL image, or an array: (H, W), (H, W, 1), (H, W, 3) RGB or
            (H, W, 4) RGBA of uint8, uint16 or bool.
        name: what error sentences call it; the path by default.
        limits: of files.

    Returns:
        A contiguous array; its longer side has at most MAX_SIDE pixels, its shorter at least MIN_SIDE.

    Raises:
        InputError: it cannot be read, with the reason and the remedy in one sentence.
    """
    if isinstance(source, np.ndarray):
        name = name or "the array"
        return upright(_from_array(source, name), name)
    if isinstance(source, Image.Image):
        return upright(source, name or getattr(source, "filename", "") or "the picture")
    if isinstance(source, bytes | bytearray | memoryview):
        return _decoder(bytes(source), name or "the picture", limits)
    if isinstance(source, str | Path):
        name = name or str(source)
        return _decoder(_read(source, name), name, limits)
    raise InputError(
        f"A picture must be a path, bytes, a PIL image or an array, not {type(source).__name__}."
    )


def _read(path: str | Path, name: str) -> bytes:
    if str(path).startswith(("http://", "https://")):
        raise InputError(f"{name} is a web address; download the picture and give the file.")
    if Path(path).is_dir():
        raise InputError(f"{name} is a folder, not a picture.")
    return read_file(path, MAX_BYTES, name)


def _from_array(array: np.ndarray, name: str) -> Image.Image:
    shape = array.shape
    if array.ndim not in (2, 3) or (array.ndim == 3 and shape[2] not in (1, 3, 4)) or 0 in shape:
        raise InputError(f"{name} has shape {shape}; a picture is (H, W), (H, W, 3) RGB or (H, W, 4) RGBA.")
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    elif array.dtype == np.uint16:
        array = (array // 257).astype(np.uint8)
    elif array.dtype != np.uint8:
        raise InputError(f"{name} has values of type {array.dtype}; convert it to uint8 from 0 to 255.")
    return Image.fromarray(
        np.ascontiguousarray(array[..., 0] if array.ndim == 3 and shape[2] == 1 else array)
    )
