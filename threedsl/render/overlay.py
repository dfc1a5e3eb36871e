"""Bodies drawn over photos, for display; NumPy and OpenCV, no OpenGL. Stills of bodies alone are in still.py."""

import cv2
import numpy as np
import torch

from threedsl.body.camera import camera_distance, project
from threedsl.body.joints import COCO_SKELETON
from threedsl.data.transforms import resize_crop
from threedsl.render.paint import paint_over

BEYOND = (203, 206, 211)
"""RGB of what a crop shows beyond the photo's edge."""
KEYPOINT, BONE = (255, 196, 61), (255, 255, 255)

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
    placed = pixels[0].numpy(), depth[0].numpy(), eye
    picture = paint_over(image, np.asarray(vertices), np.asarray(faces), *placed, opacity)
    return picture if keypoints is None else _draw_skeleton(picture, np.asarray(keypoints, float))


def draw_on_crop(
    crop: np.ndarray,
    vertices: np.ndarray,
    camera: np.ndarray,
    faces: np.ndarray,
    aspect: float,
    inside: tuple[slice, slice] | None = None,
) -> np.ndarray:
    """The body over a crop of any shape, RGB uint8 (H, W, 3).

    aspect: width over height of the network's input. The network saw the crop squeezed to it and its camera refers
    to that, so the body is drawn there and squeezed back together with the picture.
    inside: rows and columns of the crop that the photo fills (threedsl.people.Box.inside). What is beyond them is
    plain, and cut off where the body does not reach; None: the photo fills all of it. The rest is as in draw_overlay.
    """
    height, width = crop.shape[:2]
    if inside is not None and crop[inside].shape != crop.shape:
        plain = np.empty_like(crop)
        plain[:] = BEYOND
        plain[inside] = crop[inside]
        crop = plain
    seen = resize_crop(crop, (height, max(1, round(height * aspect))))
    drawn = resize_crop(draw_overlay(seen, vertices, camera, faces), (height, width))
    if inside is None:
        return drawn
    points = torch.as_tensor(np.array(vertices, np.float32))[None]
    pixels, _ = project(points, torch.as_tensor(np.array(camera, np.float32))[None], (height, width))
    low, high = pixels[0].amin(0).tolist(), pixels[0].amax(0).tolist()
    rows, columns = inside
    return drawn[_stretched(rows, low[1], high[1], height), _stretched(columns, low[0], high[0], width)]


def _stretched(kept: slice, low: float, high: float, length: int) -> slice:
    """The part of 0 to `length` that holds `kept` and low to high with a little room, where either leaves it."""
    room = 0.02 * length
    start = kept.start if low >= kept.start else max(0, min(kept.start, int(low - room)))
    stop = kept.stop if high <= kept.stop else min(length, max(kept.stop, int(np.ceil(high + room))))
    return slice(start, stop)


def draw_bodies(
    image: np.ndarray,
    vertices: np.ndarray,
    pixels: np.ndarray,
    cameras: np.ndarray,
    faces: np.ndarray,
    opacity: float = 0.75,
) -> np.ndarray:
    """Several people's bodies over one photo, RGB uint8 (H, W, 3), those further away first.

    vertices: (N, V, 3) metres, camera space of each. pixels: (N, V, 2) where they lie in the photo, x right, y down.
    cameras: (N, 3) weak perspective s, t_x, t_y of each, for the light. faces: (F, 3).
    """
    tall = [
        float(np.ptp(one[:, 1]) / max(np.ptp(body[:, 1]), 1e-6))
        for one, body in zip(pixels, vertices, strict=True)
    ]
    for row in np.argsort(tall, kind="stable"):  # fewer pixels per metre: further away
        scale, left, up = (float(value) for value in cameras[row])
        distance = float(camera_distance(torch.tensor(scale)))
        depth = distance - vertices[row][:, 2]
        eye = np.array([-left, -up, distance])
        image = paint_over(image, vertices[row], faces, pixels[row], depth, eye, opacity)
    return image


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
