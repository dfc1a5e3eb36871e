"""The background of a picture: a drawn place in the right perspective, or part of a photo."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from threedsl.data.images import load_image
from threedsl.data.picture_files import is_picture
from threedsl.errors import InputError
from train.synthesize.places.cameras import Place
from train.synthesize.places.textures import SIZE
from train.synthesize.poses import rotation
from train.synthesize.render import pixel_directions


def background(
    place: Place,
    view: np.ndarray,
    origin: np.ndarray,
    floor: float,
    size: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """RGB float (H,W,3) of a place, and the ground points (H,W,3) in camera axes (NaN where no ground is seen).

    view: (3,3) world to camera; origin: (3,) the camera in camera axes; floor: world height of the ground.
    """
    directions = pixel_directions(*size) @ view
    eye = view.T @ origin
    down = np.where(directions[..., 1] < -1e-4, directions[..., 1], -1e-4)
    reach = (floor - eye[1]) / down
    normal = rotation("y", place.turn) @ np.array([0, 0, 1.0])
    toward = directions @ normal
    gap = (eye @ normal) + place.distance
    to_wall = np.where(toward < -1e-3, gap / np.maximum(-toward, 1e-3), 1e6)
    ground_seen = (reach > 0) & (reach < to_wall) & (directions[..., 1] < -1e-4)
    shift = rng.uniform(0, 50, 4)
    points = eye + directions * np.where(ground_seen, reach, 0)[..., None]
    step = np.median(reach[ground_seen]) / (size[0] * 2.2) if ground_seen.any() else 0.01
    turn = rotation("y", shift[3])
    flat = points @ turn.T
    ground = _lookup(
        place.ground, (flat[..., 0] + shift[0]) / place.ground_metres, (flat[..., 2] + shift[1]) / place.ground_metres,
        step * SIZE / place.ground_metres,
    )  # fmt: skip
    at = eye + directions * np.minimum(to_wall, 1e3)[..., None]
    side = np.cross(np.array([0, 1.0, 0]), normal)
    height = at[..., 1] - floor
    wall_step = float(np.median(to_wall)) / (size[0] * 2.2)
    wall = _lookup(
        place.wall, (at @ side + shift[2]) / place.wall_metres, 1 - height / place.wall_metres % 1,
        wall_step * SIZE / place.wall_metres,
    )  # fmt: skip
    sky = place.sky * np.ones((*size, 1))
    wall = np.where((height < place.wall_height)[..., None] & (to_wall < 1e5)[..., None], wall, sky)
    # Ambient occlusion where ground and wall meet.
    wall = wall * (0.75 + 0.25 * np.clip(height / 0.5, 0, 1))[..., None]
    image = np.where(ground_seen[..., None], ground, wall)
    image = image * np.clip(rng.normal(1, 0.1), 0.6, 1.4)
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), rng.uniform(0.4, 1.6))
    seen = np.where(ground_seen[..., None], points, np.nan) @ view.T
    return image.astype(np.float32), seen


def _lookup(texture: np.ndarray, u: np.ndarray, v: np.ndarray, texels_per_pixel: float) -> np.ndarray:
    """Texture at u, v (in textures, wrapped), blurred to the size of a pixel against aliasing."""
    level = 0
    while texels_per_pixel > 1.5 and min(texture.shape[:2]) > 16:
        texture = cv2.resize(texture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        texels_per_pixel /= 2
        level += 1
    h, w = texture.shape[:2]
    x, y = (u % 1 * w).astype(np.float32), (v % 1 * h).astype(np.float32)
    return cv2.remap(texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def photos_in(folder: Path) -> list[Path]:
    """The pictures below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and is_picture(path))


LONGEST_SIDE = 1000
"""Photos are scaled down to this many pixels a side, so that many can be kept in memory."""


def photo_background(files: list[Path], size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """RGB float (H,W,3): a random part of a random photo, more often its lower part, where people stand; or its mirror
    image. Some are out of focus."""
    image = _photo(files[rng.integers(len(files))])
    h, w = image.shape[:2]
    tall = min(h, 2 * w) * rng.uniform(0.4, 1.0)
    y, x = (h - tall) * rng.beta(3, 1), rng.uniform(0, w - tall / 2)
    part = image[int(y) : int(y + tall), int(x) : int(x + tall / 2)]
    part = cv2.resize(part, size[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    if rng.random() < 0.5:
        part = part[:, ::-1]
    if rng.random() < 0.3:
        part = cv2.GaussianBlur(part, (0, 0), rng.uniform(0.6, 3.0))
    return np.ascontiguousarray(part) * np.clip(rng.normal(1, 0.1), 0.7, 1.3)


@lru_cache(maxsize=256)
def _photo(path: Path) -> np.ndarray:
    """(h,w,3) RGB uint8, at most `LONGEST_SIDE` a side."""
    try:
        image = load_image(path)
    except InputError:
        raise InputError(
            f"{path} cannot be read as a picture; remove it from the backgrounds folder."
        ) from None
    h, w = image.shape[:2]
    if h < 64 or w < 32:
        raise InputError(f"{path} is only {w} x {h} pixels; remove it from the backgrounds folder.")
    zoom = LONGEST_SIDE / max(h, w)
    return image if zoom >= 1 else cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
