"""Pictures of bodies for people: drawn over the photo, or alone as a still; NumPy and OpenCV, no OpenGL.

A painter's algorithm: a display mesh has faces of a pixel or two, so the order of their middles is that of their
surfaces. A lamp at the camera and a weak one above it give the shading.
"""

import cv2
import numpy as np
import torch

from threedsl.body.camera import camera_distance, project
from threedsl.body.joints import COCO_SKELETON
from threedsl.data.transforms import resize_crop

SKIN = (148, 193, 238)
"""RGB of a fully lit body: a light blue no skin and few clothes have, so that it is told from the photo."""
BACKGROUND = (244, 245, 247), (222, 225, 230)
"""RGB at the top and the bottom of a still."""
KEYPOINT, BONE = (255, 196, 61), (255, 255, 255)

# The long side, in pixels, of the picture the faces are painted on: at least twice the output, for smooth outlines,
# where that is affordable; a larger output gets the painting enlarged.
_CANVAS = 1280
_SUBPIXEL = 4  # bits of the fixed-point coordinates that OpenCV takes


def draw_overlay(
    image: np.ndarray,
    vertices: np.ndarray,
    camera: np.ndarray,
    faces: np.ndarray,
    keypoints: np.ndarray | None = None,
    opacity: float = 0.75,
) -> np.ndarray:
    """The body over the photo, RGB uint8 (H, W, 3); the input is not changed.

    image: RGB uint8 (H, W, 3); the whole of it is the crop that the camera refers to.
    vertices: (V, 3) metres, camera space (x right, y up, z towards the viewer).
    camera: (3,) weak perspective s, t_x, t_y; see threedsl.body.camera.
    faces: (F, 3), counter-clockwise seen from outside.
    keypoints: (17, 2) or (17, 3) COCO keypoints in pixels of the image, drawn as a skeleton; those that are not
        finite, or whose third number (confidence) is 0, are left out.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image must be RGB uint8 (H, W, 3), not {image.dtype} {image.shape}")
    points = torch.as_tensor(np.array(vertices, np.float32))[None]
    view = torch.as_tensor(np.array(camera, np.float32))[None]
    pixels, depth = project(points, view, image.shape[:2])
    eye = np.array([-view[0, 1], -view[0, 2], camera_distance(view[0, 0])])
    paint, cover = _paint(
        np.asarray(vertices), faces, pixels[0].numpy(), depth[0].numpy(), eye, image.shape[:2]
    )
    picture = _blend(image, paint, cover * opacity)
    return picture if keypoints is None else _draw_skeleton(picture, np.asarray(keypoints, float))


def draw_on_crop(
    crop: np.ndarray, vertices: np.ndarray, camera: np.ndarray, faces: np.ndarray, aspect: float
) -> np.ndarray:
    """The body over a crop of any shape, RGB uint8 (H, W, 3).

    aspect: width over height of the network's input. The network saw the crop squeezed to it and its camera refers
    to that, so the body is drawn there and squeezed back together with the picture. The rest is as in draw_overlay.
    """
    height, width = crop.shape[:2]
    seen = resize_crop(crop, (height, max(1, round(height * aspect))))
    return resize_crop(draw_overlay(seen, vertices, camera, faces), (height, width))


def draw_still(
    vertices: np.ndarray,
    faces: np.ndarray,
    size: tuple[int, int],
    yaw_degrees: float = 30,
    colours: np.ndarray | None = None,
) -> np.ndarray:
    """The body alone, turned to its left about the vertical, filling a plain picture RGB uint8 of size (H, W).

    vertices: (V, 3), y up, facing +z at yaw 0; any unit. faces: (F, 3), counter-clockwise seen from outside.
    colours: (V, 3) sRGB uint8 of a fully lit vertex; SKIN without.
    """
    height, width = size
    yaw = np.deg2rad(yaw_degrees)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    body = np.asarray(vertices, float) @ turn.T
    low, high = body.min(0), body.max(0)
    body -= (low + high) / 2
    extent = np.maximum(high - low, 1e-6)
    scale = min(0.86 * height / extent[1], 0.88 * width / extent[0])
    # Far enough away for a natural look; the nearest parts then stay inside the margins.
    distance = 4 * extent.max()
    depth = distance - body[:, 2]
    pixels = np.stack([body[:, 0], -body[:, 1]], 1) * (scale * distance / depth)[:, None] + [
        width / 2,
        height / 2,
    ]

    ramp = np.linspace(0, 1, height)[:, None, None]
    picture = np.array(BACKGROUND[0]) * (1 - ramp) + np.array(BACKGROUND[1]) * ramp
    picture = np.broadcast_to(picture, (height, width, 3)).astype(np.uint8)
    picture = _blend(picture, np.zeros((*size, 3), np.float32), _shadow(pixels, size))
    eye = np.array([0, 0, distance])
    return _blend(picture, *_paint(body, faces, pixels, depth, eye, size, colours))


def _paint(
    vertices: np.ndarray,
    faces: np.ndarray,
    pixels: np.ndarray,
    depth: np.ndarray,
    eye: np.ndarray,
    size: tuple[int, int],
    colours: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Paint (H, W, 3) in RGB, 0 to 255, of the lit body and the share (H, W) of each pixel that it covers, float32."""
    height, width = size
    zoom = float(np.clip(_CANVAS / max(size), 1, 4)) if max(size) < 2 * _CANVAS else _CANVAS * 1.5 / max(size)
    shape = max(1, round(height * zoom)), max(1, round(width * zoom))
    canvas = np.zeros(shape if colours is None else (*shape, 4), np.uint8)
    scale = np.array([shape[1] / width, shape[0] / height])
    corners = (pixels * scale)[faces]
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    # Written so that a NaN leaves the face out; the bound keeps OpenCV's fixed-point numbers from overflowing.
    drawn = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0] < 0
    drawn &= (np.abs(corners) < 8 * max(shape)).all((1, 2))
    drawn &= ((corners.max(1) > 0) & (corners.min(1) < shape[::-1])).all(1)
    drawn &= (depth[faces] > 1e-3).all(1)
    brightness = _brightness(vertices, faces, eye)[faces].mean(1)
    kept = np.flatnonzero(drawn)
    kept = kept[np.argsort(-depth[faces[kept]].mean(1), kind="stable")]
    # OpenCV puts pixel centres at whole numbers.
    fixed = np.round((corners[kept] - 0.5) * (1 << _SUBPIXEL)).astype(np.int32)
    if colours is None:
        # One channel is painted a third faster than four; 0 is where nothing was.
        levels = (1 + 254 * brightness[kept]).astype(int).tolist()
    else:
        tinted = brightness[kept, None] * np.asarray(colours, float)[faces[kept]].mean(1)
        levels = np.concatenate([tinted, np.full((len(kept), 1), 255)], 1).round().tolist()
    for triangle, level in zip(fixed, levels, strict=True):
        cv2.fillConvexPoly(canvas, triangle, level, cv2.LINE_8, _SUBPIXEL)

    painted = canvas > 0 if colours is None else canvas[..., 3] > 0
    if colours is None:
        lit = np.maximum(canvas.astype(np.float32) - 1, 0) / 254
    else:
        lit = canvas[..., :3].astype(np.float32)
    smooth = cv2.INTER_AREA if zoom >= 1 else cv2.INTER_LINEAR
    covered = cv2.resize(painted.astype(np.float32), (width, height), interpolation=smooth)
    lit = cv2.resize(lit, (width, height), interpolation=smooth)
    if colours is None:
        lit = lit[..., None] * np.array(SKIN, np.float32)
    return lit / np.maximum(covered, 1e-6)[..., None], covered


def _brightness(vertices: np.ndarray, faces: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """Lambert's law (V,) in [0, 1] for a lamp at the eye and a weak one above it, with some light all around."""
    normals = vertex_normals(vertices, faces)
    towards = eye - vertices
    cosine = (normals * towards).sum(1) / np.maximum(np.linalg.norm(towards, axis=1), 1e-9)
    above = normals @ np.array([-0.3, 0.75, 0.59])
    return np.clip(0.26 + 0.54 * np.clip(cosine, 0, 1) + 0.28 * np.clip(above, -0.5, 1), 0, 1)


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3), faces weighted by area; zero at vertices without a face."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    face_normals = np.cross(b - a, c - a)
    index = faces.T.ravel()
    sums = [np.bincount(index, np.tile(face_normals[:, axis], 3), len(vertices)) for axis in range(3)]
    normals = np.stack(sums, 1)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)


def _blend(image: np.ndarray, paint: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    opacity = opacity[..., None].astype(np.float32)
    return np.clip(image + (paint - image) * opacity + 0.5, 0, 255).astype(np.uint8)


def _shadow(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Opacity (H, W) of a soft shadow on the ground under the body."""
    feet = pixels[pixels[:, 1] > np.quantile(pixels[:, 1], 0.97)]
    centre, base = (feet[:, 0].min() + feet[:, 0].max()) / 2, pixels[:, 1].max()
    half = (feet[:, 0].max() - feet[:, 0].min()) / 2 + 0.05 * size[0]
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    away = ((x - centre) / half) ** 2 + ((y - base + 0.012 * size[0]) / (0.035 * size[0])) ** 2
    return 0.3 * np.clip(1 - away, 0, 1) ** 1.5


def _draw_skeleton(picture: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    picture = np.ascontiguousarray(picture)
    reach = 8 * max(picture.shape)
    seen = (np.abs(keypoints[:, :2]) < reach).all(1)
    if keypoints.shape[1] > 2:
        seen &= keypoints[:, 2] > 0
    thickness = max(1, round(max(picture.shape) / 250))
    at = np.where(seen[:, None], keypoints[:, :2] - 0.5, 0) * (1 << _SUBPIXEL)
    at = [tuple(point) for point in np.round(at).astype(int).tolist()]
    for one, two in COCO_SKELETON:
        if seen[one] and seen[two]:
            cv2.line(picture, at[one], at[two], BONE, thickness, cv2.LINE_AA, _SUBPIXEL)
    for point in np.flatnonzero(seen):
        cv2.circle(picture, at[point], (thickness + 1) << _SUBPIXEL, KEYPOINT, -1, cv2.LINE_AA, _SUBPIXEL)
    return picture
