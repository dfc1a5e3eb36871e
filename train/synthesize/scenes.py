"""Cameras and the places they look at: street-like grounds and walls in the picture's own perspective.

A camera keeps its tilt, its colours, its light and a few grounds and walls, whoever walks through. World axes
follow the camera's heading: x right, y up, z towards the viewer, the ground at a given height.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from train.synthesize.poses import rotation
from train.synthesize.render import Light, pixel_directions

_TEXELS = 128
_SIZE = 512


@dataclass(frozen=True)
class Place:
    """One spot before a camera: textures (512,512,3) float RGB spanning `metres` each, wall distance and turn."""

    ground: np.ndarray
    ground_metres: float
    wall: np.ndarray
    wall_metres: float
    distance: float
    turn: float
    wall_height: float
    sky: np.ndarray


@dataclass(frozen=True)
class Camera:
    """What stays the same in one camera's pictures.

    tilt (radians, downwards), heading: preferred direction people face and its spread (radians), gains (3,) white
    balance, exposure, gamma, blur (pixels), noise (grey levels), quality (JPEG range), shrink (share of full
    resolution), light direction (3,) in world axes, direct and ambient strength, softness, places.
    """

    tilt: float
    heading: float
    heading_spread: float
    gains: np.ndarray
    exposure: float
    gamma: float
    contrast: float
    saturation: float
    blur: float
    noise: float
    quality: tuple[int, int]
    shrink: tuple[float, float]
    light: np.ndarray
    direct: float
    ambient: float
    softness: float
    tint: np.ndarray
    sky: np.ndarray
    places: tuple[Place, ...]


def _octaves(rng: np.random.Generator, scales=(4, 8, 16, 32, 64, 128), fall: float = 0.7) -> np.ndarray:
    """(512,512) wrapped noise of zero mean and unit spread."""
    field = np.zeros((_SIZE, _SIZE), np.float32)
    weight = 1.0
    for scale in scales:
        coarse = np.pad(rng.normal(size=(scale, scale)).astype(np.float32), ((0, 1), (0, 1)), mode="wrap")
        field += weight * cv2.resize(coarse, (_SIZE, _SIZE), interpolation=cv2.INTER_LINEAR)
        weight *= fall
    return (field - field.mean()) / (field.std() + 1e-6)


def _muted(rng: np.random.Generator, low: float = 50, high: float = 210, chroma: float = 0.08) -> np.ndarray:
    return np.clip(rng.uniform(low, high) * (1 + rng.normal(0, chroma) * np.array([1.0, 0.1, -1.0])), 5, 250)


def _grid(
    rng, rows: int, columns: int, joint: float, stagger: bool, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """(512,512) brightness of each tile and a mask of the joints."""
    y, x = np.mgrid[0:_SIZE, 0:_SIZE] / _SIZE
    row = (y * rows).astype(int)
    shifted = x * columns + (0.5 * (row % 2) if stagger else 0)
    column = shifted.astype(int) % columns
    tone = rng.normal(0, spread, (rows, columns))[row, column]
    edge = np.minimum((y * rows) % 1, 1 - (y * rows) % 1) / rows * columns
    side = np.minimum(shifted % 1, 1 - shifted % 1)
    return tone, np.minimum(edge, side) < joint


def ground_texture(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """(512,512,3) RGB and the metres it spans: asphalt, slabs, bricks, grass, carpet, planks or polished floor."""
    kind = rng.choice(
        ["asphalt", "slabs", "bricks", "grass", "carpet", "planks", "polished"],
        p=[0.3, 0.22, 0.13, 0.08, 0.07, 0.06, 0.14],
    )
    noise = _octaves(rng)[..., None]
    base = _muted(rng, 60, 190)
    if kind == "asphalt":
        image = _muted(rng, 60, 150, 0.03) + 7 * noise + rng.normal(0, 7, (_SIZE, _SIZE, 1))
        if rng.random() < 0.35:
            at, width = rng.integers(0, _SIZE), rng.integers(12, 40)
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
        fine = rng.normal(0, 9, (_SIZE, _SIZE, 1))
        return _muted(rng, 40, 160, 0.25) + 4 * noise + fine, 2.0
    if kind == "planks":
        tone, joint = _grid(rng, int(rng.integers(12, 20)), 2, 0.012, True, 0.1)
        image = np.array([150, 112, 76]) * rng.uniform(0.5, 1.2) * (1 + tone)[..., None] + 5 * noise
        return np.where(joint[..., None], image * 0.6, image), 2.5
    return _muted(rng, 130, 225, 0.05) + 6 * noise, 5.0


def _windows(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    rows, columns = int(rng.integers(1, 4)), int(rng.integers(2, 6))
    h, w = _SIZE // rows, _SIZE // columns
    glass = _muted(rng, 25, 150, 0.12)
    frame = _muted(rng, 40, 230)
    for r in range(rows):
        for c in range(columns):
            y0, x0 = r * h + int(0.2 * h), c * w + int(0.18 * w)
            y1, x1 = (r + 1) * h - int(0.2 * h), (c + 1) * w - int(0.18 * w)
            image[y0 - 4 : y1 + 4, x0 - 4 : x1 + 4] = frame
            shine = np.linspace(rng.uniform(0.6, 1), rng.uniform(1, 1.6), x1 - x0)[None, :, None]
            image[y0:y1, x0:x1] = glass * shine * rng.uniform(0.7, 1.3)
    return image


def _clutter(rng: np.random.Generator, image: np.ndarray, count: int, low: float) -> np.ndarray:
    """Blurred boxes, posts and blobs: things that stand about (parked cars, signs, shelves, other people)."""
    for _ in range(count):
        w, h = int(rng.integers(10, 110)), int(rng.integers(30, 260))
        x, base = int(rng.integers(0, _SIZE)), int(_SIZE * (1 - low * rng.random()))
        colour = _muted(rng, 15, 225, 0.16)
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


def wall_texture(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """(512,512,3) RGB, row 0 at the top, and metres spanned: plaster, brick, façade, shop, shelves, panels, hedge."""
    kind = rng.choice(
        ["plaster", "brick", "facade", "shop", "shelves", "panels", "hedge", "far"],
        p=[0.15, 0.12, 0.18, 0.14, 0.1, 0.12, 0.09, 0.1],
    )
    noise = _octaves(rng)[..., None]
    image = _muted(rng, 70, 225, 0.1) + 5 * noise
    metres = 4.0
    if kind == "brick":
        tone, joint = _grid(rng, 44, 16, 0.05, True, 0.12)
        brick = np.array([150, 84, 62]) * rng.uniform(0.6, 1.3) * rng.normal(1, 0.08, 3)
        image = np.where(joint[..., None], _muted(rng, 120, 190), brick * (1 + tone)[..., None]) + 5 * noise
    elif kind == "facade":
        image, metres = _windows(rng, image), rng.uniform(5, 10)
    elif kind == "shop":
        image = _windows(rng, image)
        image = _clutter(rng, image, int(rng.integers(8, 24)), 0.7)
        image[: rng.integers(40, 120)] = _muted(rng, 20, 220, 0.3)
        metres = rng.uniform(3.5, 6)
    elif kind == "shelves":
        levels = int(rng.integers(4, 8))
        for level in range(levels):
            y0, y1 = level * _SIZE // levels, (level + 1) * _SIZE // levels
            x = 0
            while x < _SIZE:
                w = int(rng.integers(8, 46))
                image[y0 + int(rng.integers(4, 22)) : y1 - 6, x : x + w] = _muted(rng, 25, 225, 0.25)
                x += w + int(rng.integers(0, 5))
            image[y1 - 6 : y1] = _muted(rng, 40, 220)
        metres = 2.8
    elif kind == "panels":
        tone, joint = _grid(rng, int(rng.integers(1, 5)), int(rng.integers(3, 9)), 0.02, False, 0.06)
        image = np.where(joint[..., None], image * 0.6, image * (1 + tone)[..., None])
    elif kind == "hedge":
        fine = _octaves(rng, (24, 48, 96, 192), 0.95)[..., None]
        image = np.array([62, 82, 46]) * rng.uniform(0.6, 1.5) + 10 * noise + 20 * fine
    elif kind == "far":
        image = _clutter(rng, _muted(rng, 110, 210) + 20 * noise, int(rng.integers(14, 40)), 0.5)
        image = cv2.GaussianBlur(image, (0, 0), 5)
        metres = rng.uniform(8, 14)
    if rng.random() < 0.45:
        image = _clutter(rng, image, int(rng.integers(1, 9)), 0.25)
    return image, metres


def _sample_place(rng: np.random.Generator) -> Place:
    ground, ground_metres = ground_texture(rng)
    wall, wall_metres = wall_texture(rng)
    return Place(
        np.clip(ground, 0, 255).astype(np.float32), ground_metres, np.clip(wall, 0, 255).astype(np.float32),
        wall_metres, float(np.exp(rng.uniform(np.log(1.2), np.log(14)))), rng.normal(0, 0.45),
        rng.uniform(2.4, 9), _muted(rng, 150, 245, 0.12),
    )  # fmt: skip


def sample_camera(rng: np.random.Generator, places: int = 5) -> Camera:
    """One surveillance-like camera."""
    direction = rng.normal(size=3)
    direction[1] = abs(direction[1]) + 0.6
    warmth = rng.normal(0, 0.05)
    outdoor = rng.random()
    return Camera(
        tilt=rng.uniform(0.0, 0.42),
        heading=rng.uniform(0, 2 * np.pi),
        heading_spread=rng.uniform(0.5, 1.6),
        gains=np.array([1 + warmth, 1 + rng.normal(0, 0.02), 1 - warmth]),
        exposure=rng.uniform(0.9, 1.3),
        gamma=rng.uniform(0.7, 1.12),
        contrast=rng.uniform(0.78, 1.1),
        saturation=rng.uniform(0.6, 1.15),
        blur=float(rng.choice([0.0, 0.4, 0.8])),
        noise=rng.uniform(0.5, 6),
        quality=(int(rng.integers(35, 70)), 95),
        shrink=(rng.uniform(0.35, 0.7), 1.0),
        light=direction / np.linalg.norm(direction),
        direct=0.25 + 0.5 * outdoor * rng.random(),
        ambient=rng.uniform(0.68, 0.92),
        softness=rng.uniform(0.03, 0.25),
        tint=np.array([1.0, rng.uniform(0.9, 1), rng.uniform(0.78, 1)]),
        sky=np.array([rng.uniform(0.9, 1), rng.uniform(0.95, 1), 1.0]),
        places=tuple(_sample_place(rng) for _ in range(places)),
    )


def view_rotation(camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """(3,3) from world to camera axes for one picture: the camera's tilt, a little roll."""
    return rotation("z", rng.normal(0, 0.02)) @ rotation("x", max(-0.05, camera.tilt + rng.normal(0, 0.04)))


def light_of(camera: Camera, view: np.ndarray, rng: np.random.Generator) -> Light:
    """The camera's light in camera axes, a little different each time."""
    direction = camera.light + rng.normal(0, 0.15, 3)
    strength = np.clip(rng.normal(1, 0.15), 0.5, 1.4)
    return Light(
        direction=view @ (direction / np.linalg.norm(direction)), up=view @ np.array([0, 1.0, 0]),
        direct=camera.direct * strength, ambient=camera.ambient * np.clip(rng.normal(1, 0.08), 0.7, 1.25),
        tint=camera.tint, sky=camera.sky,
    )  # fmt: skip


def _lookup(texture: np.ndarray, u: np.ndarray, v: np.ndarray, texels_per_pixel: float) -> np.ndarray:
    """Texture at u, v (in textures, wrapped), blurred to the size of a pixel so that nothing glitters."""
    level = 0
    while texels_per_pixel > 1.5 and min(texture.shape[:2]) > 16:
        texture = cv2.resize(texture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        texels_per_pixel /= 2
        level += 1
    h, w = texture.shape[:2]
    x, y = (u % 1 * w).astype(np.float32), (v % 1 * h).astype(np.float32)
    return cv2.remap(texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


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
        step * _SIZE / place.ground_metres,
    )  # fmt: skip
    at = eye + directions * np.minimum(to_wall, 1e3)[..., None]
    side = np.cross(np.array([0, 1.0, 0]), normal)
    height = at[..., 1] - floor
    wall_step = float(np.median(to_wall)) / (size[0] * 2.2)
    wall = _lookup(
        place.wall, (at @ side + shift[2]) / place.wall_metres, 1 - height / place.wall_metres % 1,
        wall_step * _SIZE / place.wall_metres,
    )  # fmt: skip
    sky = place.sky * np.ones((*size, 1))
    wall = np.where((height < place.wall_height)[..., None] & (to_wall < 1e5)[..., None], wall, sky)
    # Corners between ground and wall are darker, as corners are.
    wall = wall * (0.75 + 0.25 * np.clip(height / 0.5, 0, 1))[..., None]
    image = np.where(ground_seen[..., None], ground, wall)
    image = image * np.clip(rng.normal(1, 0.1), 0.6, 1.4)
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), rng.uniform(0.4, 1.6))
    seen = np.where(ground_seen[..., None], points, np.nan) @ view.T
    return image.astype(np.float32), seen


def photo_background(files: list[Path], size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """RGB float (H,W,3): a random part of a random photo."""
    from threedsl.errors import InputError

    path = files[rng.integers(len(files))]
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError(f"{path} cannot be read as a picture; take it out of the backgrounds folder.")
    h, w = image.shape[:2]
    if h < 64 or w < 32:
        raise InputError(f"{path} is only {w} x {h} pixels; take it out of the backgrounds folder.")
    tall = min(h, 2 * w) * rng.uniform(0.35, 1.0)
    y, x = rng.uniform(0, h - tall), rng.uniform(0, w - tall / 2)
    part = image[int(y) : int(y + tall), int(x) : int(x + tall / 2)]
    return cv2.resize(part, size[::-1], interpolation=cv2.INTER_AREA)[..., ::-1].astype(np.float32)
