"""A person's appearance besides clothes: skin, hair, face, and what changes with the outfit for some people."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from train.synthesize.base_mesh import BodyShape
from train.synthesize.clothing import paint as paints
from train.synthesize.clothing.accessories import Beard, sample_bag, sample_beard, sample_headwear
from train.synthesize.clothing.garments import Cut
from train.synthesize.clothing.paint import Paint
from train.synthesize.clothing.wardrobe import HAIR_MEN, HAIR_WOMEN, Wardrobe, Worn


@dataclass(frozen=True)
class Looks:
    """Skin texture (h,w,3) RGB, tint (3,), hair and its colour (3,), brows, glasses, eyes, beard, bag and headwear
    (pieces of each), and preference for skirts and hats."""

    skin: np.ndarray
    skin_tint: np.ndarray
    hair: Worn | None
    hair_colour: np.ndarray
    brows: Worn | None
    glasses: Worn | None
    eyes: np.ndarray
    skirts: float
    hats: float
    beard: Beard | None = None
    bag: tuple[Worn, ...] = ()
    headwear: tuple[Worn, ...] = ()

    @property
    def extras(self) -> list[Worn]:
        """Everything worn that is no part of an outfit."""
        return [item for item in (self.brows, self.hair, self.glasses) if item] + [*self.bag, *self.headwear]


def sample_looks(wardrobe: Wardrobe, body: BodyShape, rng: np.random.Generator) -> Looks:
    """Skin, hair, face and bag of one person."""
    age = body.phenotypes["age"]
    stage = "young" if age < 0.75 else "middleage" if age < 0.83 else "old"
    skins = wardrobe.skins.get((body.female, stage), [])
    if skins:
        skin = skins[rng.integers(len(skins))]
        tint = np.clip(rng.normal(1.0, 0.07) * rng.normal(1, [0.01, 0.02, 0.03]), 0.75, 1.15)
    else:
        tone = rng.uniform(85, 235)
        skin = np.full((4, 4, 3), tone) * [1.0, rng.uniform(0.74, 0.86), rng.uniform(0.58, 0.76)]
        tint = np.ones(3)
    colour = paints.hair_colour(rng, age, _dark(skin))
    brows = wardrobe.names([f"eyebrow{i:03d}" for i in range(1, 13)])
    return Looks(
        skin=skin,
        skin_tint=tint,
        hair=_hair(wardrobe, body, colour, rng),
        hair_colour=colour,
        brows=Worn(wardrobe.pieces[brows[rng.integers(len(brows))]][0], Paint("plain", colour[None] * 0.7))
        if brows
        else None,
        glasses=_glasses(wardrobe, rng, 0.2),
        eyes=rng.uniform(20, 110, 3),
        skirts=float(rng.beta(1.2, 2)) if body.female else 0.0,
        hats=float(rng.random() < 0.25),
        beard=sample_beard(rng, colour) if not body.female and rng.random() < 0.3 else None,
        bag=tuple(sample_bag(wardrobe, rng)) if rng.random() < 0.15 else (),
    )


def restyled(looks: Looks, wardrobe: Wardrobe, body: BodyShape, rng: np.random.Generator) -> Looks:
    """The same person with another haircut, sometimes dyed; with or without glasses, beard, bag, cap: for an outfit."""
    colour = looks.hair_colour
    if rng.random() < 0.25:
        colour = paints.hair_colour(rng, body.phenotypes["age"], _dark(looks.skin) and rng.random() < 0.5)
    return replace(
        looks,
        hair=_hair(wardrobe, body, colour, rng),
        hair_colour=colour,
        glasses=_glasses(wardrobe, rng, 0.3),
        beard=sample_beard(rng, colour) if not body.female and rng.random() < 0.45 else None,
        bag=tuple(sample_bag(wardrobe, rng)) if rng.random() < 0.32 else (),
        headwear=tuple(sample_headwear(wardrobe, rng)) if rng.random() < 0.22 else (),
    )


def _dark(skin: np.ndarray) -> bool:
    return float(skin.mean()) < 95


def _hair(wardrobe: Wardrobe, body: BodyShape, colour: np.ndarray, rng: np.random.Generator) -> Worn | None:
    names = wardrobe.names(HAIR_WOMEN if body.female else HAIR_MEN)
    if rng.random() < (0.0 if body.female else 0.1):
        return None
    if names:
        return Worn(
            wardrobe.pieces[names[rng.integers(len(names))]][0], Paint("plain", colour[None], contrast=0.9)
        )
    low = 1.2 if body.female and rng.random() < 0.6 else 1.44
    return Worn(wardrobe.cut("hair", "hair", Cut(low=low), 0.0, "hair"), Paint("plain", colour[None]))


def _glasses(wardrobe: Wardrobe, rng: np.random.Generator, share: float) -> Worn | None:
    if rng.random() >= share or "glasses" not in wardrobe.pieces:
        return None
    paint = Paint("original", np.zeros((1, 3)))
    if rng.random() < 0.4:
        paint = Paint("plain", rng.uniform(10, 160) * rng.normal(1, 0.15, (1, 3)), contrast=0.5)
    return Worn(wardrobe.pieces["glasses"][0], paint)
