"""One synthetic person: a body, looks and outfits, and all pictures of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from train.synthesize.base_mesh import BodyShape, sample_body
from train.synthesize.capture import Capture, capture
from train.synthesize.clothing.looks import Looks, restyled, sample_looks
from train.synthesize.clothing.outfits import sample_outfit
from train.synthesize.clothing.wardrobe import Worn
from train.synthesize.dressing import dress
from train.synthesize.poses import sample_gait
from train.synthesize.studio import OUTFIT, PERSON, Studio, stream


@dataclass(frozen=True)
class SyntheticPerson:
    """All captures of one person; betas (10,), traits (5,), outfit numbers shared with others or -1, assets worn."""

    betas: np.ndarray
    traits: np.ndarray
    captures: list[Capture]
    shared: list[int]
    assets: list[str]


def make_person(studio: Studio, index: int) -> SyntheticPerson:
    """All pictures of person `index`; depends on the settings and the index only."""
    settings = studio.settings
    rng = stream(settings.seed, PERSON, index)
    body = sample_body(studio.base, rng)
    looks = sample_looks(studio.wardrobe, body, rng)
    changing = rng.random() < settings.changing
    gait = sample_gait(rng, body.phenotypes["weight"])
    count = int(rng.integers(settings.outfits[0], settings.outfits[1] + 1))
    several = int(rng.integers(4, min(6, settings.cameras) + 1))
    chosen = rng.permutation(settings.cameras)[:several]
    captures, shared, assets = [], [], set()
    for outfit in range(count):
        worn, number = _outfit(studio, body, looks, index, outfit, rng)
        shared.append(number)
        assets.update(name for item in worn for name in item.piece.assets)
        styled = restyled(looks, studio.wardrobe, body, rng) if changing else looks
        assets.update(name for item in styled.extras for name in item.piece.assets)
        dressed = dress(studio.base, body, styled, worn)
        start = int(rng.integers(several))
        for picture in range(settings.pictures):
            camera = int(chosen[(start + picture) % several])
            captures.append(capture(studio, body, gait, dressed, camera, outfit, picture, rng))
    return SyntheticPerson(studio.betas(body), traits_of(body, looks), captures, shared, sorted(assets))


def traits_of(body: BodyShape, looks: Looks) -> np.ndarray:
    """(5,) float32, as `train.synthesize.truth.TRAITS` names them."""
    skin = np.clip(looks.skin * looks.skin_tint, 0, 255).mean()
    phenotypes = body.phenotypes
    found = (body.female, phenotypes["weight"], phenotypes["muscle"], body.height, skin)
    return np.array(found, np.float32)


def _outfit(
    studio: Studio, body: BodyShape, looks: Looks, index: int, outfit: int, rng
) -> tuple[list[Worn], int]:
    """An outfit of one's own, or (one in four) one from the pool that other people wear as well; or a uniform."""
    pool, team = studio.settings.uniforms, studio.settings.team
    if rng.random() < 0.25 or pool:
        place = index // team * pool if team else 0
        number = (place + outfit % pool if pool else int(rng.integers(60))) * 2 + int(body.female)
        drawn = stream(studio.settings.seed, OUTFIT, number)
        return sample_outfit(studio.wardrobe, drawn, body.female, 0.4, 0.0), number
    return sample_outfit(studio.wardrobe, rng, body.female, looks.skirts, looks.hats), -1
