"""A dataset's keypoints from AlphaPose's results: one file, or one for each folder of pictures."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np

from threedsl.annotations.dataset import Coverage, Dataset, check_apart, picture_size, write_keypoints
from threedsl.annotations.pairing import pair
from threedsl.data.keypoints import Detection, best_detections, read_detections
from threedsl.data.layout import pose_file, pose_id
from threedsl.errors import InputError

RESULTS = "alphapose-results.json"


def add_keypoints(dataset: Dataset, source: str | Path) -> Coverage:
    """Write the dataset's keypoints from AlphaPose's results.

    Args:
        source: a results file, or a folder of them: `001/alphapose-results.json` or `train_001.json` for the
            pictures in a folder 001 or train/001.

    Raises:
        InputError: a file is malformed, a name fits several pictures, or nothing fits.
    """
    found: list[tuple[PurePosixPath, Detection]] = []
    files = result_files(Path(source))
    check_apart(pose_file(dataset.root), [file for file, _ in files])
    for file, folder in files:
        for detection in read_detections(file):
            found.append((folder / detection.image_id.replace("\\", "/"), detection))
    if not found:
        raise InputError(f"{source} contains no detections; check which pictures AlphaPose was run on.")
    notes: list[str] = []
    pictures = pair(
        [result for result, _ in found],
        dataset.known,
        dataset.root,
        lambda picture: {picture.name, picture.stem},
        Path(source),
        f"run AlphaPose folder by folder into folders named like the pictures' (001/{RESULTS}, or a file "
        "train_001.json) and give --alphapose the folder above them.",
        notes,
    )
    wanted = set(dataset.pictures)
    detections = [
        Detection(pose_id(dataset.root, picture), detection.points, detection.score)
        for picture, (_, detection) in zip(pictures, found, strict=True)
        if picture in wanted
    ]
    if not detections:
        raise InputError(
            f"No detection in {source} belongs to a listed picture (the first picture there is called "
            f"{found[0][0]}, the first listed one {dataset.pictures[0]}); give the results for these pictures."
        )
    best = best_detections(detections)
    _check_scale(dataset, best, source)
    coverage = write_keypoints(dataset, best)
    coverage.notes += notes
    if crowded := len(detections) - len(best):
        coverage.notes.append(f"people with a lower score in the same pictures, left out: {crowded:,}")
    if strangers := sum(picture is None for picture in pictures):
        coverage.notes.append(f"people in unlisted pictures, left out: {strangers:,}")
    return coverage


def result_files(source: Path) -> list[tuple[Path, PurePosixPath]]:
    """(results file, the folders it stands for) of a file or folder given to --alphapose."""
    if not source.exists():
        raise InputError(f"{source} does not exist; give --alphapose its results file or its --outdir.")
    if not source.is_dir():
        return [(source, PurePosixPath())]
    inside = sorted(path for path in source.rglob("*.json") if "sep-json" not in path.parts)
    named = [path for path in inside if path.name == RESULTS]
    if named:
        return [(path, PurePosixPath(path.parent.relative_to(source).as_posix())) for path in named]
    if not inside:
        raise InputError(f"{source} contains no {RESULTS} or other .json file; give AlphaPose's --outdir.")
    return [(path, PurePosixPath(path.relative_to(source).with_suffix("").as_posix())) for path in inside]


def _check_scale(dataset: Dataset, best: dict[str, Detection], source: str | Path) -> None:
    """Refuse keypoints of enlarged or original pictures: most of them are outside the listed pictures."""
    outside, example = 0, ""
    found = [picture for picture in dataset.pictures if pose_id(dataset.root, picture) in best]
    checked = found[:: max(1, len(found) // 200)]  # each costs opening a file
    for picture in checked:
        points = best[pose_id(dataset.root, picture)].points
        size = picture_size(picture)
        inside = ((points[:, :2] > -0.1 * np.array(size)) & (points[:, :2] < 1.1 * np.array(size))).all(1)
        if (points[:, 2] * ~inside).sum() > points[:, 2].sum() / 2:
            outside += 1
            x, y = points[points[:, 2].argmax(), :2]
            example = f"{picture} has {size[0]} x {size[1]} pixels and a joint at {x:.0f}, {y:.0f}"
    if 2 * outside > len(checked):
        raise InputError(
            f"Keypoints {source} are outside most of the pictures ({example}); run AlphaPose on the listed pictures."
        )
