"""The lit surface of a body painted over a picture; NumPy and OpenCV, no OpenGL.

A painter's algorithm: the faces of a display mesh are only a pixel or two large, so sorting by their centres orders
the surface. A lamp at the camera and a weak one above it give the shading.
"""

import cv2
import numpy as np

from threedsl.body.surface import SKIN, vertex_normals
from threedsl.render.triangles import extent, fill_triangles

# The long side, in pixels, of the picture the faces are painted on: at least twice the output, for smooth outlines,
# where affordable; for a larger output the painting is enlarged.
_CANVAS = 1280


def paint_over(
    picture: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    pixels: np.ndarray,
    depth: np.ndarray,
    eye: np.ndarray,
    opacity: float = 1,
    colours: np.ndarray | None = None,
) -> np.ndarray:
    """The body over a picture RGB uint8 (H, W, 3), which is not changed.

    vertices: (V, 3), any unit. faces: (F, 3), counter-clockwise seen from outside. pixels: (V, 2), x right, y down.
    depth: (V,) distance from the picture's plane; those at most 0 are behind it. eye: (3,) where the vertices are seen
    from. colours: (V, 3) sRGB uint8 of a fully lit vertex; SKIN without.
    """
    # Written so that a NaN excludes the face; the bound keeps single precision finer than an edge's tolerance.
    limit = 8 * max(picture.shape)
    usable = (np.abs(pixels[:, 0]) < limit) & (np.abs(pixels[:, 1]) < limit) & (depth > 1e-3)
    corners = np.ascontiguousarray(faces.T)
    x, y = (np.where(usable, pixels[:, axis], 0).astype(np.float32)[corners] for axis in (0, 1))
    kept = np.flatnonzero(
        usable[corners[0]] & usable[corners[1]] & usable[corners[2]] & _in_view(x, y, picture.shape)
    )
    if not len(kept):
        return picture.copy()
    kept = kept[np.argsort(-_mean_of_corners(depth, corners[:, kept]), kind="stable")]
    corners, x, y = corners[:, kept], x[:, kept], y[:, kept]
    brightness = _mean_of_corners(_brightness(vertices, faces, eye), corners)
    rows, columns = _window(y, picture.shape[0]), _window(x, picture.shape[1])
    size = rows.stop - rows.start, columns.stop - columns.start
    zoom = _zoom(max(picture.shape))
    shape = tuple(max(1, round(length * zoom)) for length in size)
    x = (x - columns.start) * np.float32(shape[1] / size[1])
    y = (y - rows.start) * np.float32(shape[0] / size[0])
    if colours is None:
        # Painting one channel is faster than four; 0 marks the background.
        canvas = np.zeros(shape, np.uint8)
        fill_triangles(canvas, x, y, (1 + 254 * brightness).astype(np.uint8))
        cover = _resized(np.where(canvas, np.uint8(255), np.uint8(0)), size) / np.float32(255)
        lit = ((_resized(canvas, size) - cover) / 254)[..., None] * np.array(SKIN, np.float32)
    else:
        canvas = np.zeros((*shape, 4), np.uint8)
        tinted = brightness[:, None] * _mean_of_corners(np.asarray(colours, float), corners)
        levels = np.concatenate([tinted.round(), np.full((len(kept), 1), 255)], 1)
        fill_triangles(canvas, x, y, levels.astype(np.uint8))
        lit, cover = np.split(_resized(canvas, size), [3], axis=2)
        cover = cover[..., 0] / np.float32(255)
    drawn = picture.copy()
    before = picture[rows, columns].astype(np.float32)
    after = before + np.float32(opacity) * (lit - before * cover[..., None])
    drawn[rows, columns] = np.clip(after + 0.5, 0, 255)
    return drawn


def _in_view(x: np.ndarray, y: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Faces (F,) that face the viewer and reach into the picture; x, y: (3, F) pixels of their corners."""
    (left, right), (top, bottom) = extent(x), extent(y)
    inside = (right > 0) & (bottom > 0) & (left < shape[1]) & (top < shape[0])
    return inside & ((x[1] - x[0]) * (y[2] - y[0]) - (y[1] - y[0]) * (x[2] - x[0]) < 0)


def _window(values: np.ndarray, length: int) -> slice:
    """The rows or columns of a picture of this length that the corners reach."""
    return slice(max(0, int(values.min())), min(length, int(values.max()) + 1))


def _zoom(side: int) -> float:
    """Pixels painted for one of the output, each way, by the output's long side."""
    if side >= 2 * _CANVAS:
        return _CANVAS * 1.5 / side
    return 1 if side > _CANVAS else min(max(_CANVAS // side, 2), 4)


def _resized(painted: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A painting uint8 (h, w) or (h, w, C) at size (H, W)."""
    shrinks = painted.shape[0] >= size[0]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(painted, size[::-1], interpolation=interpolation)


def _mean_of_corners(values: np.ndarray, corners: np.ndarray) -> np.ndarray:
    return (values[corners[0]] + values[corners[1]] + values[corners[2]]) / 3


def _brightness(vertices: np.ndarray, faces: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """Lambert's law (V,) in [0, 1] for a lamp at the eye and a weak one above it, with some light all around."""
    normals = vertex_normals(vertices, faces)
    towards = eye - vertices
    distance = np.sqrt(np.einsum("ij,ij->i", towards, towards))
    cosine = np.einsum("ij,ij->i", normals, towards) / np.maximum(distance, 1e-9)
    above = normals @ np.array([-0.3, 0.75, 0.59])
    return np.clip(0.26 + 0.54 * np.clip(cosine, 0, 1) + 0.28 * np.clip(above, -0.5, 1), 0, 1)
