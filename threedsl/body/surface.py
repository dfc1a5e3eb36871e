"""A body's surface appearance: colour and normals, for pictures and for exported meshes."""

import numpy as np

SKIN = (148, 193, 238)
"""RGB of a fully lit body: a light blue unlike skin and most clothes, so that it stands out from the photo."""


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3), faces weighted by area; zero at vertices without a face."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    face_normals = np.cross(b - a, c - a)
    index = faces.T.ravel()
    sums = [np.bincount(index, np.tile(face_normals[:, axis], 3), len(vertices)) for axis in range(3)]
    normals = np.stack(sums, 1)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)


def shaded(vertices: np.ndarray, faces: np.ndarray, colour: tuple[int, int, int] = SKIN) -> np.ndarray:
    """(V, 3) sRGB uint8: `colour` under a lamp from above and in front, and a weaker one from behind.

    Viewers that light a body evenly from all around show it flat; this keeps its forms, and the lamps stay where they
    are while it is turned. vertices: (V, 3), y up, facing +z. faces: (F, 3), counter-clockwise seen from outside.
    """
    normals = vertex_normals(vertices, faces)
    front = np.clip(normals @ np.array([-0.45, 0.55, 0.70]), 0, 1)
    back = np.clip(normals @ np.array([0.55, 0.35, -0.76]), 0, 1)
    brightness = np.clip(0.42 + 0.6 * front + 0.4 * back, 0, 1)
    return np.round(brightness[:, None] * np.array(colour)).astype(np.uint8)
