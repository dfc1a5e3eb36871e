"""Bodies as a GLB file, for 3D viewers and Gradio's Model3D."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from threedsl.body.surface import SKIN, vertex_normals
from threedsl.files import write_whole

if TYPE_CHECKING:
    import trimesh

GAP = 0.15  # metres between bodies side by side


def write_glb(
    vertices: np.ndarray, faces: np.ndarray, path: str | Path, colour: tuple[int, int, int] = SKIN
) -> Path:
    """Write a mesh as binary glTF: metres, Y up, feet at y = 0, centred in x and z; the path written to.

    vertices: (V, 3) metres, Y up. faces: (F, 3), counter-clockwise seen from outside. colour: sRGB, 0 to 255.

    Normals are smooth. The mesh has a matt material: without one, viewers use glTF's default, which is metallic
    and looks black with nothing to reflect. The file appears whole or not at all.
    """
    return write_row_glb([vertices], faces, path, colour=colour)


def write_row_glb(
    bodies: Sequence[np.ndarray],
    faces: np.ndarray,
    path: str | Path,
    colours: Sequence[np.ndarray] | None = None,
    colour: tuple[int, int, int] = SKIN,
) -> Path:
    """Write bodies side by side, the first one left as seen from the front, so that they turn together.

    bodies: each (V, 3) as in `write_glb`, all with the same faces. colours: (V, 3) sRGB uint8 for each body instead
    of the one colour. The nodes are called body, body-2, body-3 ...
    """
    import trimesh

    scene = trimesh.Scene()
    for i, vertices in enumerate(in_a_row(bodies)):
        name = f"body-{i + 1}" if i else "body"
        mesh = _mesh(vertices, faces, colour, None if colours is None else colours[i])
        scene.add_geometry(mesh, node_name=name, geom_name=name)
    path = Path(path)
    write_whole(path, scene.export(file_type="glb", include_normals=True))
    return path


def in_a_row(bodies: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Each (V, 3) moved: feet at y = 0, GAP apart along x, the row as a whole and every body in z centred."""
    widths = [float(np.ptp(vertices[:, 0])) for vertices in bodies]
    left = -(sum(widths) + GAP * (len(bodies) - 1)) / 2
    moved = []
    for vertices, width in zip(bodies, widths, strict=True):
        vertices = np.asarray(vertices, np.float64)
        low, high = vertices.min(0), vertices.max(0)
        moved.append(vertices - [low[0] - left, low[1], (low[2] + high[2]) / 2])
        left += width + GAP
    return moved


def _mesh(
    vertices: np.ndarray,
    faces: np.ndarray,
    colour: tuple[int, int, int],
    colours: np.ndarray | None,
) -> trimesh.Trimesh:
    import trimesh

    # glTF multiplies the two, so coloured vertices need a white base colour.
    base = (255, 255, 255) if colours is not None else colour
    material = trimesh.visual.material.PBRMaterial(
        name="body",
        baseColorFactor=[*srgb_to_linear(base).tolist(), 1.0],
        metallicFactor=0.0,
        roughnessFactor=0.75,
    )
    visual = trimesh.visual.TextureVisuals(material=material)
    if colours is not None:
        linear = np.round(255 * srgb_to_linear(colours)).astype(np.uint8)
        opaque = np.full((len(linear), 1), 255, np.uint8)
        visual.vertex_attributes["color"] = np.concatenate([linear, opaque], axis=1)
    return trimesh.Trimesh(
        vertices=vertices,
        faces=np.asarray(faces),
        # Given, because trimesh computes them with SciPy, which the page does not otherwise need.
        vertex_normals=vertex_normals(vertices, np.asarray(faces)),
        visual=visual,
        process=False,
    )


def srgb_to_linear(colour: tuple[int, int, int] | np.ndarray) -> np.ndarray:
    """sRGB in 0 to 255, of any shape, as the linear light in 0 to 1 that glTF requires (IEC 61966-2-1)."""
    share = np.asarray(colour) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
