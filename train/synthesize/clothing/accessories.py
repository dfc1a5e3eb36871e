"""What people carry or put on besides clothes: bags, caps, woollen hats and beards, built on the base mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import vstack

from train.synthesize.base_mesh import BODY_VERTICES, BaseMesh
from train.synthesize.clothing import paint as paints
from train.synthesize.clothing.garments import Piece, nearest_base
from train.synthesize.clothing.paint import Paint
from train.synthesize.clothing.wardrobe import Wardrobe, Worn

# Canonical metres of the average face, above the soles and to the front (-y).
_MOUTH, _LIPS, _NOSE_BASE, _BEFORE_EARS = 1.449, (0.024, 0.008), 1.470, -0.058


@dataclass(frozen=True)
class Beard:
    """A beard drawn on the skin. kind: full, goatee or moustache; colour (3,) RGB; density in 0…1."""

    kind: str
    colour: np.ndarray
    density: float

    def cover(self, coords: np.ndarray) -> np.ndarray:
        """(n,) in 0…1: how much of the skin at canonical coordinates (n,4) the beard hides."""
        x, y, z, _ = coords.T
        aside = np.abs(x)
        upper = _NOSE_BASE + 0.55 * np.maximum(0, aside - 0.03)
        if self.kind == "full":
            inside = np.minimum((upper - z), (_BEFORE_EARS - y) / 2)
        elif self.kind == "goatee":
            inside = np.minimum(upper - z, 0.032 - aside)
        else:
            inside = np.minimum(np.minimum(upper - z, z - _MOUTH), 0.034 - aside)
        lips = np.hypot(aside / _LIPS[0], (z - _MOUTH) / _LIPS[1]) - 1
        inside = np.minimum(np.minimum(inside, 0.006 * lips), z - 1.375)
        grain = 0.85 + 0.15 * np.sin(x * 1900 + 5 * np.sin(z * 800)) * np.sin(z * 1700)
        return np.where(y < _BEFORE_EARS, np.clip(inside / 0.007, 0, 1) * self.density * grain, 0.0)


@dataclass(frozen=True)
class Strap:
    """Bands of a bag on the trunk, in canonical metres: two over the shoulders, or one across from shoulder to hip."""

    side: int  # 0: two; 1 or -1: one from that shoulder
    half: float
    low: float = 0.95

    def keeps(self, coords: np.ndarray, margin: float = 0.0) -> np.ndarray:
        """(n,) bool for canonical coordinates (n,4); a margin (metres) makes it narrower."""
        x, _, z, arm = coords.T
        if self.side == 0:
            distance, low = np.abs(np.abs(x) - 0.085), 1.12
        else:
            # From (0.095, 1.40) beside the neck to (-0.15, 0.97) at the other hip.
            distance, low = np.abs((self.side * x - 0.095) * 0.869 - (z - 1.40) * 0.495), self.low
        return (distance < self.half - margin) & (z > low) & (arm < 0.5)


@dataclass(frozen=True)
class Brim:
    """The edge of a cap: it covers the head above a height that falls from the front to the back."""

    front: float
    back: float
    low: float = 1.45

    def keeps(self, coords: np.ndarray, margin: float = 0.0) -> np.ndarray:
        """(n,) bool for canonical coordinates (n,4); a margin (metres) moves the edge up."""
        _, y, z, _ = coords.T
        return z > self.front + (self.back - self.front) * (y + 0.14) / 0.19 + margin


def sample_beard(rng: np.random.Generator, hair: np.ndarray) -> Beard:
    """A beard in about the colour of the hair (3,)."""
    kind = str(rng.choice(["full", "goatee", "moustache"], p=[0.62, 0.22, 0.16]))
    stubble = kind == "full" and rng.random() < 0.4
    return Beard(
        kind, hair * rng.uniform(0.6, 1.0), rng.uniform(0.25, 0.5) if stubble else rng.uniform(0.75, 0.95)
    )


def sample_bag(wardrobe: Wardrobe, rng: np.random.Generator) -> list[Worn]:
    """A rucksack, or a bag on one hip with a strap across; worn over whatever else is worn."""
    base = wardrobe.base
    colours = paints.sample_paint(rng, "lower" if rng.random() < 0.6 else "upper").colours
    cloth, out = Paint("plain", colours), rng.uniform(0.02, 0.03)
    if rng.random() < 0.55:
        half = np.array([rng.uniform(0.11, 0.15), rng.uniform(0.045, 0.08), rng.uniform(0.15, 0.22)])
        anchor = int(nearest_base(base, np.array([[0.0, 0.2, 1.25]]), "tights")[0])
        at = np.array([0.0, half[1] + out, -0.03])
        straps, strap = wardrobe.cut("tights", "bag", Strap(0, 0.018), 0.0, "strap"), cloth
    else:
        side = int(rng.choice([-1, 1]))
        half = np.array([rng.uniform(0.03, 0.055), rng.uniform(0.1, 0.17), rng.uniform(0.08, 0.14)])
        anchor = int(nearest_base(base, np.array([[-0.3 * side, -0.02, 1.0]]), "tights")[0])
        at = np.array([-side * (half[0] + out), 0.0, -0.06 - half[2] / 2])
        straps = wardrobe.cut(
            "tights", "bag", Strap(side, round(float(rng.choice([0.012, 0.02])), 3)), 0.0, "strap"
        )
        strap = cloth if rng.random() < 0.5 else Paint("plain", colours[::-1])
    return [Worn(straps, strap, out), Worn(_block(base, anchor, at, half), cloth)]


def sample_headwear(wardrobe: Wardrobe, rng: np.random.Generator) -> list[Worn]:
    """A woollen hat, or a cap with its peak to the front."""
    paint = paints.sample_paint(rng, "upper")
    paint = Paint("stripes" if rng.random() < 0.15 else "plain", paint.colours, scale=0.04)
    if rng.random() < 0.5:
        return [Worn(_crown(wardrobe.base, Brim(1.565, 1.478)), paint, rng.uniform(0.011, 0.016))]
    crown = Worn(_crown(wardrobe.base, Brim(1.572, 1.53)), paint, 0.013)
    return [crown, Worn(_peak(wardrobe.base), paint)]


def _crown(base: BaseMesh, brim: Brim) -> Piece:
    inside = brim.keeps(base.canonical)
    triangles = base.faces[inside[base.faces].any(1)].astype(np.int64)
    used, inverse = np.unique(triangles, return_inverse=True)
    hides = np.zeros(len(base.canonical), bool)
    hides[:BODY_VERTICES] = brim.keeps(base.canonical[:BODY_VERTICES], 0.02)
    return Piece(
        "cap", "hat", np.repeat(used[:, None], 3, 1), np.tile([1.0, 0.0, 0.0], (len(used), 1)),
        np.zeros((len(used), 3)), inverse.reshape(-1, 3).astype(np.uint32), base.skin[used], base.canonical[used],
        hides, cut=brim,
    )  # fmt: skip


def _peak(base: BaseMesh) -> Piece:
    """The peak of a cap: half an ellipse before the forehead, bent down at its sides."""
    turn = np.linspace(0, np.pi, 13)
    inner = np.stack([0.068 * np.cos(turn), 0.03 - 0.045 * np.sin(turn), -0.008 * np.cos(turn) ** 2], 1)
    outer = np.stack(
        [0.072 * np.cos(turn), 0.02 - 0.115 * np.sin(turn), -0.012 - 0.02 * np.cos(turn) ** 2], 1
    )
    first = np.arange(12)
    triangles = np.concatenate(
        [np.stack([first, first + 1, first + 13], 1), np.stack([first + 1, first + 14, first + 13], 1)]
    )
    head = np.arange(BODY_VERTICES)
    forehead = np.array([0.0, -0.14, 1.572])
    anchor = int(head[np.linalg.norm(base.canonical[:BODY_VERTICES, :3] - forehead, axis=1).argmin()])
    return _rigid(base, anchor, np.concatenate([inner, outer]), triangles, "hat", "peak")


def _block(base: BaseMesh, anchor: int, at: np.ndarray, half: np.ndarray) -> Piece:
    """A box with round edges and half sides `half` (3,), at `at` (3,) from a base vertex (metres)."""
    angle, level = np.meshgrid(np.linspace(0, 2 * np.pi, 25), np.linspace(-np.pi / 2, np.pi / 2, 13))
    power = 0.35

    def soft(value):
        return np.sign(value) * np.abs(value) ** power

    ball = np.stack(
        [
            soft(np.cos(level)) * soft(np.cos(angle)),
            soft(np.cos(level)) * soft(np.sin(angle)),
            soft(np.sin(level)),
        ],
        -1,
    ).reshape(-1, 3)
    corner = (np.arange(12)[:, None] * 25 + np.arange(24)).ravel()
    triangles = np.concatenate(
        [np.stack([corner, corner + 1, corner + 25], 1), np.stack([corner + 1, corner + 26, corner + 25], 1)]
    )
    return _rigid(base, anchor, at + ball * half, triangles, "bag", "bag")


def _rigid(
    base: BaseMesh, anchor: int, offsets: np.ndarray, triangles: np.ndarray, slot: str, name: str
) -> Piece:
    """A piece that moves as one base vertex does."""
    count = len(offsets)
    canonical = np.concatenate([base.canonical[anchor, :3] + offsets, np.zeros((count, 1))], 1).astype(
        np.float32
    )
    return Piece(
        name, slot, np.full((count, 3), anchor), np.tile([1.0, 0.0, 0.0], (count, 1)), offsets,
        triangles.astype(np.uint32), vstack([base.skin[anchor]] * count).tocsr(), canonical,
        np.zeros(len(base.canonical), bool),
    )  # fmt: skip
