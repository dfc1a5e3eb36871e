"""Keypoints and masks without AlphaPose and Self-Correction: by the people finder, and GrabCut or MediaPipe.

Both take the person in the middle of a crop and are less exact than the two tools the paper used. MediaPipe, for
better masks, is an optional extra in an environment of its own (train/requirements-mediapipe.txt).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threedsl.annotations.dataset import (
    Coverage,
    Dataset,
    about_doubtful,
    is_doubtful,
    mask_coverage,
    picture_size,
    write_keypoints,
    write_mask,
)
from threedsl.annotations.journal import Journal, state_of
from threedsl.body.joints import COCO_FLIP
from threedsl.data.images import load_image
from threedsl.data.keypoints import Detection
from threedsl.data.layout import check_masks, mask_path, pose_id
from threedsl.errors import InputError
from threedsl.files import check_folder
from threedsl.progress import progress_bar

MIN_HEIGHT = 256  # pixels; smaller crops are enlarged
# Share of the height added on every side of a crop: the detector misses people who fill the picture. On synthetic
# people of known pose 0.15 lost the fewest (2 of 252), with masks of 0.95 intersection over union.
BORDER = 0.15
MASKS = ("grabcut", "mediapipe")

Found = tuple[NDArray[np.float32], NDArray[np.uint8]]


class Estimator:
    """A person's keypoints and mask in one picture.

    segment: RGB (H, W, 3) -> (H, W) mask of 0 and 255, or None if it detects no person; by default GrabCut, seeded with
    the keypoints and also the fallback for None.
    """

    def __init__(self, segment: Callable[[NDArray[np.uint8]], NDArray[np.uint8] | None] | None = None):
        self.segment = segment

    def __call__(self, image: NDArray[np.uint8]) -> Found | None:
        """RGB (H, W, 3) -> (17, 3) keypoints in its pixels and (H, W) mask of 0 and 255; None if no person is found."""
        from threedsl.people.mask import person_mask

        points = keypoints_of(image)
        if points is None:
            return None
        mask = self.segment(image) if self.segment else None
        return points, person_mask(image, points) if mask is None else mask


def keypoints_of(image: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """The (17, 3) keypoints of the most prominent person; None when no one is found, not in three more attempts either.

    The finder overlooks people who fill the picture or stand in the dark, and differs between a picture and its mirror
    image; so the picture is looked at again with a border of its own colours, with its contrast spread, and mirrored.
    """
    from threedsl.people import find_people

    if people := find_people(image, limit=1):
        return people[0].keypoints
    edge = round(BORDER * image.shape[0])
    if people := find_people(bordered(image, edge), limit=1):
        return people[0].keypoints - np.float32([edge, edge, 0])
    if people := find_people(spread(image), limit=1):
        return people[0].keypoints
    if people := find_people(np.ascontiguousarray(image[:, ::-1]), limit=1):
        points = people[0].keypoints[list(COCO_FLIP)]
        points[:, 0] = image.shape[1] - points[:, 0]
        return points
    return None


def bordered(image: NDArray[np.uint8], edge: int) -> NDArray[np.uint8]:
    """The picture with its outermost pixels repeated `edge` times on every side."""
    import cv2

    return cv2.copyMakeBorder(image, edge, edge, edge, edge, cv2.BORDER_REPLICATE)


def spread(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The RGB picture with its brightness equalised within tiles (CLAHE)."""
    import cv2

    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(3.0, (8, 4)).apply(np.ascontiguousarray(lab[..., 0]))
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


class Segmenter:
    """A person's mask by the segmentation of MediaPipe's pose model."""

    def __init__(self, pose):
        self.pose = pose

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """RGB (H, W, 3) -> (H, W) mask of 0 and 255; None if no person is found."""
        import cv2

        height, width = image.shape[:2]
        zoom = max(1.0, MIN_HEIGHT / height)
        edge = round(BORDER * height * zoom)
        large = cv2.resize(image, (round(width * zoom), round(height * zoom)), interpolation=cv2.INTER_CUBIC)
        large = cv2.copyMakeBorder(large, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        found = self.pose.process(large)
        if found.segmentation_mask is None:
            return None
        inner = found.segmentation_mask[edge : large.shape[0] - edge, edge : large.shape[1] - edge]
        mask = cv2.resize(inner, (width, height), interpolation=cv2.INTER_AREA)
        return (mask > 0.5).astype(np.uint8) * 255


@contextmanager
def estimator(masks: str = "grabcut") -> Iterator[Estimator]:
    """What finds keypoints and masks, the latter by "grabcut" or by the full pose model in "mediapipe"'s wheel.

    Raises:
        InputError: MediaPipe is requested but not installed, or is a version without this interface.
    """
    if masks == "grabcut":
        yield Estimator()
        return
    os.environ.setdefault("GLOG_minloglevel", "2")  # it reports its own start on stderr
    try:
        from mediapipe.python.solutions.pose import Pose
    except ImportError:
        raise InputError(
            "--masks mediapipe needs MediaPipe 0.10.21 in an environment of its own: python3 -m venv "
            ".venv-mediapipe, then .venv-mediapipe/bin/pip install -r train/requirements-mediapipe.txt, and run this "
            "command with .venv-mediapipe/bin/python."
        ) from None
    with Pose(static_image_mode=True, model_complexity=1, enable_segmentation=True) as pose:
        yield Estimator(Segmenter(pose))


def add_both(dataset: Dataset, masks: str = "grabcut") -> list[Coverage]:
    """Find and write keypoints and masks of every picture; a stopped run resumes where it left off.

    masks: one of MASKS.

    Raises:
        InputError: MediaPipe is missing, a picture cannot be read, or nothing can be written.
    """
    check_masks(dataset.root, dataset.known)
    doubtful = []
    with estimator(masks) as find, progress_bar("Finding keypoints and masks") as report:
        journal = Journal(dataset.root, masks)
        check_folder(journal.path.parent, journal.path)
        for done, picture in enumerate(dataset.pictures, 1):
            mask_file = mask_path(dataset.root, picture)
            if not journal.holds(picture, mask_file):
                state = state_of(picture)
                points, mask = _annotated(find, picture)
                if mask is not None:
                    write_mask(mask_file, mask)
                    doubtful += [picture] * is_doubtful(mask)
                journal.add(picture, points, state)
            report(done, len(dataset.pictures))
    best = {
        pose_id(dataset.root, picture): Detection(
            pose_id(dataset.root, picture), points, float(points[:, 2].mean())
        )
        for picture in dataset.pictures
        if (points := journal.points(picture)) is not None
    }
    keypoints = write_keypoints(dataset, best)
    keypoints.notes += about_coverage(keypoints, dataset)
    journal.close(dataset.pictures)
    found = [picture for picture in dataset.pictures if pose_id(dataset.root, picture) in best]
    masks = mask_coverage(dataset, found)
    masks.notes += about_doubtful(doubtful, dataset.root)
    return [keypoints, masks]


def about_coverage(keypoints: Coverage, dataset: Dataset) -> list[str]:
    """What it means for training that some pictures have no keypoints; nothing where all have."""
    if not keypoints.missing:
        return []
    share = 1 - len(keypoints.missing) / len(dataset.pictures)
    return [
        f"coverage {100 * share:.1f} %; the other pictures still train identities, but teach nothing about bodies"
    ]


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
