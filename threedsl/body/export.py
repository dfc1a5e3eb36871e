"""A body as a GLB file: what three-dimensional viewers and Gradio's Model3D show."""

import os
import secrets
from pathlib import Path

import numpy as np

from threedsl.render.overlay import SKIN, vertex_normals


def write_glb(
    vertices: np.ndarray, faces: np.ndarray, path: str | Path, colour: tuple[int, int, int] = SKIN
) -> Path:
    """Write a mesh as binary glTF: metres, Y up, feet at y = 0, centred in x and z; the path written to.

    vertices: (V, 3) metres, Y up. faces: (F, 3), counter-clockwise seen from outside. colour: sRGB, 0 to 255.

    Normals are smooth. The material is a matt one of its own: without any, viewers take glTF's default, which is
    metal and looks black in a room with nothing to mirror. The file appears whole or not at all.
    """
    import trimesh

    vertices = np.asarray(vertices, np.float64)
    low, high = vertices.min(0), vertices.max(0)
    centre = (low + high) / 2
    material = trimesh.visual.material.PBRMaterial(
        name="body",
        baseColorFactor=[*srgb_to_linear(colour), 1.0],
        metallicFactor=0.0,
        roughnessFactor=0.75,
    )
    mesh = trimesh.Trimesh(
        vertices=vertices - [centre[0], low[1], centre[2]],
        faces=np.asarray(faces),
        # Given, because trimesh computes them with SciPy, which the page does not otherwise need.
        vertex_normals=vertex_normals(vertices, np.asarray(faces)),
        visual=trimesh.visual.TextureVisuals(material=material),
        process=False,
    )
    scene = trimesh.Scene()
    scene.add_geometry(mesh, node_name="body", geom_name="body")
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(scene.export(file_type="glb", include_normals=True))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def srgb_to_linear(colour: tuple[int, int, int]) -> list[float]:
    """sRGB in 0 to 255 as the linear light in 0 to 1 that glTF wants (IEC 61966-2-1)."""
    share = np.asarray(colour) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4).tolist()
