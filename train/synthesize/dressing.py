"""Dressing a body at rest: visible skin, eyes and everything worn, as meshes with their colours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from train.synthesize.base_mesh import BaseMesh, BodyShape
from train.synthesize.clothing.garments import Piece, bind
from train.synthesize.clothing.looks import Looks
from train.synthesize.clothing.paint import apply_paint
from train.synthesize.clothing.wardrobe import Worn


@dataclass(frozen=True)
class Layer:
    """A mesh at rest with what it needs to be posed and coloured; `used` are the vertices of its triangles."""

    rest: np.ndarray
    skin: object
    triangles: np.ndarray
    colour: object

    @cached_property
    def used(self) -> np.ndarray:
        return np.unique(self.triangles)


def dress(base: BaseMesh, body: BodyShape, looks: Looks, worn: list[Worn]) -> list[Layer]:
    """Layers at rest: the skin that still shows, eyes, and everything worn, outer pieces let out over inner ones."""
    worn = worn if not looks.headwear else [item for item in worn if item.piece.slot != "hat"]
    hidden = np.zeros(len(base.canonical), bool)
    for item in worn + looks.extras:
        hidden |= item.piece.hides
    keep = ~hidden[base.faces].any(1)
    layers = [
        Layer(
            body.vertices,
            base.skin,
            base.faces[keep],
            _skin_colour(base, base.faces[keep], base.face_uv[keep], looks),
        )
    ]
    for name in ("l-eye", "r-eye"):
        triangles = base.groups[name]
        layers.append(Layer(body.vertices, base.skin, triangles, _eye_colour(base, triangles, looks)))
    hats = [item.piece for item in worn + looks.extras if item.piece.slot == "hat"]
    ceiling = min(piece.canonical[:, 2].min() for piece in hats) + 0.03 if hats else None
    for item in worn + looks.extras:
        top = ceiling if item.piece.slot == "hair" else item.ceiling
        if top is not None:
            item = replace(item, piece=_below(item.piece, top))
        piece = item.piece
        rest = bind(piece, body.vertices, item.puff)
        layers.append(Layer(rest, piece.skin, piece.triangles, _worn_colour(item, top)))
    return layers


def _below(piece: Piece, height: float) -> Piece:
    """The piece without the triangles that lie wholly above a canonical height: a ray passes few layers only."""
    keep = piece.canonical[piece.triangles, 2].min(1) < height
    uv = None if piece.uv is None else piece.uv[keep]
    return replace(piece, triangles=piece.triangles[keep], uv=uv)


def _skin_colour(base: BaseMesh, faces: np.ndarray, faces_uv: np.ndarray, looks: Looks):
    texture = np.clip(looks.skin * looks.skin_tint, 0, 255).astype(np.float32)

    def colour(primitives, shares):
        uv = np.einsum("nkc,nk->nc", faces_uv[primitives], shares)
        texels = _texels(texture, uv)
        if looks.beard is not None:
            coords = np.einsum("nkc,nk->nc", base.canonical[faces[primitives]], shares)
            cover = looks.beard.cover(coords)[:, None]
            texels = texels * (1 - cover) + looks.beard.colour * cover
        return texels, np.ones(len(uv), bool)

    return colour


def _eye_colour(base: BaseMesh, triangles: np.ndarray, looks: Looks):
    coords = base.canonical[:, :3]
    centre = coords[np.unique(triangles)].mean(0)

    def colour(primitives, shares):
        at = np.einsum("nkc,nk->nc", coords[triangles[primitives]], shares) - centre
        iris = (np.hypot(at[:, 0], at[:, 2]) < 0.0065) & (at[:, 1] < 0)
        return np.where(iris[:, None], looks.eyes, [200.0, 192, 186]), np.ones(len(at), bool)

    return colour


def _worn_colour(worn: Worn, ceiling: float | None):
    piece = worn.piece

    def colour(primitives, shares):
        corners = piece.triangles[primitives]
        coords = np.einsum("nkc,nk->nc", piece.canonical[corners], shares)
        covers = np.ones(len(coords), bool)
        texels = np.full((len(coords), 3), 128.0)
        if piece.texture is not None:
            uv = np.einsum("nkc,nk->nc", piece.uv[primitives], shares)
            texels = _texels(piece.texture, uv).astype(np.float64)
            if piece.alpha is not None:
                covers &= _texels(piece.alpha, uv) > 100
        if piece.cut is not None:
            covers &= piece.cut.keeps(coords)
        if ceiling is not None:
            covers &= coords[:, 2] < ceiling
        return apply_paint(worn.paint, coords, texels, piece.luminance), covers

    return colour


def _texels(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """(n,…) nearest texels at uv (n,2); v runs upwards."""
    h, w = texture.shape[:2]
    rows = ((1 - uv[:, 1] % 1) * (h - 1)).astype(np.int32)
    return texture[rows, (uv[:, 0] % 1 * (w - 1)).astype(np.int32)]
