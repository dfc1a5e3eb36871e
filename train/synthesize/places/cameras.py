"""Cameras and the places they show.

A camera keeps its tilt, its colours, its light and a few grounds and walls, for all people. World axes
follow the camera's heading: x right, y up, z towards the viewer, the ground at a given height.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from train.synthesize.places.textures import ground_texture, muted, wall_texture
from train.synthesize.poses import rotation
from train.synthesize.render import Light


@dataclass(frozen=True)
class Place:
    """One spot in front of a camera: textures (512,512,3) float RGB spanning `metres` each, wall distance and turn."""

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


EYE_LEVEL = 0.4
"""Share of cameras held by a person at eye level; the others hang above the people, as surveillance cameras do."""


def sample_camera(rng: np.random.Generator, places: int = 5) -> Camera:
    """A surveillance-like camera, or one at eye level: it looks straight ahead at people who face anywhere, and its
    pictures are sharp and colourful."""
    camera = _surveillance(rng, places)
    if rng.random() > EYE_LEVEL:
        return camera
    return replace(
        camera, tilt=rng.normal(0.06, 0.07), heading_spread=np.pi, contrast=rng.uniform(0.92, 1.18),
        saturation=rng.uniform(0.85, 1.35), blur=float(rng.choice([0.0, 0.0, 0.4])), noise=rng.uniform(0.3, 2.5),
        quality=(int(rng.integers(60, 90)), 97), shrink=(rng.uniform(0.55, 0.95), 1.0),
    )  # fmt: skip


def _surveillance(rng: np.random.Generator, places: int) -> Camera:
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


def _sample_place(rng: np.random.Generator) -> Place:
    ground, ground_metres = ground_texture(rng)
    wall, wall_metres = wall_texture(rng)
    return Place(
        np.clip(ground, 0, 255).astype(np.float32), ground_metres, np.clip(wall, 0, 255).astype(np.float32),
        wall_metres, float(np.exp(rng.uniform(np.log(1.2), np.log(14)))), rng.normal(0, 0.45),
        rng.uniform(2.4, 9), muted(rng, 150, 245, 0.12),
    )  # fmt: skip


def view_rotation(camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """(3,3) from world to camera axes for one picture: the camera's tilt, a little roll."""
    return rotation("z", rng.normal(0, 0.02)) @ rotation("x", max(-0.12, camera.tilt + rng.normal(0, 0.04)))


def light_of(camera: Camera, view: np.ndarray, rng: np.random.Generator) -> Light:
    """The camera's light in camera axes, with a little variation."""
    direction = camera.light + rng.normal(0, 0.15, 3)
    strength = np.clip(rng.normal(1, 0.15), 0.5, 1.4)
    return Light(
        direction=view @ (direction / np.linalg.norm(direction)), up=view @ np.array([0, 1.0, 0]),
        direct=camera.direct * strength, ambient=camera.ambient * np.clip(rng.normal(1, 0.08), 0.7, 1.25),
        tint=camera.tint, sky=camera.sky,
    )  # fmt: skip
