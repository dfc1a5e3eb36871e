"""The state of a process that generates people: settings, base mesh, wardrobe, cameras, shape space."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from train.synthesize.base_mesh import BodyShape, load_base_mesh
from train.synthesize.clothing.wardrobe import Wardrobe
from train.synthesize.places.backgrounds import photos_in
from train.synthesize.places.cameras import sample_camera

SIZE = (256, 128)
"""Height and width of the pictures in pixels."""

PERSON, CAMERA, OUTFIT = 0, 1, 2
"""Purposes of independent streams of random numbers."""


@dataclass(frozen=True)
class Settings:
    """Everything that determines the pictures, apart from the number of people: equal settings give equal files."""

    seed: int
    outfits: tuple[int, int]
    pictures: int
    cameras: int
    samples: int
    wardrobe: str | None
    backgrounds: str | None
    body: str
    uniforms: int = 0  # outfits per sex that everyone in a team wears; 0: everyone has outfits of their own
    team: int = 0  # people per team; 0: a single team
    poses: str = "broad"  # or "walking": only walking and standing
    background_share: float = 0.5  # of the pictures, with a photo as background, where there are any
    changing: float = 0.5  # share of people whose hair, hat, glasses, beard and bag change with the outfit


class Studio:
    """A worker's state between people: the base mesh, the wardrobe, the cameras and the body file's shape space."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.base = load_base_mesh()
        self.wardrobe = Wardrobe(self.base, Path(settings.wardrobe) if settings.wardrobe else None)
        self.cameras = [
            sample_camera(stream(settings.seed, CAMERA, index)) for index in range(settings.cameras)
        ]
        self.photos = photos_in(Path(settings.backgrounds)) if settings.backgrounds else []
        with np.load(settings.body) as file:
            self.base_index = file["base_index"]
            self.template = file["v_template"].astype(np.float64)
            directions = file["shapedirs"].astype(np.float64)
        self.inverse = np.linalg.pinv(directions.reshape(-1, directions.shape[-1]))

    def betas(self, body: BodyShape) -> np.ndarray:
        """(10,) float32: the T-posed body in the body file's shape space, pelvis at the origin."""
        shape = body.tposed[self.base_index] - body.joints[0] - self.template
        return (self.inverse @ shape.reshape(-1)).astype(np.float32)


def stream(seed: int, kind: int, index: int) -> np.random.Generator:
    """Random numbers of one person, camera or outfit, independent of all others."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(kind, index)))
