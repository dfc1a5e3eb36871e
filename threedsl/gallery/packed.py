"""Decompression bombs: pictures with far more pixels than any photo of their file size, recognised by their header."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from threedsl.data.headers import JPEG, check_header, read_jpeg
from threedsl.data.images import FORMATS, MAX_BYTES, MAX_PIXELS, MAX_WEBP_PIXELS
from threedsl.errors import InputError
from threedsl.reading import read_file

# A one-colour PNG has up to 8,300 pixels per byte, at one bit each; photos have 2 to 30. A WebP may have a million.
MOST_PIXELS_A_BYTE = 10_000
FREE_PIXELS = 1_000_000  # a picture of this size is harmless, however small its file


def check_packed(content: Path | bytes, name: str) -> None:
    """Raises InputError if a picture's file is too small for its pixels; damaged ones and those above the decoder's
    limits are left to the decoder."""
    try:
        data = content if isinstance(content, bytes) else read_file(content, MAX_BYTES, name)
        pixels, kind = _pixels(data, name)
    except Exception:  # each decoder has its own exceptions; `load_image` reports them
        return
    most = MAX_WEBP_PIXELS if kind == "WEBP" else MAX_PIXELS
    if FREE_PIXELS < pixels <= most and pixels > MOST_PIXELS_A_BYTE * len(data):
        raise InputError(
            f"{name} claims {pixels / 1e6:.0f} megapixels in {len(data):,} bytes, which no photo has; leave it out."
        )


def check_pixels_of(content: bytes, name: str, most: int) -> None:
    """Raises InputError if a picture's header says that it has more than `most` pixels; the decoder reports damage."""
    try:
        pixels, _ = _pixels(content, name)
    except Exception:
        return
    if pixels > most:
        raise InputError(f"{name} has {pixels:,} pixels, more than {most:,}; leave it out.")


def _pixels(data: bytes, name: str) -> tuple[int, str]:
    """How many a picture has by its header, and Pillow's name of its format, which is one that `load_image` decodes.

    The header is checked before Pillow reads it, as there: for other formats its readers take minutes, and for a TIFF
    of 64 MB gigabytes.
    """
    if data.startswith(JPEG):
        found = read_jpeg(data, name)
        return found.width * found.height, "JPEG"
    check_header(data, name)
    with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        return picture.width * picture.height, picture.format or ""
