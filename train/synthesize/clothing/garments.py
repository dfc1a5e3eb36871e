"""Garments, shoes and hair as meshes bound to the base mesh: read from the wardrobe or cut from helper geometry."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from threedsl.errors import InputError
from threedsl.reading import read_object
from train.synthesize.base_mesh import BODY_VERTICES, BaseMesh, vertex_normals
from train.synthesize.clothing.assets import AGAIN

_MAPS = ("nrm", "normal", "bump", "spec", "_ao", "mask", "displacement", "special_suit")
_TEXTURE_SIZE = 512


@dataclass(frozen=True)
class Cut:
    """The region a helper garment covers, in canonical metres above the soles; arms hang straight down.

    Kept: low < z < high off the arms (high_front, where given, at the middle of the chest), z > sleeve on them.
    """

    low: float = -1.0
    high: float = 9.0
    high_front: float | None = None
    sleeve: float = 9.0

    def keeps(self, coords: np.ndarray, margin: float = 0.0) -> np.ndarray:
        """(n,) bool for canonical coordinates (n,4); a margin (metres) shrinks the region."""
        x, y, z, arm = coords.T
        rise = 0.0 if self.high_front is None else self.high_front - self.high
        front = rise * np.exp(-((x / 0.07) ** 2)) * (y < 0)
        trunk = (z > self.low + margin) & (z < self.high + front - margin)
        return np.where(arm > 0.5, z > self.sleeve + margin, trunk)


class Region(Protocol):
    """What part of a mesh a piece covers; low: metres above the soles where it ends."""

    @property
    def low(self) -> float: ...

    def keeps(self, coords: np.ndarray, margin: float = 0.0) -> np.ndarray: ...


@dataclass(frozen=True)
class Piece:
    """One mesh that is worn.

    references (n,3) base vertices, shares (n,3) and offsets (n,3; metres) place its vertices on a rest body;
    skin (n,bones) moves them; hides (V,) are base vertices it covers; canonical (n,4) as in `BaseMesh`.
    texture (h,w,3) RGB and alpha (h,w) are uint8; puff (n,) metres is added along the normals.
    """

    name: str
    slot: str
    references: np.ndarray
    shares: np.ndarray
    offsets: np.ndarray
    triangles: np.ndarray
    skin: csr_matrix
    canonical: np.ndarray
    hides: np.ndarray
    uv: np.ndarray | None = None
    texture: np.ndarray | None = None
    alpha: np.ndarray | None = None
    luminance: float = 128.0
    cut: Region | None = None
    puff: np.ndarray | None = None
    assets: tuple[str, ...] = field(default=())


def bind(piece: Piece, rest: np.ndarray, puff: float = 0.0) -> np.ndarray:
    """(n,3) rest position of a piece on a body with rest vertices (V,3), let out by puff metres."""
    placed = np.einsum("nrc,nr->nc", rest[piece.references], piece.shares) + piece.offsets
    if piece.puff is not None or puff:
        amount = puff if piece.puff is None else (piece.puff + puff)[:, None]
        placed = placed + amount * vertex_normals(placed, piece.triangles)
    return placed


def parse_faces(codes: list[int]) -> tuple[np.ndarray, np.ndarray | None]:
    """(t,3) vertex and (t,3) texture indices from three.js format 3 face codes; quads become two triangles."""
    triangles, corners = [], []
    i = 0
    while i < len(codes):
        kind = codes[i]
        count = 4 if kind & 1 else 3
        i += 1
        face = codes[i : i + count]
        i += count + (1 if kind & 2 else 0) + (1 if kind & 4 else 0)
        texture = codes[i : i + count] if kind & 8 else None
        i += count if kind & 8 else 0
        i += (1 if kind & 16 else 0) + (count if kind & 32 else 0) + (1 if kind & 64 else 0)
        i += count if kind & 128 else 0
        for k in range(1, count - 1):
            triangles.append((face[0], face[k], face[k + 1]))
            if texture is not None:
                corners.append((texture[0], texture[k], texture[k + 1]))
    uv = np.array(corners, np.int64) if len(corners) == len(triangles) else None
    return np.array(triangles, np.int64), uv


def read_texture(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """RGB (h,w,3) and alpha (h,w) or None, uint8, at most 512 pixels a side."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise InputError(
            f"{path} cannot be read as a picture; delete the wardrobe and fetch it with `python -m train wardrobe`."
        )
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    if max(image.shape[:2]) > _TEXTURE_SIZE:
        image = cv2.resize(image, (_TEXTURE_SIZE, _TEXTURE_SIZE), interpolation=cv2.INTER_AREA)
    alpha = np.ascontiguousarray(image[..., 3]) if image.shape[2] == 4 else None
    if alpha is not None and alpha.min() > 250:
        alpha = None
    return np.ascontiguousarray(image[..., 2::-1]), alpha


def _texture_file(path: Path) -> Path | None:
    files = sorted(p for p in (path.parent / "textures").glob("*") if p.suffix.lower() in (".png", ".jpg"))
    plain = [p for p in files if not any(word in p.name.lower() for word in _MAPS)]
    return plain[0] if plain else None


def _slot(kind: str, height: float, low: float, high: float) -> str:
    """upper, lower or full, from heights above the soles on the average body."""
    if kind != "suit":
        return kind
    if high > 1.15 and low < 0.55:
        return "full"
    return "upper" if height > 1.02 else "lower"


def load_pieces(path: Path, base: BaseMesh, kind: str) -> list[Piece]:
    """Reads one MakeHuman proxy; kind "suit" splits it into its upper and lower pieces, else it is one piece."""
    data = read_object(path, AGAIN)
    triangles, corners = parse_faces(data["faces"])
    references = np.array(data["ref_vIdxs"], np.int64).reshape(-1, 3)
    shares = np.array(data["weights"], np.float64).reshape(-1, 3)
    decimetres = np.array(data["offsets"], np.float64).reshape(-1, 3)
    offsets = np.stack([decimetres[:, 0], -decimetres[:, 2], decimetres[:, 1]], 1) * 0.1
    uv = np.array(data["uvs"][0], np.float32).reshape(-1, 2)[corners] if corners is not None else None
    file_ = _texture_file(path)
    texture, alpha = read_texture(file_) if file_ is not None and uv is not None else (None, None)
    spread = _interpolation(references, shares, len(base.canonical))
    canonical = (spread @ base.canonical).astype(np.float32)
    skin = spread @ base.skin
    skin = csr_matrix(skin.multiply(1 / np.maximum(skin.sum(1), 1e-9)))
    hides = np.array(data["metadata"].get("deleteVerts", []), bool)
    if len(hides) != len(base.canonical):
        hides = np.zeros(len(base.canonical), bool)
    groups = _pieces_by_slot(triangles, canonical, kind)
    owner = _hidden_by(hides, canonical, groups, base)
    pieces = []
    for slot, chosen in groups.items():
        used, inverse = np.unique(triangles[chosen], return_inverse=True)
        mask = np.zeros_like(hides)
        mask[np.flatnonzero(hides)[owner == slot]] = True
        pieces.append(
            Piece(
                path.parent.name, slot, references[used], shares[used], offsets[used],
                inverse.reshape(-1, 3).astype(np.uint32), skin[used], canonical[used], mask,
                None if uv is None else uv[chosen], texture, alpha,
                _luminance(texture, None if uv is None else uv[chosen]), assets=(path.parent.name,),
            )
        )  # fmt: skip
    return pieces


def _interpolation(references: np.ndarray, shares: np.ndarray, vertices: int) -> csr_matrix:
    rows = np.repeat(np.arange(len(references)), 3)
    return csr_matrix(
        (np.clip(shares, 0, None).ravel(), (rows, references.ravel())), shape=(len(references), vertices)
    ).multiply(1 / np.maximum(np.clip(shares, 0, None).sum(1), 1e-9)[:, None]).tocsr()  # fmt: skip


def _pieces_by_slot(triangles, canonical, kind) -> dict[str, np.ndarray]:
    """{slot: indices of triangles}, from connected components."""
    if kind != "suit":
        return {kind: np.arange(len(triangles))}
    a = np.concatenate([triangles[:, 0], triangles[:, 1]])
    b = np.concatenate([triangles[:, 1], triangles[:, 2]])
    graph = coo_matrix((np.ones(len(a)), (a, b)), shape=(len(canonical),) * 2)
    _, component = connected_components(graph, directed=False)
    height = canonical[:, 2]
    groups: dict[str, list[np.ndarray]] = {}
    for index in np.unique(component[triangles[:, 0]]):
        members = height[component == index]
        slot = _slot(kind, members.mean(), members.min(), members.max())
        groups.setdefault(slot, []).append(np.flatnonzero(component[triangles[:, 0]] == index))
    return {slot: np.concatenate(parts) for slot, parts in groups.items()}


def _hidden_by(hides, canonical, groups, base: BaseMesh) -> np.ndarray:
    """Slot of the nearest piece for every hidden base vertex: a top taken alone must not hide the legs."""
    hidden = base.canonical[np.flatnonzero(hides)]
    slots = list(groups)
    if len(slots) == 1 or not len(hidden):
        return np.array(slots[:1] * len(hidden))
    arm, height = hidden[:, 3] > 0.5, hidden[:, 2]
    return np.where(arm | (height > 1.0), "upper" if "upper" in slots else slots[0], "lower")


def _luminance(texture, uv) -> float:
    """Mean grey of the texels a piece uses, so that a tint keeps its folds and seams."""
    if texture is None or uv is None:
        return 128.0
    centre = uv.mean(1)
    h, w = texture.shape[:2]
    rows = ((1 - centre[:, 1] % 1) * (h - 1)).astype(int)
    columns = (centre[:, 0] % 1 * (w - 1)).astype(int)
    return max(float(texture[rows, columns].mean()), 12.0)


def helper_piece(
    base: BaseMesh, group: str, slot: str, cut: Region, flare: float = 0.0, name: str = ""
) -> Piece:
    """A garment cut from the tights or skirt helper; flare widens it downwards (metres at the hem)."""
    triangles = base.groups[group].astype(np.int64)
    inside = cut.keeps(base.canonical)
    triangles = triangles[inside[triangles].any(1)]
    used, inverse = np.unique(triangles, return_inverse=True)
    coords = base.canonical[used]
    bare = np.arange(len(base.canonical)) < BODY_VERTICES
    hides = bare & cut.keeps(base.canonical, 0.025)
    if group == "skirt":
        hides &= (base.canonical[:, 3] < 0.5) & (base.canonical[:, 2] > 0.75)
    else:
        hides &= base.canonical[:, 2] > 0.12
    hides &= ~np.isin(base.parts, [12, 15, 20, 21, 22, 23])
    top = coords[:, 2].max() if len(coords) else 1.0
    down = np.clip((top - coords[:, 2]) / max(top - max(cut.low, 0.0), 0.1), 0, 1)
    puff = flare * np.where(coords[:, 3] > 0.5, 0.35, down)
    return Piece(
        name or group, slot, np.repeat(used[:, None], 3, 1), np.tile([1.0, 0.0, 0.0], (len(used), 1)),
        np.zeros((len(used), 3)), inverse.reshape(-1, 3).astype(np.uint32), base.skin[used], coords, hides,
        cut=cut, puff=puff,
    )  # fmt: skip


def nearest_base(base: BaseMesh, points: np.ndarray, group: str) -> np.ndarray:
    """Indices of the helper group's base vertices nearest to canonical points (n,3)."""
    used = np.unique(base.groups[group])
    return used[cKDTree(base.canonical[used, :3]).query(points)[1]]
