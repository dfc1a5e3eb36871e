"""The rules by which outfits are drawn: which garments go together, how often, and how they are painted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from train.synthesize.clothing import paint as paints
from train.synthesize.clothing.garments import Cut
from train.synthesize.clothing.paint import Paint
from train.synthesize.clothing.wardrobe import (
    BOTTOMS_ALL,
    DRESSES,
    HATS,
    SHOES,
    SUITS_MEN,
    SUITS_WOMEN,
    TOPS,
    TOPS_ALL,
    Wardrobe,
    Worn,
)


def sample_outfit(
    wardrobe: Wardrobe, rng: np.random.Generator, female: bool, skirts: float, hats: float
) -> list[Worn]:
    """The pieces of one outfit, inner ones first."""
    suits = wardrobe.names(SUITS_WOMEN if female else SUITS_MEN)
    dresses = wardrobe.names(DRESSES)
    kind = rng.random()
    if female and kind < 0.35 * skirts + 0.02:
        if dresses and rng.random() < 0.7:
            worn = [Worn(wardrobe.pieces[dresses[rng.integers(len(dresses))]][0], _dyed(rng, "full", 0.2))]
        else:
            top = _helper_top(wardrobe, rng)
            worn = [Worn(top.piece, top.paint, 0.006), _helper_skirt(wardrobe, rng, top.paint)]
    elif kind < 0.55 and suits:
        worn = _suit(wardrobe, rng, suits[rng.integers(len(suits))])
    else:
        worn = [_lower(wardrobe, rng, female, skirts), _upper(wardrobe, rng, female)]
    if rng.random() < 0.16:
        coat = _coat(wardrobe, rng, female)
        hem = min(item.piece.cut.low if item.piece.cut else item.piece.canonical[:, 2].min() for item in coat)
        # A top under a closed coat would only poke through it.
        worn = [replace(item, ceiling=hem + 0.22) for item in worn if item.piece.slot != "upper"] + coat
    worn = _shoes(wardrobe, rng, female) + worn
    names = wardrobe.names(HATS)
    if names and rng.random() < 0.04 + 0.25 * hats:
        worn.append(Worn(wardrobe.pieces[names[rng.integers(len(names))]][0], _dyed(rng, "lower", 0.4)))
    return worn


def _helper_top(wardrobe: Wardrobe, rng: np.random.Generator) -> Worn:
    sleeve = float(rng.choice([0.69, 0.72, 0.98, 1.05, 1.12, 1.2], p=[0.25, 0.25, 0.1, 0.15, 0.2, 0.05]))
    collar = round(float(rng.uniform(1.35, 1.42)), 2)
    cut = Cut(
        low=round(float(rng.uniform(0.78, 0.92)), 2), high=collar, sleeve=sleeve,
        high_front=round(collar - float(rng.choice([0.0, 0.04, 0.1])), 2),
    )  # fmt: skip
    piece = wardrobe.cut("tights", "upper", cut, float(rng.choice([0.0, 0.012, 0.025])), "helper top")
    return Worn(piece, paints.sample_paint(rng, "upper"), rng.uniform(0.004, 0.018))


def _helper_trousers(wardrobe: Wardrobe, rng: np.random.Generator, shorts: bool) -> Worn:
    low = float(rng.choice([0.42, 0.5, 0.56])) if shorts else float(rng.choice([0.06, 0.08, 0.12]))
    cut = Cut(low=low, high=0.97)
    piece = wardrobe.cut(
        "tights", "lower", cut, float(rng.choice([0.0, 0.01, 0.022, 0.035])), "helper trousers"
    )
    return Worn(piece, paints.sample_paint(rng, "lower"), rng.uniform(0.001, 0.006))


def _helper_skirt(wardrobe: Wardrobe, rng: np.random.Generator, paint: Paint | None = None) -> Worn:
    low = float(rng.choice([0.2, 0.3, 0.42, 0.48, 0.55]))
    piece = wardrobe.cut("skirt", "lower", Cut(low=low), float(rng.choice([0.0, 0.02, 0.04])), "helper skirt")
    return Worn(piece, paint or paints.sample_paint(rng, "lower"), 0.008)


def _dyed(rng: np.random.Generator, slot: str, keep: float) -> Paint:
    """The piece's own texture with probability keep, else new colours."""
    return Paint("original", np.zeros((1, 3))) if rng.random() < keep else paints.sample_paint(rng, slot)


def _suit(wardrobe: Wardrobe, rng: np.random.Generator, name: str, keep: float = 0.2) -> list[Worn]:
    pieces = wardrobe.pieces[name]
    if name == "male_casualsuit01":
        keep = 0.5
    if name.endswith("elegantsuit01") and rng.random() < 0.6:
        paint = Paint("plain", paints.sample_paint(rng, "lower").colours, contrast=0.7)
        return [
            Worn(piece, Paint("original", np.zeros((1, 3))) if keep > rng.random() else paint)
            for piece in pieces
        ]
    return [Worn(piece, _dyed(rng, piece.slot, keep)) for piece in pieces]


def _upper(wardrobe: Wardrobe, rng: np.random.Generator, female: bool) -> Worn:
    suits = wardrobe.names(SUITS_WOMEN + SUITS_MEN[1:6] if female else SUITS_MEN[1:7])
    tops = wardrobe.names(TOPS if female else TOPS_ALL)
    choice = rng.random()
    if choice < 0.45 and suits:
        uppers = [p for p in wardrobe.pieces[suits[rng.integers(len(suits))]] if p.slot == "upper"]
        return Worn(uppers[0], _dyed(rng, "upper", 0.15), 0.003)
    if choice < (0.75 if female else 0.58) and tops:
        top = wardrobe.pieces[tops[rng.integers(len(tops))]][0]
        # Bare midriffs are rarer in reality than in the wardrobe.
        if top.canonical[:, 2].min() < 0.92 or rng.random() < 0.25:
            return Worn(top, _dyed(rng, "upper", 0.15), 0.003)
    return _helper_top(wardrobe, rng)


def _lower(wardrobe: Wardrobe, rng: np.random.Generator, female: bool, skirts: float) -> Worn:
    if female and rng.random() < skirts * 0.6:
        names = wardrobe.names(("JeansSkirt", "miniskirt"))
        if names and rng.random() < 0.4:
            return Worn(wardrobe.pieces[names[rng.integers(len(names))]][0], _dyed(rng, "lower", 0.3), 0.002)
        return _helper_skirt(wardrobe, rng)
    if rng.random() < 0.14:
        names = wardrobe.names(("ShortJeans", "female_casualsuit02")) if female else []
        if names and rng.random() < 0.5:
            lowers = [p for p in wardrobe.pieces[names[rng.integers(len(names))]] if p.slot == "lower"]
            return Worn(lowers[0], _dyed(rng, "lower", 0.3))
        return _helper_trousers(wardrobe, rng, shorts=True)
    suits = ("female_casualsuit01", "female_sportsuit01", "Tightjeans", "Tightjeans") if female else ()
    suits += ("male_casualsuit02", "male_casualsuit04", "male_elegantsuit01") + (
        () if female else BOTTOMS_ALL
    )
    names = wardrobe.names(suits)
    if names and rng.random() < 0.65:
        lowers = [p for p in wardrobe.pieces[names[rng.integers(len(names))]] if p.slot == "lower"]
        return Worn(lowers[0], _dyed(rng, "lower", 0.25))
    return _helper_trousers(wardrobe, rng, shorts=False)


def _coat(wardrobe: Wardrobe, rng: np.random.Generator, female: bool) -> list[Worn]:
    names = wardrobe.names(("Coat",))
    paint = paints.sample_paint(rng, "lower")
    paint = Paint(
        "plain" if rng.random() < 0.85 else paint.kind, paint.colours, contrast=0.7, picture=paint.picture
    )
    if names and rng.random() < (0.6 if female else 0.3):
        return [Worn(wardrobe.pieces["Coat"][0], paint, 0.002)]
    puff = rng.uniform(0.02, 0.035)
    low = float(rng.choice([0.42, 0.5, 0.6, 0.72]))
    collar = Cut(low=0.78, high=1.43, high_front=1.38, sleeve=0.68)
    top = Worn(wardrobe.cut("tights", "upper", collar, 0.0, "helper coat"), paint, puff)
    return [top, Worn(wardrobe.cut("skirt", "lower", Cut(low=low), 0.015, "helper coat"), paint, puff)]


def _shoes(wardrobe: Wardrobe, rng: np.random.Generator, female: bool) -> list[Worn]:
    names = wardrobe.names(SHOES)
    if female and rng.random() < 0.12 and "WinterBoots" in wardrobe.pieces:
        names = ["WinterBoots"]
    if not names:
        cut = Cut(low=-1, high=float(rng.choice([0.07, 0.11, 0.2])))
        piece = wardrobe.cut("tights", "shoes", cut, 0.0, "helper shoes")
        return [Worn(piece, paints.shoe_paint(rng), 0.006)]
    return [Worn(wardrobe.pieces[names[rng.integers(len(names))]][0], paints.shoe_paint(rng))]
