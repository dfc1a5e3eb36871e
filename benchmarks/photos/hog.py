"""OpenCV's HOG people detector (Dalal and Triggs 2005), the peer that needs no weights file either."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SIDE, BORDER = 480, 0.2  # pixels of the picture's long side, and the border that lets people fill the picture
FINE_SIDE, FINE_BORDER = 960, 0.04  # of a second pass, if the first found no large person
LEAST = 0.7  # SVM margin
HITS = 3  # windows that have to agree


def find_people(image: NDArray[np.uint8]) -> list[tuple[NDArray[np.float64], float]]:
    """(x0, y0, x1, y1) in pixels of an RGB picture (H, W, 3) and SVM margin of each person, the best first."""
    hits = _hits(image, SIDE, BORDER)
    people = _merge(hits)
    if not people or max(box[3] - box[1] for box, _ in people) < 0.4 * image.shape[0]:
        people = _merge(np.concatenate([hits, _hits(image, FINE_SIDE, FINE_BORDER)]))
    return people


@lru_cache(maxsize=1)
def _detector():
    import cv2

    detector = cv2.HOGDescriptor()
    detector.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())
    return detector


def _hits(image: NDArray[np.uint8], side: int, border: float) -> NDArray[np.float64]:
    """Windows as tight person boxes (N, 5): x0, y0, x1, y1, score."""
    import cv2

    zoom = side / max(image.shape[:2])
    size = tuple(max(1, round(length * zoom)) for length in image.shape[1::-1])
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    # OpenCV crashes on a picture smaller than its 64 x 128 window.
    edge = np.maximum(round(border * side), (np.array([65, 129]) - size) // 2)
    small = cv2.copyMakeBorder(small, edge[1], edge[1], edge[0], edge[0], cv2.BORDER_REPLICATE)
    windows, scores = _detector().detectMultiScale(
        small, winStride=(8, 8), padding=(0, 0), scale=1.05, groupThreshold=0, hitThreshold=0
    )
    if not len(windows):
        return np.zeros((0, 5))
    windows = np.asarray(windows, float)
    middle = windows[:, :2] + windows[:, 2:] / 2 - edge
    height = windows[:, 3] * 96 / 128  # the window holds 16 pixels of surroundings around a 96-pixel person
    half = np.stack([height * 0.21, height / 2], 1)
    boxes = np.concatenate([middle - half, middle + half], 1) / zoom
    return np.concatenate([boxes, np.asarray(scores, float).reshape(-1, 1)], 1)


def _merge(hits: NDArray[np.float64]) -> list[tuple[NDArray[np.float64], float]]:
    """Non-maximum suppression that averages the windows which overlap the strongest by half."""
    people = []
    hits = hits[np.argsort(-hits[:, 4], kind="stable")]
    while len(hits):
        best = hits[0]
        sides = np.minimum(best[2:4], hits[:, 2:4]) - np.maximum(best[:2], hits[:, :2])
        shared = np.clip(sides, 0, None).prod(1)
        areas = (hits[:, 2:4] - hits[:, :2]).prod(1)
        union, inside = shared / (areas + areas[0] - shared), shared / np.minimum(areas, areas[0])
        close = union > 0.5
        if best[4] >= LEAST and close.sum() >= HITS:
            weights = hits[close, 4:5] + 0.1
            people.append(((hits[close, :4] * weights).sum(0) / weights.sum(), float(best[4])))
        hits = hits[~((union > 0.35) | (inside > 0.65))]
    return people
