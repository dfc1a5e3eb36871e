"""Garments, hair styles and skins of an unpacked wardrobe, decoded; and garments cut from helper geometry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from train.synthesize.base_mesh import BaseMesh
from train.synthesize.clothing.assets import list_assets, list_skins
from train.synthesize.clothing.garments import Piece, Region, helper_piece, load_pieces, read_texture
from train.synthesize.clothing.paint import Paint

SUITS_MEN = tuple(f"male_casualsuit0{i}" for i in range(1, 7)) + ("male_elegantsuit01", "male_worksuit01")

SUITS_WOMEN = ("female_casualsuit01", "female_casualsuit02", "female_elegantsuit01", "female_sportsuit01")

TOPS = (
    "Sleeveless",
    "Tank_Top_01",
    "VNeckTop",
    "TubeTop",
    "spaghetti-top",
    "female_top_01",
    "short_tail_camo_tee",
)

TOPS_ALL = ("VNeckTop", "short_tail_camo_tee", "Tank_Top_01")

BOTTOMS = ("Tightjeans", "ShortJeans", "JeansSkirt", "miniskirt")

BOTTOMS_ALL = ("Tightjeans",)

DRESSES = (
    "F_Dress_01",
    "F_Dress_02",
    "F_Dress_04",
    "F_Beach_Dress_01",
    "TubeDress",
    "Asymmetric_Tunic_and_Sash",
)

SHOES = tuple(f"shoes0{i}" for i in range(1, 7))

HATS = ("Fishing_Hat_01", "fedora", "fedora_cocked")

HAIR_WOMEN = (
    "long01",
    "bob01",
    "bob02",
    "ponytail01",
    "Braid01",
    "short03",
    "afro01",
    "long01",
    "ponytail01",
    "bob02",
)

HAIR_MEN = ("short01", "short02", "short03", "short04", "afro01", "short02", "short04", "short01")


@dataclass(frozen=True)
class Worn:
    """One piece on a person: how it is painted, how far it is let out (metres), and the canonical height above which
    something worn over it covers it (None: nowhere)."""

    piece: Piece
    paint: Paint
    puff: float = 0.0
    ceiling: float | None = None


class Wardrobe:
    """The usable pieces of an unpacked wardrobe, decoded once; with data=None only helper geometry."""

    def __init__(self, base: BaseMesh, data: Path | None):
        self.base = base
        self.pieces: dict[str, list[Piece]] = {}
        self.skins: dict[tuple[bool, str], list[np.ndarray]] = {}
        self._cuts: dict[tuple, Piece] = {}
        if data is not None:
            self._load(data)

    def _load(self, data: Path) -> None:
        groups = {
            "suit": SUITS_MEN + SUITS_WOMEN, "upper": TOPS, "lower": BOTTOMS, "dress": DRESSES,
            "shoes": SHOES + ("WinterBoots",), "hat": HATS, "coat": ("Coat",), "glasses": ("glasses",),
            "hair": tuple(dict.fromkeys(HAIR_WOMEN + HAIR_MEN)),
            "brows": tuple(f"eyebrow{i:03d}" for i in range(1, 13)),
        }  # fmt: skip
        assets = list_assets(data)
        for kind, names in groups.items():
            for name in names:
                if name in assets:
                    self.pieces[name] = load_pieces(assets[name].path, self.base, kind)
        for path in list_skins(data):
            folder = path.parent.parent.name
            texture, _ = read_texture(path)
            self.skins.setdefault((folder.endswith("_female"), folder.split("_")[0]), []).append(texture)

    def names(self, wanted) -> list[str]:
        """The wanted assets that are available, in order, with repeats."""
        return [name for name in wanted if name in self.pieces]

    def cut(self, group: str, slot: str, cut: Region, flare: float, name: str) -> Piece:
        """A helper garment, cached for others of the same cut."""
        key = (group, slot, cut, flare)
        if key not in self._cuts:
            if len(self._cuts) > 400:
                self._cuts.clear()
            self._cuts[key] = helper_piece(self.base, group, slot, cut, flare, name)
        return self._cuts[key]
