"""Image defects of real cameras and busy places: occluders, blur, noise, low resolution, JPEG, colour."""

from __future__ import annotations

import cv2
import numpy as np

from train.synthesize.places.cameras import Camera


def occluder(size: tuple[int, int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray] | None:
    """RGB (H,W,3) and coverage (H,W) in 0…1 of something in front of the person; None most of the time.

    A counter, a parked car's edge, a post, a bag or another person's shoulder: it covers the feet or a side, never
    most of the person.
    """
    if rng.random() > 0.14:
        return None
    height, width = size
    cover = np.zeros(size, np.float32)
    colour = rng.uniform(15, 200) * np.clip(rng.normal(1, 0.09, 3), 0.7, 1.3)
    kind = rng.choice(["low", "side", "post", "round"], p=[0.4, 0.25, 0.15, 0.2])
    if kind == "low":
        top = rng.uniform(0.68, 0.95) * height
        slope = rng.uniform(-0.25, 0.25)
        line = top + slope * (np.arange(width) - width / 2)
        cover[np.arange(height)[:, None] > line[None]] = 1
    elif kind == "side":
        reach = int(rng.uniform(0.08, 0.3) * width)
        top = int(rng.uniform(0, 0.5) * height)
        part = slice(0, reach) if rng.random() < 0.5 else slice(width - reach, width)
        cover[top:, part] = 1
    elif kind == "post":
        x = int(rng.uniform(0.05, 0.95) * width)
        cover[:, max(0, x - int(rng.integers(2, 7))) : x + int(rng.integers(2, 7))] = 1
    else:
        centre = (int(rng.choice([0.05, 0.95]) * width), int(rng.uniform(0.5, 1.0) * height))
        axes = (int(rng.uniform(0.12, 0.3) * width), int(rng.uniform(0.1, 0.35) * height))
        cv2.ellipse(cover, centre, axes, rng.uniform(-30, 30), 0, 360, 1.0, -1)
    shading = np.linspace(rng.uniform(0.6, 1.1), rng.uniform(0.6, 1.1), width)[None, :, None]
    texture = rng.normal(0, 6, (height // 8 + 1, width // 8 + 1)).astype(np.float32)
    texture = cv2.resize(texture, (width, height))[..., None]
    return (colour * shading + texture).astype(np.float32), cv2.GaussianBlur(cover, (3, 3), 0.8)


def repeat_edge(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lets the picture (H,W,3) end inside the crop, one time in twelve: what lies beyond repeats the last pixels.

    Changes image; returns (H,W) 1 where the picture is, 0 beyond it.
    """
    height, width = image.shape[:2]
    inside = np.ones((height, width), np.float32)
    if rng.random() > 1 / 12:
        return inside
    edge = rng.choice(["bottom", "left", "right"], p=[0.5, 0.25, 0.25])
    if edge == "bottom":
        end = int(height * (1 - rng.uniform(0.02, 0.15)))
        image[end:], inside[end:] = image[end - 1], 0
    elif edge == "right":
        end = int(width * (1 - rng.uniform(0.03, 0.3)))
        image[:, end:], inside[:, end:] = image[:, end - 1 : end], 0
    else:
        start = int(width * rng.uniform(0.03, 0.3))
        image[:, :start], inside[:, :start] = image[:, start : start + 1], 0
    return inside


def develop(image: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """uint8 RGB (H,W,3) of a float picture as this camera would have stored it (before JPEG)."""
    height, width = image.shape[:2]
    grey = image.mean(2, keepdims=True)
    image = grey + (image - grey) * camera.saturation * rng.normal(1, 0.05)
    image = image * camera.gains * camera.exposure * np.clip(rng.normal(1, 0.07), 0.75, 1.3)
    image = 255 * np.clip(image / 255, 0, 1.0) ** camera.gamma
    image = (image - 118) * camera.contrast + 118 + rng.normal(0, 4)
    image = image.astype(np.float32)
    if rng.random() < 0.12:
        length = int(rng.integers(2, 6))
        kernel = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1 / length
        image = cv2.filter2D(image, -1, kernel if rng.random() < 0.7 else kernel.T)
    sigma = camera.blur * rng.uniform(0.5, 1.2)
    if sigma > 0.2:
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    low, high = camera.shrink
    share = rng.uniform(low, high) if rng.random() < 0.6 else 1.0
    if share < 0.95:
        small = cv2.resize(image, (int(width * share), int(height * share)), interpolation=cv2.INTER_AREA)
        small += rng.normal(0, camera.noise, small.shape).astype(np.float32)
        image = cv2.resize(
            small, (width, height), interpolation=rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC])
        )
    else:
        image += rng.normal(0, camera.noise, image.shape).astype(np.float32)
    return np.clip(image, 0, 255).astype(np.uint8)


def jpeg(image: np.ndarray, camera: Camera, rng: np.random.Generator) -> bytes:
    """The JPEG file of an RGB uint8 picture, at one of the camera's qualities."""
    quality = int(rng.integers(camera.quality[0], camera.quality[1] + 1))
    return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
