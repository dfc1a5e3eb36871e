"""Procedural textures of grounds and walls: asphalt to grass, plaster to shop windows."""

from __future__ import annotations

import cv2
import numpy as np

SIZE = 512
"""Pixels of a texture's side."""


def ground_texture(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """(512,512,3) RGB and the metres it spans: asphalt, slabs, bricks, grass, carpet, planks or polished floor."""
    kind = rng.choice(
        ["asphalt", "slabs", "bricks", "grass", "carpet", "planks", "polished"],
        p=[0.3, 0.22, 0.13, 0.08, 0.07, 0.06, 0.14],
    )
    noise = _octaves(rng)[..., None]
    base = muted(rng, 60, 190)
    if kind == "asphalt":
        image = muted(rng, 60, 150, 0.03) + 7 * noise + rng.normal(0, 7, (SIZE, SIZE, 1))
        if rng.random() < 0.35:
            at, width = rng.integers(0, SIZE), rng.integers(12, 40)
            image = image + np.zeros(3)
            image[:, at : at + width] = rng.choice([215.0, 190.0]) + 9 * noise[:, at : at + width]
        return image + np.zeros(3), 4.0
    if kind in ("slabs", "bricks"):
        rows = int(rng.integers(4, 9)) if kind == "slabs" else int(rng.integers(14, 26))
        columns = rows if kind == "slabs" else rows // 2
        tone, joint = _grid(rng, rows, columns, 0.03, kind == "bricks" or rng.random() < 0.3, 0.07)
        image = base * (1 + tone)[..., None] + 5 * noise
        return np.where(joint[..., None], image * rng.uniform(0.6, 0.9), image), 3.0
    if kind == "grass":
        fine = _octaves(rng, (64, 128, 256), 1.0)[..., None]
        return np.array([88, 108, 58]) * rng.uniform(0.6, 1.2) + 14 * noise + 16 * fine, 3.0
    if kind == "carpet":
        fine = rng.normal(0, 9, (SIZE, SIZE, 1))
        return muted(rng, 40, 160, 0.25) + 4 * noise + fine, 2.0
    if kind == "planks":
        tone, joint = _grid(rng, int(rng.integers(12, 20)), 2, 0.012, True, 0.1)
        image = np.array([150, 112, 76]) * rng.uniform(0.5, 1.2) * (1 + tone)[..., None] + 5 * noise
        return np.where(joint[..., None], image * 0.6, image), 2.5
    return muted(rng, 130, 225, 0.05) + 6 * noise, 5.0


def wall_texture(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """(512,512,3) RGB, row 0 at the top, and metres spanned: plaster, brick, façade, shop, shelves, panels, hedge."""
    kind = rng.choice(
        ["plaster", "brick", "facade", "shop", "shelves", "panels", "hedge", "far"],
        p=[0.15, 0.12, 0.18, 0.14, 0.1, 0.12, 0.09, 0.1],
    )
    noise = _octaves(rng)[..., None]
    image = muted(rng, 70, 225, 0.1) + 5 * noise
    metres = 4.0
    if kind == "brick":
        tone, joint = _grid(rng, 44, 16, 0.05, True, 0.12)
        brick = np.array([150, 84, 62]) * rng.uniform(0.6, 1.3) * rng.normal(1, 0.08, 3)
        image = np.where(joint[..., None], muted(rng, 120, 190), brick * (1 + tone)[..., None]) + 5 * noise
    elif kind == "facade":
        image, metres = _windows(rng, image), rng.uniform(5, 10)
    elif kind == "shop":
        image = _windows(rng, image)
        image = _clutter(rng, image, int(rng.integers(8, 24)), 0.7)
        image[: rng.integers(40, 120)] = muted(rng, 20, 220, 0.3)
        metres = rng.uniform(3.5, 6)
    elif kind == "shelves":
        levels = int(rng.integers(4, 8))
        for level in range(levels):
            y0, y1 = level * SIZE // levels, (level + 1) * SIZE // levels
            x = 0
            while x < SIZE:
                w = int(rng.integers(8, 46))
                image[y0 + int(rng.integers(4, 22)) : y1 - 6, x : x + w] = muted(rng, 25, 225, 0.25)
                x += w + int(rng.integers(0, 5))
            image[y1 - 6 : y1] = muted(rng, 40, 220)
        metres = 2.8
    elif kind == "panels":
        tone, joint = _grid(rng, int(rng.integers(1, 5)), int(rng.integers(3, 9)), 0.02, False, 0.06)
        image = np.where(joint[..., None], image * 0.6, image * (1 + tone)[..., None])
    elif kind == "hedge":
        fine = _octaves(rng, (24, 48, 96, 192), 0.95)[..., None]
        image = np.array([62, 82, 46]) * rng.uniform(0.6, 1.5) + 10 * noise + 20 * fine
    elif kind == "far":
        image = _clutter(rng, muted(rng, 110, 210) + 20 * noise, int(rng.integers(14, 40)), 0.5)
        image = cv2.GaussianBlur(image, (0, 0), 5)
        metres = rng.uniform(8, 14)
    if rng.random() < 0.45:
        image = _clutter(rng, image, int(rng.integers(1, 9)), 0.25)
    return image, metres


def _windows(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    rows, columns = int(rng.integers(1, 4)), int(rng.integers(2, 6))
    h, w = SIZE // rows, SIZE // columns
    glass = muted(rng, 25, 150, 0.12)
    frame = muted(rng, 40, 230)
    for r in range(rows):
        for c in range(columns):
            y0, x0 = r * h + int(0.2 * h), c * w + int(0.18 * w)
            y1, x1 = (r + 1) * h - int(0.2 * h), (c + 1) * w - int(0.18 * w)
            image[y0 - 4 : y1 + 4, x0 - 4 : x1 + 4] = frame
            shine = np.linspace(rng.uniform(0.6, 1), rng.uniform(1, 1.6), x1 - x0)[None, :, None]
            image[y0:y1, x0:x1] = glass * shine * rng.uniform(0.7, 1.3)
    return image


def _clutter(rng: np.random.Generator, image: np.ndarray, count: int, low: float) -> np.ndarray:
    """Blurred boxes, posts and blobs: clutter (parked cars, signs, shelves, other people)."""
    for _ in range(count):
        w, h = int(rng.integers(10, 110)), int(rng.integers(30, 260))
        x, base = int(rng.integers(0, SIZE)), int(SIZE * (1 - low * rng.random()))
        colour = muted(rng, 15, 225, 0.16)
        patch = image[max(0, base - h) : base, x : x + w]
        patch[:] = colour * (1 + 0.15 * rng.normal(size=(patch.shape[0], 1, 1)).cumsum(0) / 12)
        if rng.random() < 0.35:
            cv2.circle(
                image,
                (x + w // 2, base - h),
                max(6, w // 4),
                tuple(map(float, colour * rng.uniform(0.4, 1.6))),
                -1,
            )
    return image


def _octaves(rng: np.random.Generator, scales=(4, 8, 16, 32, 64, 128), fall: float = 0.7) -> np.ndarray:
    """(512,512) wrapped noise of zero mean and unit spread."""
    field = np.zeros((SIZE, SIZE), np.float32)
    weight = 1.0
    for scale in scales:
        coarse = np.pad(rng.normal(size=(scale, scale)).astype(np.float32), ((0, 1), (0, 1)), mode="wrap")
        field += weight * cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
        weight *= fall
    return (field - field.mean()) / (field.std() + 1e-6)


def _grid(
    rng, rows: int, columns: int, joint: float, stagger: bool, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """(512,512) brightness of each tile and a mask of the joints."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    row = (y * rows).astype(int)
    shifted = x * columns + (0.5 * (row % 2) if stagger else 0)
    column = shifted.astype(int) % columns
    tone = rng.normal(0, spread, (rows, columns))[row, column]
    edge = np.minimum((y * rows) % 1, 1 - (y * rows) % 1) / rows * columns
    side = np.minimum(shifted % 1, 1 - shifted % 1)
    return tone, np.minimum(edge, side) < joint


def muted(rng: np.random.Generator, low: float = 50, high: float = 210, chroma: float = 0.08) -> np.ndarray:
    return np.clip(rng.uniform(low, high) * (1 + rng.normal(0, chroma) * np.array([1.0, 0.1, -1.0])), 5, 250)
