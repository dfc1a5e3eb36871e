"""Who wears what: a person's skin, hair and face, and the outfits drawn for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from train.synthesize import paint as paints
from train.synthesize.figure import Body, Figure
from train.synthesize.garments import Cut, Piece, helper_piece, load_pieces, read_texture
from train.synthesize.paint import Paint

_SUITS_MEN = tuple(f"male_casualsuit0{i}" for i in range(1, 7)) + ("male_elegantsuit01", "male_worksuit01")
_SUITS_WOMEN = ("female_casualsuit01", "female_casualsuit02", "female_elegantsuit01", "female_sportsuit01")
_TOPS = (
    "Sleeveless",
    "Tank_Top_01",
    "VNeckTop",
    "TubeTop",
    "spaghetti-top",
    "female_top_01",
    "short_tail_camo_tee",
)
_TOPS_ALL = ("VNeckTop", "short_tail_camo_tee", "Tank_Top_01")
_BOTTOMS = ("Tightjeans", "ShortJeans", "JeansSkirt", "miniskirt")
_BOTTOMS_ALL = ("Tightjeans",)
_DRESSES = (
    "F_Dress_01",
    "F_Dress_02",
    "F_Dress_04",
    "F_Beach_Dress_01",
    "TubeDress",
    "Asymmetric_Tunic_and_Sash",
)
_SHOES = tuple(f"shoes0{i}" for i in range(1, 7))
_HATS = ("Fishing_Hat_01", "fedora", "fedora_cocked")
_HAIR_WOMEN = (
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
_HAIR_MEN = ("short01", "short02", "short03", "short04", "afro01", "short02", "short04", "short01")


@dataclass(frozen=True)
class Worn:
    """One piece on a person: how it is painted, how far it is let out (metres), and the canonical height above which
    something worn over it covers it (None: nowhere)."""

    piece: Piece
    paint: Paint
    puff: float = 0.0
    ceiling: float | None = None


@dataclass(frozen=True)
class Looks:
    """What a person keeps: skin texture (h,w,3) RGB, tint (3,), hair, brows and glasses, liking for clothes."""

    skin: np.ndarray
    skin_tint: np.ndarray
    hair: Worn | None
    brows: Worn | None
    glasses: Worn | None
    eyes: np.ndarray
    skirts: float
    hats: float


class Wardrobe:
    """The usable pieces of an unpacked wardrobe, decoded once; with data=None only helper geometry."""

    def __init__(self, figure: Figure, data: Path | None):
        self.figure = figure
        self.pieces: dict[str, list[Piece]] = {}
        self.skins: dict[tuple[bool, str], list[np.ndarray]] = {}
        self._cuts: dict[tuple, Piece] = {}
        if data is not None:
            self._load(data)

    def _load(self, data: Path) -> None:
        from train.wardrobe import list_assets, list_skins

        groups = {
            "suit": _SUITS_MEN + _SUITS_WOMEN, "upper": _TOPS, "lower": _BOTTOMS, "dress": _DRESSES,
            "shoes": _SHOES + ("WinterBoots",), "hat": _HATS, "coat": ("Coat",), "glasses": ("glasses",),
            "hair": tuple(dict.fromkeys(_HAIR_WOMEN + _HAIR_MEN)),
            "brows": tuple(f"eyebrow{i:03d}" for i in range(1, 13)),
        }  # fmt: skip
        assets = list_assets(data)
        for kind, names in groups.items():
            for name in names:
                if name in assets:
                    self.pieces[name] = load_pieces(assets[name].path, self.figure, kind)
        for path in list_skins(data):
            folder = path.parent.parent.name
            texture, _ = read_texture(path)
            self.skins.setdefault((folder.endswith("_female"), folder.split("_")[0]), []).append(texture)

    def names(self, wanted) -> list[str]:
        """Those of the wanted assets that are there, in order, repeats kept."""
        return [name for name in wanted if name in self.pieces]

    def cut(self, group: str, slot: str, cut: Cut, flare: float, name: str) -> Piece:
        """A helper garment, kept for the next person who wears the same cut."""
        key = (group, slot, cut, flare)
        if key not in self._cuts:
            if len(self._cuts) > 400:
                self._cuts.clear()
            self._cuts[key] = helper_piece(self.figure, group, slot, cut, flare, name)
        return self._cuts[key]


def sample_looks(wardrobe: Wardrobe, body: Body, rng: np.random.Generator) -> Looks:
    """Skin, hair and face of one person."""
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
    dark = float(skin.mean()) < 95
    colour = paints.hair_colour(rng, age, dark)
    names = wardrobe.names(_HAIR_WOMEN if body.female else _HAIR_MEN)
    bald = rng.random() < (0.0 if body.female else 0.1)
    hair = None
    if names and not bald:
        piece = wardrobe.pieces[names[rng.integers(len(names))]][0]
        hair = Worn(piece, Paint("plain", colour[None], contrast=0.9))
    elif not names and not bald:
        low = 1.2 if body.female and rng.random() < 0.6 else 1.44
        hair = Worn(wardrobe.cut("hair", "hair", Cut(low=low), 0.0, "hair"), Paint("plain", colour[None]))
    brows = wardrobe.names([f"eyebrow{i:03d}" for i in range(1, 13)])
    glasses = wardrobe.names(("glasses",)) if rng.random() < 0.2 else []
    return Looks(
        skin=skin,
        skin_tint=tint,
        hair=hair,
        brows=Worn(wardrobe.pieces[brows[rng.integers(len(brows))]][0], Paint("plain", colour[None] * 0.7))
        if brows
        else None,
        glasses=Worn(wardrobe.pieces[glasses[0]][0], Paint("original", np.zeros((1, 3))))
        if glasses
        else None,
        eyes=rng.uniform(20, 110, 3),
        skirts=float(rng.beta(1.2, 2)) if body.female else 0.0,
        hats=float(rng.random() < 0.25),
    )


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
    suits = wardrobe.names(_SUITS_WOMEN + _SUITS_MEN[1:6] if female else _SUITS_MEN[1:7])
    tops = wardrobe.names(_TOPS if female else _TOPS_ALL)
    choice = rng.random()
    if choice < 0.45 and suits:
        uppers = [p for p in wardrobe.pieces[suits[rng.integers(len(suits))]] if p.slot == "upper"]
        return Worn(uppers[0], _dyed(rng, "upper", 0.15), 0.003)
    if choice < (0.75 if female else 0.58) and tops:
        top = wardrobe.pieces[tops[rng.integers(len(tops))]][0]
        # Bare midriffs are rarer in the street than in the wardrobe.
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
        () if female else _BOTTOMS_ALL
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
    names = wardrobe.names(_SHOES)
    if female and rng.random() < 0.12 and "WinterBoots" in wardrobe.pieces:
        names = ["WinterBoots"]
    if not names:
        cut = Cut(low=-1, high=float(rng.choice([0.07, 0.11, 0.2])))
        piece = wardrobe.cut("tights", "shoes", cut, 0.0, "helper shoes")
        return [Worn(piece, paints.shoe_paint(rng), 0.006)]
    return [Worn(wardrobe.pieces[names[rng.integers(len(names))]][0], paints.shoe_paint(rng))]


def sample_outfit(
    wardrobe: Wardrobe, rng: np.random.Generator, female: bool, skirts: float, hats: float
) -> list[Worn]:
    """The pieces of one outfit, inner ones first."""
    suits = wardrobe.names(_SUITS_WOMEN if female else _SUITS_MEN)
    dresses = wardrobe.names(_DRESSES)
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
        # What is under a closed coat would only push through it.
        worn = [replace(item, ceiling=hem + 0.22) for item in worn if item.piece.slot != "upper"] + coat
    worn = _shoes(wardrobe, rng, female) + worn
    names = wardrobe.names(_HATS)
    if names and rng.random() < 0.04 + 0.25 * hats:
        worn.append(Worn(wardrobe.pieces[names[rng.integers(len(names))]][0], _dyed(rng, "lower", 0.4)))
    return worn
