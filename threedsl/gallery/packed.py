"""Decompression bombs: pictures with far more pixels than any photo of their file size, recognised by their header."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from threedsl.data.images import FORMATS, MAX_PIXELS, MAX_WEBP_PIXELS
from threedsl.errors import InputError

# A one-colour PNG has up to 8,300 pixels per byte, at one bit each; photos have 2 to 30. A WebP may have a million.
MOST_PIXELS_A_BYTE = 10_000
FREE_PIXELS = 1_000_000  # a picture of this size is harmless, however small its file


def check_packed(content: Path | bytes, name: str) -> None:
    """Raises InputError if a picture's file is too small for its pixels; damaged ones and those above the decoder's
    limits are left to the decoder."""
    try:
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        with _opened(content) as picture:
            pixels = picture.width * picture.height
            most = MAX_WEBP_PIXELS if picture.format == "WEBP" else MAX_PIXELS
    except Exception:  # each decoder has its own exceptions; `load_image` reports them
        return
    if FREE_PIXELS < pixels <= most and pixels > MOST_PIXELS_A_BYTE * size:
        raise InputError(
            f"{name} claims {pixels / 1e6:.0f} megapixels in {size:,} bytes, which no photo has; leave it out."
        )


def check_pixels_of(content: bytes, name: str, most: int) -> None:
    """Raises InputError if a picture's header says that it has more than `most` pixels; the decoder reports damage."""
    try:
        with _opened(content) as picture:
            width, height = picture.size
    except Exception:
        return
    if width * height > most:
        raise InputError(f"{name} has {width} x {height} pixels, more than {most:,}; leave it out.")


def _opened(content: Path | bytes) -> Image.Image:
    """A picture of a format that `load_image` decodes; of others, some readers take minutes for a header."""
    return Image.open(content if isinstance(content, Path) else io.BytesIO(content), formats=FORMATS)
