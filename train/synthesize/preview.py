"""A contact sheet of a dataset, one row per person."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from threedsl.body.joints import COCO_SKELETON
from threedsl.files import write_whole
from train.synthesize import files


def draw_truth(image: np.ndarray, mask: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """Mask outline and skeleton over a picture (BGR): the body's left in green, its right in red, hidden ones thin."""
    image = image.copy()
    outline, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(image, outline, -1, (0, 230, 255), 1)
    for a, b in COCO_SKELETON:
        ends = [tuple(int(value) for value in keypoints[k, :2]) for k in (a, b)]
        cv2.line(image, *ends, (255, 200, 80), 1, cv2.LINE_AA)
    for k, (x, y, confidence) in enumerate(keypoints):
        colour = (255, 255, 255) if k == 0 else (80, 220, 60) if k % 2 else (60, 60, 240)
        cv2.circle(image, (int(x), int(y)), 2, colour, -1 if confidence > 0.6 else 1, cv2.LINE_AA)
    return image


def write_sheet(out: Path, path: Path, people: int = 12, pictures: int = 16, truth: bool = False) -> None:
    """Writes a PNG of the first people's pictures, spread over their outfits."""
    rows = []
    for index in range(people):
        record = files.read_record(files.record_path(out, index))
        name = files.person_name(index)
        row = []
        for i in range(min(pictures, len(record["names"]))):
            stem = record["names"][i]
            image = cv2.imread(str(out / "images" / name / f"{stem}.jpg"))
            if truth:
                mask = cv2.imread(str(out / "mask" / name / f"{stem}.png"), cv2.IMREAD_GRAYSCALE)
                image = draw_truth(image, mask, record["keypoints"][i])
            row.append(image)
        row += [np.zeros_like(row[0])] * (pictures - len(row))
        rows.append(np.hstack(row))
    encoded = cv2.imencode(".png", np.vstack(rows))[1].tobytes()
    write_whole(path, encoded)
