"""AlphaPose results in all their forms, as COCO-17 keypoints per picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threedsl.errors import InputError
from threedsl.reading import read_json

MOST_BYTES = 2**30  # 136 joints for some 300,000 people

MOST_SCORE = 1e30  # far above any; whole numbers of hundreds of digits are no floats

# What AlphaPose's models emit. In each the first 17 joints are COCO's in COCO's order: AlphaPose's own flip pairs
# (alphapose/datasets/*.py) begin (1,2)(3,4) … (15,16) in all of them, COCO-WholeBody keeps COCO's body by
# definition, and 68 is Halpe's 26 body joints followed by 42 of the hands (halpe_68_noface.py), not 68 face points.
JOINT_SETS = {
    17: "COCO",
    26: "Halpe-26",
    68: "Halpe without face",
    133: "COCO-WholeBody",
    136: "Halpe-136",
}
# Place of each COCO joint among the 18 of `--format cmu` and `open`: nose, neck, right arm, left arm, right leg,
# left leg, then eyes and ears, the right one first (write_json in alphapose/utils/pPose_nms.py).
COCO_AMONG_18 = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)
KEYPOINTS_IN = {"bodies": "joints", "people": "pose_keypoints_2d"}  # of `cmu` and of `open`


@dataclass(frozen=True)
class Detection:
    """One person in one picture.

    image_id: as written in the file. points: (17, 3) float32, x right, y down in pixels of the picture, confidence
    0 to 1. score: AlphaPose's for the person (not bounded by 1), or the mean confidence where a file has none.
    """

    image_id: str
    points: NDArray[np.float32]
    score: float


def read_alphapose(path: str | Path) -> dict[str, NDArray[np.float32]]:
    """Keypoints of one results file, image id -> (17, 3), the highest score where several people share a picture.

    Raises:
        InputError: as `read_detections`.
    """
    return {image: found.points for image, found in best_detections(read_detections(path)).items()}


def best_detections(detections: Iterable[Detection]) -> dict[str, Detection]:
    """The detection with the highest score of each image id; the first one where scores are equal."""
    best: dict[str, Detection] = {}
    for found in detections:
        if found.image_id not in best or found.score > best[found.image_id].score:
            best[found.image_id] = found
    return best


def read_detections(path: str | Path) -> list[Detection]:
    """All people of a results file: AlphaPose's flat list with 17, 26, 68, 133 or 136 joints, or `cmu` or `open`.

    Confidences are brought to 0 to 1 by clipping: heat maps overshoot both ends. A joint with NaN or infinity counts
    as unseen, (0, 0, 0): AlphaPose divides 0 by 0 where it merges undetected joints. A person without any joint of
    positive confidence is left out.

    Raises:
        InputError: the file is missing, no JSON, of another kind, or an entry is no person; with the remedy.
    """
    path = Path(path)
    content = _load(path)
    if isinstance(content, list):
        found = (_flat_entry(entry, f"Keypoints {path}, entry {i}") for i, entry in enumerate(content, 1))
    elif isinstance(content, dict):
        found = _by_picture(content, path)
    else:
        raise InputError(
            f"Keypoints {path} are neither AlphaPose's list nor an object keyed by picture; give its "
            "alphapose-results.json."
        )
    return [detection for detection in found if detection.points[:, 2].any()]


def _load(path: Path) -> object:
    if not path.exists():
        raise InputError(
            f"Keypoints {path} do not exist; a dataset keeps them in pose/alphapose-results.json, which "
            "`python -m threedsl annotate` writes."
        )
    remedy = "the file may be cut off: run AlphaPose again"
    return read_json(path, f"Keypoints {path}: the file", remedy, most=MOST_BYTES)


def _flat_entry(entry: object, where: str) -> Detection:
    if not isinstance(entry, dict):
        raise InputError(f"{where}: {_short(entry)} is not an object with `image_id` and `keypoints`.")
    image = entry.get("image_id")
    if isinstance(image, int | float):
        raise InputError(
            f"{where}: `image_id` is the number {image}, as AlphaPose writes for COCO's own pictures; "
            "run it without its evaluation mode, so that file names are kept."
        )
    _check_name(image, "`image_id`", where)
    if "keypoints" not in entry:
        raise InputError(
            f"{where} ({image}): `keypoints` is missing; run AlphaPose with its default --format."
        )
    numbers = _numbers(entry["keypoints"], f"{where} ({image}): `keypoints`")
    if len(numbers) % 3 or len(numbers) // 3 not in JOINT_SETS:
        raise InputError(
            f"{where} ({image}): {_joints(numbers)}; run AlphaPose with a model of "
            f"{', '.join(map(str, JOINT_SETS))} joints."
        )
    return _detection(image, numbers.reshape(-1, 3)[:17], entry.get("score"), where)


def _by_picture(content: dict, path: Path) -> Iterator[Detection]:
    """`--format cmu` and `open`: {picture: {"bodies": [{"joints": …}]}} or {picture: {"people": [{"pose_…": …}]}}."""
    if "annotations" in content and "images" in content:
        raise InputError(
            f"Keypoints {path} are COCO annotations, not AlphaPose's results; give its alphapose-results.json."
        )
    if KEYPOINTS_IN.keys() & content.keys() and isinstance(content.get("version", ""), str):
        raise InputError(
            f"Keypoints {path} are for a single picture and lack its name; give alphapose-results.json, which is "
            "next to the folder sep-json."
        )
    for image, people in content.items():
        where = f"Keypoints {path}, picture {image!r}"
        _check_name(image, "its name", where)
        kind = next((kind for kind in KEYPOINTS_IN if isinstance(people, dict) and kind in people), None)
        if kind is None or not isinstance(people[kind], list):
            raise InputError(
                f"{where}: no list `bodies` or `people`; give AlphaPose's alphapose-results.json."
            )
        for number, person in enumerate(people[kind], 1):
            field = KEYPOINTS_IN[kind]
            if not isinstance(person, dict) or field not in person:
                raise InputError(f"{where}, person {number}: `{field}` is missing; run AlphaPose again.")
            numbers = _numbers(person[field], f"{where}, person {number}: `{field}`")
            if len(numbers) != 18 * 3:
                raise InputError(
                    f"{where}, person {number}: {_joints(numbers)} instead of the 18 of --format cmu and open; "
                    "run AlphaPose with its default --format."
                )
            points = numbers.reshape(18, 3)[list(COCO_AMONG_18)]
            yield _detection(image, points, person.get("score"), f"{where}, person {number}")


def _detection(image: str, points: NDArray, score: object, where: str) -> Detection:
    with np.errstate(over="ignore"):  # what is finite as a double may not be as a float
        points = points.astype(np.float32)
    points = np.where(np.isfinite(points).all(1, keepdims=True), points, np.float32(0))
    points[:, 2] = points[:, 2].clip(0, 1)
    if score is None:
        return Detection(image, points, float(points[:, 2].mean()))
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise InputError(f"{where} ({image}): `score` is {_short(score)}, not a number; run AlphaPose again.")
    known = abs(score) < MOST_SCORE  # false for NaN as well
    return Detection(image, points, float(score) if known else -np.inf)


def _check_name(image: object, field: str, where: str) -> None:
    if not isinstance(image, str) or not image.strip():
        raise InputError(f"{where}: {field} is {_short(image)}, not a picture's name; run AlphaPose again.")


def _numbers(values: object, where: str) -> NDArray[np.float64]:
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise InputError(f"{where} is not a flat list of numbers x1, y1, c1, x2 …; run AlphaPose again.")
    try:
        return np.array(values, np.float64)
    except OverflowError:
        raise InputError(f"{where} contains a number out of range; run AlphaPose again.") from None


def _joints(numbers: NDArray) -> str:
    count = len(numbers)
    return f"{count // 3} joints" if count % 3 == 0 else f"{count} numbers, not a multiple of 3"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
