"""Everybody in a photo, found here or in boxes of another detector."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from threedsl.errors import InputError
from threedsl.people.crops import Box, choose, crop_box, person_box
from threedsl.people.finder import FOR_LARGE, FOUND, FOUND_IN_CROP, candidates, find_people, look, similarity
from threedsl.people.finder import SAME as SAME_KEYPOINTS
from threedsl.people.person import FoundPerson

SAME = 0.4  # intersection over union from which a box and somebody found are the same person
AROUND = 0.25  # share of a box's size that is searched around it when no person was found in it at first
COARSE = 96  # pixels of a person in the finder's input below which a closer look places the keypoints better
MOST = 256  # boxes of one photo


@dataclass(frozen=True)
class Somebody:
    """One person in a photo: their box, x0, y0, x1, y1 in its pixels, the crop of it, and what the finder says of them
    (None where no person is found in a given box)."""

    box: tuple[float, float, float, float]
    crop: Box
    person: FoundPerson | None


def everybody(image: NDArray[np.uint8], boxes: object = None) -> list[Somebody]:
    """The people in an RGB uint8 picture (H, W, 3), the most prominent first, or those in `boxes`, in their order.

    A small upright picture, as trackers cut them out, is one person.

    Args:
        boxes: (N, 4) x0, y0, x1, y1, or an object with such an array as `xyxy`; None to look for everybody.

    Raises:
        InputError: boxes that are not such an array, or lie outside the picture.
    """
    if boxes is not None:
        return _in_boxes(image, check_boxes(boxes, image.shape[:2]))
    choice = choose(image)
    if choice.crop:
        box = (0.0, 0.0, float(image.shape[1]), float(image.shape[0]))
        person = choice.person
        return [Somebody(person.box if person and person.score >= FOUND else box, choice.box, person)]
    return [
        Somebody(one.box, person_box(image, one), one)
        for one in (closer(image, each) for each in choice.people)
    ]


def check_boxes(boxes: object, size: tuple[int, int]) -> NDArray[np.float64]:
    """(N, 4) boxes inside a picture of size (height, width), their parts beyond it cut off.

    Raises:
        InputError: another shape, too many, not numbers, empty, or outside the picture.
    """
    try:
        given = np.asarray(getattr(boxes, "xyxy", boxes), float)
    except (TypeError, ValueError, OverflowError):
        raise InputError("boxes must be an array (N, 4) of x0, y0, x1, y1 in pixels of the photo.") from None
    given = given.reshape(0, 4) if given.size == 0 else given
    if given.ndim != 2 or given.shape[1] != 4:
        raise InputError(
            f"boxes must be an array (N, 4) of x0, y0, x1, y1 in pixels of the photo, not one of shape {given.shape}."
        )
    if len(given) > MOST:
        raise InputError(f"{len(given)} boxes are too many for one photo; give {MOST} or fewer.")
    if not np.isfinite(given).all():
        raise InputError("boxes must be finite numbers.")
    height, width = size
    inside = np.clip(given, 0, [width, height, width, height])
    for row, box in enumerate(inside):
        if box[2] - box[0] < 1 or box[3] - box[1] < 1:
            raise InputError(
                f"box {row} {given[row].tolist()} is not x0 < x1 and y0 < y1 inside the photo of {width} x {height} "
                "pixels."
            )
    return inside


def _in_boxes(image: NDArray[np.uint8], boxes: NDArray[np.float64]) -> list[Somebody]:
    people: list[FoundPerson | None] = [None] * len(boxes)
    left = find_people(image) if len(boxes) else []
    # The pairs that overlap most first, each box and each person once.
    pairs = sorted(
        (
            (overlap(box, one.box), row, number)
            for row, box in enumerate(boxes)
            for number, one in enumerate(left)
        ),
        reverse=True,
    )
    taken = set()
    for share, row, number in pairs:
        if share >= SAME and people[row] is None and number not in taken:
            people[row] = left[number]
            taken.add(number)
    people = [
        closer(image, one) if one else _looked_up(image, box) for one, box in zip(people, boxes, strict=True)
    ]
    return [
        Somebody(
            tuple(float(value) for value in box),
            crop_box(box, 1.0 if one is None else one.score, image.shape[:2]),
            one,
        )
        for box, one in zip(boxes, people, strict=True)
    ]


def is_coarse(person: FoundPerson, size: tuple[int, ...]) -> bool:
    """Whether someone is so small in a photo of size (height, width) that a look at their crop alone places the
    keypoints better."""
    return person.height * FOR_LARGE[0] / max(size[:2]) < COARSE


def closer(image: NDArray[np.uint8], person: FoundPerson) -> FoundPerson:
    """The person with the keypoints of a look at their crop alone, where they are small in the photo."""
    if not is_coarse(person, image.shape[:2]):
        return person
    crop = person_box(image, person)
    pixels = crop.crop(image)
    again = []
    for one in look(pixels, *FOR_LARGE):
        points = crop.from_crop(one.keypoints, pixels.shape[:2]).astype(np.float32)
        again.append(replace(person, keypoints=points))
    best = max(again, key=lambda one: similarity(person, one), default=person)
    return best if similarity(person, best) >= SAME_KEYPOINTS else person


def _looked_up(image: NDArray[np.uint8], box: NDArray[np.float64]) -> FoundPerson | None:
    """Whoever fills a box, looked for in the box and its surroundings alone."""
    height, width = image.shape[:2]
    border = AROUND * max(box[2] - box[0], box[3] - box[1])
    x0, y0 = (int(value) for value in np.maximum(box[:2] - border, 0))
    x1, y1 = (int(value) for value in np.ceil(np.minimum(box[2:] + border, [width, height])))
    shift = np.array([x0, y0])
    here = [
        replace(
            one,
            box=tuple(float(value) for value in np.array(one.box) + np.tile(shift, 2)),
            keypoints=one.keypoints + np.array([x0, y0, 0], np.float32),
        )
        for one in candidates(image[y0:y1, x0:x1])
        if one.score >= FOUND_IN_CROP
    ]
    inside = [one for one in here if overlap(box, one.box) >= SAME]
    return max(inside, key=lambda one: (one.score >= FOUND, overlap(box, one.box)), default=None)


def overlap(first: NDArray | tuple, second: NDArray | tuple) -> float:
    """Intersection over union of two boxes x0, y0, x1, y1."""
    first, second = np.asarray(first, float), np.asarray(second, float)
    shared = np.clip(np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2]), 0, None).prod()
    return float(shared / ((first[2:] - first[:2]).prod() + (second[2:] - second[:2]).prod() - shared))
