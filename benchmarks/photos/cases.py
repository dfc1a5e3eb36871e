"""The photos of `python -m benchmarks photos`: with people whose boxes are known, with people, and without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from threedsl.data.images import load_image
from threedsl.data.layout import mask_path
from threedsl.data.listfile import read_list
from threedsl.data.picture_files import is_picture
from threedsl.gallery.demo import SYNTHETIC, openpeople_folder, studio_box
from threedsl.people.crops import CROP_MARGIN

# Head to feet, hand to hand, drawn by eye on openpeople's outdoor photos, as shares of width and height.
OUTDOOR = {
    "P001": (0.27, 0.06, 0.77, 0.96),
    "P002": (0.32, 0.095, 0.70, 0.96),
    "P003": (0.33, 0.08, 0.69, 0.97),
    "P004": (0.32, 0.205, 0.785, 0.967),
    "P005": (0.25, 0.03, 0.69, 0.976),
    "P006": (0.305, 0.055, 0.71, 0.98),
    "P007": (0.32, 0.13, 0.685, 0.97),
    "P008": (0.29, 0.03, 0.725, 0.99),
    "P009": (0.285, 0.03, 0.70, 0.98),
    "P010": (0.32, 0.10, 0.685, 0.965),
}
RENDERED = 70  # pictures of a dataset, three cases each
SIDE = 1000  # pixels; larger photos are scaled down, as a visitor's are


@dataclass(frozen=True)
class Case:
    """A photo. boxes: (N, 4) x0, y0, x1, y1 of the people in it; None where there are people without known boxes."""

    kind: str
    name: str
    image: NDArray[np.uint8] = field(repr=False)
    boxes: NDArray[np.float64] | None


def openpeople() -> Iterator[Case]:
    """Ten outdoor photos (boxes by eye), ten studio ones (boxes by colour), ten selfies and ten groups of five."""
    folder = openpeople_folder()
    if folder is None:
        return
    outdoor = {}
    for name, shares in OUTDOOR.items():
        image = _small(load_image(folder / name / "assets" / "amateur_posture.jpg"))
        height, width = image.shape[:2]
        outdoor[name] = image, np.array(shares) * [width, height, width, height]
        yield Case("outdoor", name, image, outdoor[name][1][None])
        image = _small(load_image(folder / name / "assets" / "studio_posture.jpg"))
        yield Case("studio", name, image, _inner(studio_box(image))[None])
        yield Case("selfie", name, _small(load_image(folder / name / "assets" / "amateur_selfie.jpg")), None)
    names = sorted(OUTDOOR)
    for first in range(10):
        chosen = [names[(first + step * 3) % 10] for step in range(5)]
        boxes, x = [], 0
        parts = []
        for name in chosen:
            image, box = outdoor[name]
            zoom = 600 / image.shape[0]
            parts.append(cv2.resize(image, (round(image.shape[1] * zoom), 600), interpolation=cv2.INTER_AREA))
            boxes.append(box * zoom + [x, 0, x, 0])
            x += parts[-1].shape[1]
        yield Case("group of five", f"group {first}", np.hstack(parts), np.array(boxes))


def renderings(root: Path = SYNTHETIC) -> Iterator[Case]:
    """A dataset of `train synthesize` (one with masks): its crops whole, as upper halves, and small in a scene.

    The shipped assets/synthetic holds no masks, so only "found" is known there.
    """
    lists = sorted((root / "list").glob("*.txt")) or sorted(root.glob("*.txt"))
    records = {record.path: record for path in lists if "ATTR" not in path.name for record in read_list(path)}
    rng = np.random.default_rng(0)
    paths = sorted(records)
    for path in paths[:: max(1, len(paths) // RENDERED)]:
        image = load_image(path)
        mask = cv2.imread(str(mask_path(root, path)), cv2.IMREAD_GRAYSCALE)
        box = None if mask is None else _around(mask > 127)
        name = path.stem
        yield Case("rendered crop", name, image, None if box is None else box[None])
        height, width = image.shape[:2]
        half = image[: height // 2]
        yield Case(
            "rendered half body",
            name,
            half,
            None if box is None else np.minimum(box, [width, height // 2] * 2)[None],
        )
        scene = np.empty((3 * height, 4 * height, 3), np.uint8)
        scene[:] = rng.integers(60, 200, 3)
        scene = np.clip(scene + rng.normal(0, 6, scene.shape), 0, 255).astype(np.uint8)
        corner = rng.integers(0, 2 * height), rng.integers(0, 4 * height - width)
        scene[corner[0] : corner[0] + height, corner[1] : corner[1] + width] = image
        shifted = None if box is None else (box + [corner[1], corner[0]] * 2)[None]
        yield Case("rendered, a third of the scene", name, scene, shifted)


def without_people(folders: list[Path]) -> Iterator[Case]:
    """Every picture below the folders, none of which shows a person."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if is_picture(path) and path.is_file():
                yield Case("without people", path.stem, _small(load_image(path)), np.zeros((0, 4)))


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    zoom = min(1.0, SIDE / max(image.shape[:2]))
    return image if zoom == 1 else cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)


def _inner(box) -> NDArray[np.float64]:
    """The tight box within a crop box: its margins above and below taken off, as wide as half of that."""
    margin = CROP_MARGIN / (1 + 2 * CROP_MARGIN) * box.height
    tall, middle = box.height - 2 * margin, (box.x0 + box.x1) / 2
    return np.array([middle - 0.2 * tall, box.y0 + margin, middle + 0.2 * tall, box.y1 - margin])


def _around(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)
