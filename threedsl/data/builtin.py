"""Keypoints and masks by MediaPipe, for people without AlphaPose and Self-Correction.

MediaPipe is an optional extra in an environment of its own (train/requirements-mediapipe.txt). It looks for one
person a picture, which is what a person crop holds, and is less exact than the two tools the paper used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threedsl.data.annotate import (
    Coverage,
    Dataset,
    mask_coverage,
    picture_size,
    write_keypoints,
    write_mask,
)
from threedsl.data.images import load_image
from threedsl.data.keypoints import Detection
from threedsl.data.layout import check_masks, mask_path, pose_file, pose_id
from threedsl.errors import InputError
from threedsl.files import check_folder
from threedsl.progress import progress_bar

# MediaPipe's 33 landmarks -> COCO-17: nose; eyes (the middle of three points each); ears; shoulders; elbows; wrists;
# hips; knees; ankles. Both count left first and mean the person's own left.
COCO_AMONG_33 = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
MIN_HEIGHT = 256  # pixels; smaller crops are enlarged
# Share of the height added on every side of a crop: the detector overlooks people who fill the picture. On synthetic
# people of known pose 0.15 lost the fewest (2 of 252) with a median error of 1.4 % of the height and masks of 0.95
# intersection over union.
BORDER = 0.15


def coco_from_landmarks(landmarks: NDArray, size: tuple[int, int]) -> NDArray[np.float32]:
    """MediaPipe's pose as COCO-17.

    Args:
        landmarks: (33, 3) x, y in shares of the picture's width and height, visibility 0 to 1.
        size: (width, height) in pixels.

    Returns:
        (17, 3): x, y in pixels, the visibility as confidence.
    """
    return (landmarks[list(COCO_AMONG_33)] * np.array([*size, 1])).astype(np.float32)


class Estimator:
    """A person's keypoints and mask in one picture, by MediaPipe's pose model."""

    def __init__(self, pose):
        self.pose = pose

    def __call__(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.uint8]] | None:
        """RGB (H, W, 3) -> (17, 3) keypoints in its pixels and (H, W) mask of 0 and 255; None when nobody is found."""
        import cv2

        height, width = image.shape[:2]
        zoom = max(1.0, MIN_HEIGHT / height)
        edge = round(BORDER * height * zoom)
        large = cv2.resize(image, (round(width * zoom), round(height * zoom)), interpolation=cv2.INTER_CUBIC)
        large = cv2.copyMakeBorder(large, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        found = self.pose.process(large)
        if found.pose_landmarks is None or found.segmentation_mask is None:
            return None
        landmarks = np.array([[mark.x, mark.y, mark.visibility] for mark in found.pose_landmarks.landmark])
        points = coco_from_landmarks(landmarks, large.shape[1::-1])
        points[:, :2] = (points[:, :2] - edge) * (
            np.array([width, height]) / (np.array(large.shape[1::-1]) - 2 * edge)
        )
        inner = found.segmentation_mask[edge : large.shape[0] - edge, edge : large.shape[1] - edge]
        mask = cv2.resize(inner, (width, height), interpolation=cv2.INTER_AREA)
        return points, (mask > 0.5).astype(np.uint8) * 255


@contextmanager
def estimator() -> Iterator[Estimator]:
    """MediaPipe's full model, the one its wheel holds.

    Raises:
        InputError: MediaPipe is not installed, or a version without this interface.
    """
    os.environ.setdefault("GLOG_minloglevel", "2")  # it reports its own start on stderr
    try:
        from mediapipe.python.solutions.pose import Pose
    except ImportError:
        raise InputError(
            "--builtin needs MediaPipe 0.10.21 in an environment of its own: python3 -m venv .venv-mediapipe, then "
            ".venv-mediapipe/bin/pip install -r train/requirements-mediapipe.txt, and run this command with "
            ".venv-mediapipe/bin/python."
        ) from None
    with Pose(static_image_mode=True, model_complexity=1, enable_segmentation=True) as pose:
        yield Estimator(pose)


def add_both(dataset: Dataset) -> list[Coverage]:
    """Find and write keypoints and masks of every picture; a run that was stopped goes on where it was.

    Raises:
        InputError: MediaPipe is missing, a picture cannot be read, or nothing can be written.
    """
    check_masks(dataset.root, dataset.known)
    with estimator() as find, progress_bar("Finding keypoints and masks") as report:
        journal = Journal(dataset.root)
        check_folder(journal.path.parent, journal.path)
        for done, picture in enumerate(dataset.pictures, 1):
            mask_file = mask_path(dataset.root, picture)
            if not journal.holds(picture, mask_file):
                points, mask = _annotated(find, picture)
                if mask is not None:
                    write_mask(mask_file, mask)
                journal.add(picture, points)
            report(done, len(dataset.pictures))
    best = {
        pose_id(dataset.root, picture): Detection(
            pose_id(dataset.root, picture), points, float(points[:, 2].mean())
        )
        for picture in dataset.pictures
        if (points := journal.points(picture)) is not None
    }
    keypoints = write_keypoints(dataset, best)
    journal.path.unlink()
    found = [picture for picture in dataset.pictures if pose_id(dataset.root, picture) in best]
    return [keypoints, mask_coverage(dataset, found)]


def _annotated(find: Estimator, picture: Path) -> tuple[NDArray | None, NDArray | None]:
    """Keypoints and mask in pixels of the file, however large it is."""
    import cv2

    image = load_image(picture)
    found = find(image)
    if found is None:
        return None, None
    size = picture_size(picture)
    points, mask = found
    points[:, :2] *= np.array(size) / np.array(image.shape[1::-1])
    return points, cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)


class Journal:
    """What a run has found so far, a line a picture, so that stopping it loses one picture at most."""

    def __init__(self, root: Path):
        self.root, self.path = root, pose_file(root).with_name("builtin.part")
        self._found: dict[str, dict] = {}
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.is_file() else []
        for line in lines:
            try:
                entry = json.loads(line)
                self._found[entry["picture"]] = entry
            except (ValueError, KeyError, TypeError):
                continue  # the line that was being written

    def holds(self, picture: Path, mask_file: Path) -> bool:
        """Whether this very file was looked at, and its mask is still there."""
        entry = self._found.get(pose_id(self.root, picture))
        return (
            entry is not None
            and entry["file"] == _stamp(picture)
            and (entry["points"] is None or mask_file.is_file())
        )

    def add(self, picture: Path, points: NDArray | None) -> None:
        """Note what was found, None for nobody."""
        rounded = None if points is None else np.round(points.astype(float), 3).tolist()
        entry = {"picture": pose_id(self.root, picture), "file": _stamp(picture), "points": rounded}
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" * self._cut_off() + json.dumps(entry) + "\n")
        self._found[entry["picture"]] = entry

    def points(self, picture: Path) -> NDArray[np.float32] | None:
        """What was noted."""
        noted = self._found[pose_id(self.root, picture)]["points"]
        return None if noted is None else np.array(noted, np.float32)

    def _cut_off(self) -> bool:
        """Whether the last line was not finished."""
        if not self.path.is_file() or not self.path.stat().st_size:
            return False
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() != b"\n"


def _stamp(picture: Path) -> list[int]:
    state = picture.stat()
    return [state.st_mtime_ns, state.st_size]
