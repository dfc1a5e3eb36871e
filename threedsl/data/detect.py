"""People in a photo, found by OpenCV's HOG detector (Dalal and Triggs 2005), which needs no weights file.

It finds standing and walking people whose whole body shows; it misses people cut by the frame, sitting or
bent over. Whoever calls this must therefore let a visitor take the whole picture instead.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np

CROP_ASPECT = 2.0  # height over width of a person crop
CROP_MARGIN = 0.07  # share of the person's height left free above and below
COARSE_SIDE = 480  # longest side in pixels of the first pass
FINE_SIDE = 960  # of the second, made only when the first saw nobody large
# The detector's window holds 16 pixels of surroundings on every side of a 96-pixel person. Without a border a
# person who fills the photo is never found; a fifth of the long side finds all of them.
COARSE_BORDER, FINE_BORDER = 0.2, 0.04
MIN_SCORE, MIN_HITS = 0.7, 3
SMALL_SCORE = 1.2  # asked of people below 40 % of the largest one's height: fences and trees live there


@dataclass(frozen=True)
class Box:
    """A person crop in pixels of the picture: x to the right, y down, x1 and y1 exclusive.

    score: the SVM margin, about 0.7 (doubtful) to 5 (certain); 1 by definition for a picture taken whole.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    score: float = 1.0
    whole: bool = False

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0

    def crop(self, image: np.ndarray) -> np.ndarray:
        """The pixels of this box, a view of image (H, W, 3)."""
        return image[self.y0 : self.y1, self.x0 : self.x1]

    def to_dict(self) -> dict:
        """Plain numbers for JSON."""
        return asdict(self) | {"score": round(float(self.score), 3)}


def whole_picture(image: np.ndarray) -> Box:
    """The box of the whole picture, for callers that take it without detection."""
    return Box(0, 0, image.shape[1], image.shape[0], 1.0, True)


def find_people(image: np.ndarray, limit: int = 20) -> list[Box]:
    """Person crops in an RGB uint8 picture (H, W, 3), the most prominent first; empty when nobody is found.

    A picture that already is a person crop (clearly taller than wide, and small or filled by one person)
    comes back as a single box of the whole picture.
    """
    height, width = image.shape[:2]
    tall = height >= 1.6 * width
    if tall and height <= 420:
        return [whole_picture(image)]
    hits = _hits(image, COARSE_SIDE, COARSE_BORDER)
    people = merge_hits(hits)
    if not len(people) or (people[:, 3] - people[:, 1]).max() < 0.4 * height:
        hits = np.concatenate([hits, _hits(image, FINE_SIDE, FINE_BORDER, scale=1.08, levels=8)])
        people = merge_hits(hits)
    if not len(people):
        return []
    heights = people[:, 3] - people[:, 1]
    people = people[(heights >= 0.4 * heights.max()) | (people[:, 4] >= SMALL_SCORE)]
    boxes = [crop_box(person[:4], float(person[4]), (height, width)) for person in people]
    boxes.sort(key=lambda box: -box.height * min(box.score, 2.5))
    if tall and boxes[0].width * boxes[0].height >= 0.8 * width * height:
        return [whole_picture(image)]
    return boxes[:limit]


def query_box(image: np.ndarray) -> tuple[Box, int]:
    """What a search takes when nobody chooses: (most prominent person or whole picture, people found)."""
    people = find_people(image)
    return (people[0] if people else whole_picture(image)), len(people)


def crop_box(person: np.ndarray, score: float, size: tuple[int, int]) -> Box:
    """A person's tight x0, y0, x1, y1 as a crop with margin, twice as tall as wide, clipped to size (H, W)."""
    height, width = size
    x0, y0, x1, y1 = (float(value) for value in person)
    margin = CROP_MARGIN * (y1 - y0)
    top, bottom = max(0, round(y0 - margin)), min(height, round(y1 + margin))
    # The width follows the height that is left, or a person at the frame's edge would be squeezed.
    half = max((bottom - top) / CROP_ASPECT, x1 - x0) / 2
    middle = (x0 + x1) / 2
    left, right = max(0, round(middle - half)), min(width, round(middle + half))
    return Box(left, top, max(right, left + 1), max(bottom, top + 1), score)


def merge_hits(hits: np.ndarray) -> np.ndarray:
    """Non-maximum suppression: raw windows (N, 5) x0, y0, x1, y1, score -> people (M, 5), best first.

    Windows that overlap the strongest by half are averaged with their scores as weights, which places the box
    much better than the strongest alone; what overlaps less, or lies inside it, is dropped.
    """
    people = []
    hits = hits[np.argsort(-hits[:, 4], kind="stable")]
    while len(hits):
        best = hits[0]
        union, inside = _overlap(best, hits)
        close = union > 0.5
        if best[4] >= MIN_SCORE and close.sum() >= MIN_HITS:
            weights = hits[close, 4:5] + 0.1
            people.append(np.append((hits[close, :4] * weights).sum(0) / weights.sum(), best[4]))
        hits = hits[~((union > 0.35) | (inside > 0.65))]
    return np.array(people).reshape(-1, 5)


def _overlap(box: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intersection over union, and over the smaller area, of one box with (N, 5) boxes, itself among them."""
    sides = np.minimum(box[2:4], boxes[:, 2:4]) - np.maximum(box[:2], boxes[:, :2])
    intersection = np.clip(sides, 0, None).prod(1)
    areas = (boxes[:, 2:4] - boxes[:, :2]).prod(1)
    area = (box[2:4] - box[:2]).prod()
    return intersection / (areas + area - intersection), intersection / np.minimum(areas, area)


@lru_cache(maxsize=4)
def _detector(levels: int):
    import cv2

    cells = (64, 128), (16, 16), (8, 8), (8, 8)
    detector = cv2.HOGDescriptor(*cells, 9, 1, -1, cv2.HOGDescriptor_L2Hys, 0.2, True, levels, False)
    detector.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())
    return detector


def _hits(image: np.ndarray, side: int, border: float, scale: float = 1.05, levels: int = 64) -> np.ndarray:
    """Raw detections (N, 5): tight person boxes in pixels of the picture, x0, y0, x1, y1, and score >= 0.

    The picture is resized to `side` pixels, then searched at `levels` sizes, each smaller by `scale`.
    """
    import cv2

    zoom = side / max(image.shape[:2])
    size = tuple(max(1, round(length * zoom)) for length in image.shape[1::-1])
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    # OpenCV crashes on a picture smaller than its 64 x 128 window.
    edge = np.maximum(round(border * side), (np.array([65, 129]) - size) // 2)
    small = cv2.copyMakeBorder(small, edge[1], edge[1], edge[0], edge[0], cv2.BORDER_REPLICATE)
    # OpenCV expects BGR, but the gradients of the three channels are compared, not ordered.
    windows, scores = _detector(levels).detectMultiScale(
        small, winStride=(8, 8), padding=(0, 0), scale=scale, groupThreshold=0, hitThreshold=0
    )
    if not len(windows):
        return np.zeros((0, 5))
    windows = np.asarray(windows, float)
    middle = windows[:, :2] + windows[:, 2:] / 2 - edge
    height = windows[:, 3] * 96 / 128
    half = np.stack([height * 0.21, height / 2], 1)
    boxes = np.concatenate([middle - half, middle + half], 1) / zoom
    return np.concatenate([boxes, np.asarray(scores, float).reshape(-1, 1)], 1)
