"""Realistic colours and patterns: much black, navy, grey, white, denim and beige, few saturated ones."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

# RGB with the share of garments in that colour.
_UPPER = (
    ((22, 22, 24), 20), ((48, 49, 53), 9), ((105, 106, 108), 8), ((165, 166, 168), 5), ((232, 231, 226), 14),
    ((24, 32, 58), 11), ((52, 78, 122), 6), ((120, 156, 196), 5), ((196, 180, 150), 5), ((98, 70, 48), 4),
    ((66, 74, 48), 4), ((38, 76, 58), 2), ((120, 28, 34), 4), ((178, 40, 42), 3), ((206, 140, 150), 3),
    ((206, 166, 62), 2), ((84, 58, 100), 2), ((190, 98, 52), 1), ((60, 130, 130), 1),
)  # fmt: skip
_LOWER = (
    ((22, 22, 24), 26), ((48, 49, 53), 9), ((105, 106, 108), 7), ((24, 32, 58), 10), ((42, 56, 86), 14),
    ((76, 100, 136), 10), ((138, 160, 188), 4), ((180, 164, 132), 8), ((98, 76, 54), 4), ((74, 76, 56), 3),
    ((225, 222, 214), 3), ((110, 34, 40), 1),
)  # fmt: skip
_SHOES = (
    ((20, 19, 19), 40), ((225, 224, 220), 18), ((70, 48, 34), 12), ((110, 110, 112), 8), ((32, 40, 66), 7),
    ((150, 116, 82), 6), ((140, 40, 42), 3),
)  # fmt: skip
_HAIR = (
    ((26, 22, 20), 32), ((48, 35, 27), 26), ((80, 56, 38), 16), ((122, 88, 56), 9), ((176, 142, 94), 8),
    ((130, 66, 36), 3), ((132, 130, 128), 6),
)  # fmt: skip


@dataclass(frozen=True)
class Paint:
    """How a piece is coloured.

    kind: original (the texture as it is), plain, stripes, checks, print, blocks or melange; colours (k,3) RGB in
    0…255; scale: metres of one repeat; turn: radians; phase; contrast of the texture's own folds in 0…1;
    picture (s,s,3) of a print, or of a logo at `logo` = (x, z, size) in canonical metres on the chest.
    """

    kind: str
    colours: np.ndarray
    scale: float = 0.1
    turn: float = 0.0
    phase: float = 0.0
    contrast: float = 0.8
    picture: np.ndarray | None = None
    logo: tuple[float, float, float] | None = None


def _draw(rng: np.random.Generator, table) -> np.ndarray:
    shares = np.array([share for _, share in table], float)
    colour = np.array(table[rng.choice(len(table), p=shares / shares.sum())][0], float)
    return np.clip(colour * rng.uniform(0.8, 1.2) * rng.normal(1, 0.05, 3) + rng.normal(0, 4, 3), 8, 245)


def shoe_paint(rng: np.random.Generator) -> Paint:
    if rng.random() < 0.35:
        return Paint("original", np.zeros((1, 3)))
    return Paint("plain", _draw(rng, _SHOES)[None], contrast=0.6)


def hair_colour(rng: np.random.Generator, age: float, dark: bool) -> np.ndarray:
    """(3,) RGB; dark for dark skins, grey more often with age (Anny's scale: 2/3 is young, 1 is old)."""
    if rng.random() < np.clip((age - 0.76) * 6, 0, 0.75):
        return np.full(3, rng.uniform(110, 190)) * [1, 0.98, 0.95]
    return _draw(rng, _HAIR[:2] if dark else _HAIR)


def noise_picture(rng: np.random.Generator, colours: np.ndarray, size: int = 96) -> np.ndarray:
    """(size,size,3) photo-like picture: octaves of wrapped noise through a palette (k,3)."""
    field = np.zeros((size, size))
    for octave, weight in ((4, 1.0), (9, 0.6), (20, 0.35), (48, 0.2)):
        coarse = np.pad(rng.normal(size=(octave, octave)), ((0, 1), (0, 1)), mode="wrap")
        field += weight * cv2.resize(coarse, (size, size), interpolation=cv2.INTER_LINEAR)
    field = (field - field.min()) / (np.ptp(field) + 1e-9) * (len(colours) - 1)
    low = np.clip(field.astype(int), 0, len(colours) - 1)
    high = np.minimum(low + 1, len(colours) - 1)
    blend = np.clip((field - low - 0.5) * rng.uniform(2, 8) + 0.5, 0, 1)[..., None]
    return colours[low] * (1 - blend) + colours[high] * blend


def sample_paint(rng: np.random.Generator, slot: str) -> Paint:
    """A garment's colours and pattern."""
    lower = slot == "lower"
    table = _LOWER if lower else _UPPER
    base, second, third = (_draw(rng, table) for _ in range(3))
    if lower:
        kinds, shares = ("plain", "melange", "checks", "stripes", "print"), (0.8, 0.1, 0.04, 0.02, 0.04)
    else:
        kinds = ("plain", "melange", "stripes", "checks", "print", "blocks")
        shares = (0.52, 0.1, 0.14, 0.08, 0.09, 0.07)
    kind = rng.choice(kinds, p=shares)
    if slot == "full" and kind in ("print", "blocks") and rng.random() < 0.7:
        kind = "plain"
    scale = float(np.exp(rng.uniform(np.log(0.02), np.log(0.12))))
    turn = float(rng.choice([0.0, np.pi / 2], p=[0.75, 0.25])) if kind == "stripes" else 0.0
    picture, logo = None, None
    colours = np.stack([base, second, third])
    if kind == "print":
        picture = noise_picture(
            rng,
            colours
            if rng.random() < 0.8
            else rng.uniform(20, 220, (5, 1)) * rng.normal(1, 0.2, (5, 3)).clip(0.4, 1.5),
        )
        scale = rng.uniform(0.15, 0.6)
    elif slot in ("upper", "full") and kind in ("plain", "melange") and rng.random() < 0.25:
        picture = noise_picture(rng, np.concatenate([colours[1:], rng.uniform(20, 240, (2, 3))]), 32)
        logo = (0.0, rng.uniform(1.12, 1.22), rng.uniform(0.1, 0.24))
        if rng.random() < 0.3:
            logo = (0.08, 1.23, 0.07)
    return Paint(kind, colours, scale, turn, rng.uniform(0, 1), rng.uniform(0.55, 0.95), picture, logo)


def apply_paint(paint: Paint, coords: np.ndarray, texels: np.ndarray, luminance: float) -> np.ndarray:
    """(n,3) RGB of surface points.

    Args:
        coords: (n,4) canonical coordinates (metres; the last one is 1 on arms).
        texels: (n,3) the piece's own texture, 0…255; its light and dark is kept as folds.
        luminance: the texture's mean grey.
    """
    if paint.kind == "original":
        return texels
    x, y, z, arm = coords.T
    first, second, third = paint.colours[0], paint.colours[min(1, len(paint.colours) - 1)], paint.colours[-1]
    along = (z * np.cos(paint.turn) + (x + 0.6 * y) * np.sin(paint.turn)) / paint.scale + paint.phase
    if paint.kind == "stripes":
        colour = np.where((along % 1 < 0.5)[:, None], first, second)
    elif paint.kind == "checks":
        across = (x + 0.6 * y) / paint.scale + paint.phase
        level = (along % 1 < 0.4).astype(float) + (across % 1 < 0.4)
        colour = first + (second - first) * (level / 2)[:, None]
        colour = np.where((along % 1 < 0.06)[:, None], third, colour)
    elif paint.kind == "print":
        size = len(paint.picture)
        column = ((x + 0.6 * y) / paint.scale + paint.phase) % 1 * size
        row = (z / paint.scale) % 1 * size
        colour = paint.picture[row.astype(int) % size, column.astype(int) % size]
    elif paint.kind == "blocks":
        colour = np.where((z > 1.02 + 0.2 * paint.phase)[:, None], first, second)
        colour = np.where((arm > 0.5)[:, None], third if paint.phase > 0.5 else first, colour)
    else:
        colour = np.broadcast_to(first, (len(coords), 3))
        if paint.kind == "melange":
            grain = np.sin(x * 900 + 7 * np.sin(z * 310)) * np.sin(z * 800 + 5 * np.sin(x * 270))
            colour = colour * (1 + 0.09 * grain)[:, None]
    if paint.logo is not None:
        centre, height, size = paint.logo
        column, row = (x - centre) / size + 0.5, (height - z) / size + 0.5
        inside = (column > 0) & (column < 1) & (row > 0) & (row < 1) & (y < 0) & (arm < 0.5)
        if inside.any():
            steps = len(paint.picture)
            texel = paint.picture[(row[inside] * steps).astype(int), (column[inside] * steps).astype(int)]
            colour = np.array(colour, float)
            colour[inside] = texel
    grey = texels.mean(1) / luminance
    # Keeps the folds of dark garments visible without blackening those of light ones.
    return colour * np.clip(1 + paint.contrast * (grey - 1), 0.35, 1.5)[:, None]
