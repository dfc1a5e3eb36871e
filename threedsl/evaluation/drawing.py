"""A white canvas for plots and picture tables: anti-aliased lines, and text in Pillow's own font."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from threedsl.files import whole_file

SHARPNESS = 2  # supersampling factor: Pillow's own lines are jagged
INK, PALE, GRID, PAPER = "#222222", "#6b6b6b", "#e3e3e3", "#ffffff"
Point = tuple[float, float]


@lru_cache(maxsize=32)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font that comes with Pillow, so that a drawing looks the same on every machine."""
    return ImageFont.load_default(size)


class Canvas:
    """A white sheet of width x height pixels; x goes right, y down."""

    def __init__(self, width: int, height: int):
        self._image = Image.new("RGB", (width * SHARPNESS, height * SHARPNESS), PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def line(self, points: Sequence[Point], colour: str, width: float, dash: float = 0) -> None:
        """Straight pieces through the points; dash is the length of dashes and of the gaps between them."""
        for piece in dashes(points, dash) if dash else [points]:
            scaled = [(x * SHARPNESS, y * SHARPNESS) for x, y in piece]
            self._draw.line(scaled, colour, max(1, round(width * SHARPNESS)), joint="curve")

    def box(
        self,
        corner: Point,
        size: Point,
        fill: str | None = None,
        outline: str | None = None,
        width: float = 1,
    ) -> None:
        """A rectangle with its outline inside."""
        x, y = corner
        edges = [x, y, x + size[0] - 1 / SHARPNESS, y + size[1] - 1 / SHARPNESS]
        scaled = [round(edge * SHARPNESS) for edge in edges]
        self._draw.rectangle(scaled, fill, outline, round(width * SHARPNESS))

    def disc(self, centre: Point, radius: float, colour: str) -> None:
        x, y, r = (value * SHARPNESS for value in (*centre, radius))
        self._draw.ellipse([x - r, y - r, x + r, y + r], colour)

    def polygon(self, points: Sequence[Point], colour: str) -> None:
        self._draw.polygon([(x * SHARPNESS, y * SHARPNESS) for x, y in points], colour)

    def text(self, place: Point, words: str, size: float, colour: str = INK, anchor: str = "la") -> None:
        """Words at a place; anchor as Pillow's: l, m, r and a, m, s, b."""
        scaled = (place[0] * SHARPNESS, place[1] * SHARPNESS)
        self._draw.text(scaled, words, colour, font(round(size * SHARPNESS)), anchor)

    def picture(self, corner: Point, size: tuple[int, int], image: np.ndarray) -> None:
        """RGB uint8 (H, W, 3) in the middle of a box of (width, height), as large as fits."""
        scale = min(size[0] / image.shape[1], size[1] / image.shape[0])
        fitted = [max(1, round(side * scale * SHARPNESS)) for side in (image.shape[1], image.shape[0])]
        drawn = Image.fromarray(image).resize(fitted, Image.Resampling.BICUBIC)
        margins = [(side * SHARPNESS - inner) // 2 for side, inner in zip(size, fitted, strict=True)]
        places = [round(at * SHARPNESS) + margin for at, margin in zip(corner, margins, strict=True)]
        self._image.paste(drawn, tuple(places))

    def save(self, path: Path) -> None:
        """Write PNG or JPEG by the file's name, whole or not at all.

        Raises:
            InputError: the file cannot be written.
        """
        size = (self._image.width // SHARPNESS, self._image.height // SHARPNESS)
        drawn = self._image.resize(size, Image.Resampling.BOX)
        kind = "PNG" if path.suffix.lower() == ".png" else "JPEG"
        with whole_file(path) as file:
            drawn.save(file, kind, **({} if kind == "PNG" else {"quality": 90}))


def text_width(words: str, size: float) -> float:
    """Pixels that a line of text takes."""
    return font(round(size * SHARPNESS)).getlength(words) / SHARPNESS


def fitted(words: str, size: float, width: float) -> list[str]:
    """Words broken into lines of at most width pixels; a longer word stays whole."""
    lines: list[str] = []
    for word in words.split():
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def dashes(points: Sequence[Point], length: float) -> list[list[Point]]:
    """The visible pieces of a dashed line through the points."""
    places = np.asarray(points, float)
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(places, axis=0).T))])
    pieces = []
    for start in np.arange(0, along[-1], 2 * length):
        stop = min(start + length, along[-1])
        inner = along[(along > start) & (along < stop)]
        cuts = np.concatenate([[start], inner, [stop]])
        pieces.append(
            [
                (float(np.interp(c, along, places[:, 0])), float(np.interp(c, along, places[:, 1])))
                for c in cuts
            ]
        )
    return pieces
