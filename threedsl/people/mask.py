"""A person's outline in a picture, by GrabCut (Rother et al. 2004) started from the keypoints: no weights needed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threedsl.body.joints import COCO_KEYPOINTS
from threedsl.people.person import SEEN, trunk_length

# pixels of the crop that is cut out; finer outlines hardly matter to a training of silhouettes
WORK_HEIGHT = 256
ROUNDS = 4
# Half widths in shares of the trunk's length: what surely, probably and possibly belongs to the person.
LIMBS = {("shoulder", "elbow"): 0.13, ("elbow", "wrist"): 0.1, ("hip", "knee"): 0.2, ("knee", "ankle"): 0.14}
HEAD, SKULL = 0.24, 0.04  # radius, and how far above the face's keypoints its middle lies
HAND, FOOT = 0.1, 0.1  # beyond wrist and ankle
SURE, POSSIBLE = (
    0.45,
    0.3,
)  # share of those widths that is surely inside; trunk lengths around them that may be
JOINT = {name: number for number, name in enumerate(COCO_KEYPOINTS)}


def person_mask(image: NDArray[np.uint8], keypoints: NDArray) -> NDArray[np.uint8]:
    """The person with these keypoints in an RGB picture.

    Args:
        image: (H, W, 3).
        keypoints: (17, 3) COCO's, x right, y down in pixels of the picture, confidence.

    Returns:
        (H, W), 255 where the person is, else 0.
    """
    import cv2

    zoom = min(1.0, WORK_HEIGHT / image.shape[0])
    size = max(8, round(image.shape[1] * zoom)), max(8, round(image.shape[0] * zoom))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    points = keypoints * [size[0] / image.shape[1], size[1] / image.shape[0], 1]
    trunk = trunk_length(points)
    likely = figure(points, trunk, size, 1.0)
    if trunk <= 0 or not likely.any():
        return np.zeros(image.shape[:2], np.uint8)
    sure = figure(points, trunk, size, SURE)
    away = cv2.distanceTransform(1 - likely, cv2.DIST_L2, 5) > POSSIBLE * trunk
    labels = np.full(size[::-1], cv2.GC_PR_BGD, np.uint8)
    labels[away] = cv2.GC_BGD
    labels[likely > 0] = cv2.GC_PR_FGD
    labels[sure > 0] = cv2.GC_FGD
    cv2.setRNGSeed(0)  # GrabCut starts its colour models at random
    if away.any():
        models = np.zeros((2, 1, 65))
        cv2.grabCut(
            cv2.cvtColor(small, cv2.COLOR_RGB2BGR), labels, None, *models, ROUNDS, cv2.GC_INIT_WITH_MASK
        )
    inside = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    inside = cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) | sure
    _, parts = cv2.connectedComponents(inside)
    inside = np.isin(parts, np.unique(parts[sure > 0])).astype(np.uint8) * 255
    large = cv2.resize(inside, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return (large > 127).astype(np.uint8) * 255


def figure(points: NDArray, trunk: float, size: tuple[int, int], share: float) -> NDArray[np.uint8]:
    """A stick figure with flesh: trunk, limbs and head of seen keypoints (17, 3), in a picture of size (width, height).

    share: of each part's width. Returns (height, width) of 0 and 1.
    """
    import cv2

    canvas = np.zeros(size[::-1], np.uint8)
    seen = points[:, 2] >= SEEN
    place = [tuple(round(float(value)) for value in point[:2]) for point in points]

    def thick(half: float) -> int:
        return max(1, round(2 * half * share * trunk))

    corners = [JOINT[name] for name in ("left_shoulder", "right_shoulder", "right_hip", "left_hip")]
    if seen[corners].sum() >= 3:
        outline = cv2.convexHull(np.array([place[i] for i in corners if seen[i]], np.int32))
        cv2.fillPoly(canvas, [outline], 1)
        cv2.polylines(canvas, [outline], True, 1, thick(0.08))
    for (first, second), half in LIMBS.items():
        for side in ("left", "right"):
            a, b = JOINT[f"{side}_{first}"], JOINT[f"{side}_{second}"]
            if seen[a] and seen[b]:
                cv2.line(canvas, place[a], place[b], 1, thick(half))
    for side in ("left", "right"):
        for joint, end, beyond, half in (("elbow", "wrist", HAND, 0.1), ("knee", "ankle", FOOT, 0.12)):
            a, b = JOINT[f"{side}_{joint}"], JOINT[f"{side}_{end}"]
            if seen[a] and seen[b]:
                along = points[b, :2] - points[a, :2]
                tip = points[b, :2] + along * (beyond * trunk / max(float(np.linalg.norm(along)), 1e-6))
                cv2.line(canvas, place[b], tuple(round(float(v)) for v in tip), 1, thick(half))
    head = seen[:5]
    if head.any():
        middle = points[:5][head, :2].mean(0) - [0, SKULL * trunk]
        cv2.circle(canvas, tuple(round(float(v)) for v in middle), max(1, round(HEAD * share * trunk)), 1, -1)
        shoulders = points[5:7][seen[5:7], :2]
        if len(shoulders):
            neck = tuple(round(float(v)) for v in shoulders.mean(0))
            cv2.line(canvas, tuple(round(float(v)) for v in middle), neck, 1, thick(0.1))
    return canvas
