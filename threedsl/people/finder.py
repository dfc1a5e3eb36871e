"""People in a photo, with their keypoints, by MoveNet at one to three sizes of the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from threedsl.body.coco import may_be_back
from threedsl.body.joints import COCO_FLIP
from threedsl.data.small import fit
from threedsl.people.maps import raw_maps
from threedsl.people.network import STRIDE, decode
from threedsl.people.person import SEEN, FoundPerson, body_box, notes_of

# Long side of the picture in the network's input, and the border around it as a share of that side. MoveNet knows
# people who are 30 to 200 pixels high best: the first pass is for those who fill the photo and the cheapest, the
# second for those further away, the third, in a picture larger than that, for those who are lost in it.
FOR_LARGE, FOR_MIDDLE, FOR_SMALL = (192, 1 / 6), (320, 0.0), (640, 0.0)
SURE, TALL = 0.6, 0.5  # a score and a share of the photo's height that need no second look
LIKELY = 0.5  # a score that needs no third look
FOUND = 0.35  # detections that score lower are dropped
# The same for a picture that somebody is known to fill: of 30 synthetic crops of people who were not found, 26 had such
# a detection, and the bodies that follow these look 16 instead of 29 degrees past the truth.
FOUND_IN_CROP = 0.2
CENTRE = 0.1  # the least confidence of a centre to look at its keypoints at all
MOST = 16  # people of one pass
FURTHER = 2 / 3  # of the side: there MoveNet tells a back from a front where it could not before
# How exactly people mark each keypoint, as shares of the person's size (COCO's keypoint evaluation).
SIGMAS = np.array(
    [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89], np.float32
)  # in thousandths
SAME = 0.45  # keypoint similarity from which two finds are one person


def find_people(
    image: NDArray[np.uint8], limit: int = 20, small: NDArray[np.uint8] | None = None
) -> list[FoundPerson]:
    """The people in an RGB uint8 picture (H, W, 3), the most prominent first; empty when there is no one.

    small: `reduced(image)`, by callers that have it for another use.

    Raises:
        InputError: the finder's weights are missing or damaged.
    """
    return certain(candidates(image, small), image.shape[:2])[:limit]


def reduced(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (H, W, 3) as large as the finder looks at it."""
    return fit(image, FOR_SMALL[0], FOR_SMALL[0])


def candidates(image: NDArray[np.uint8], small: NDArray[np.uint8] | None = None) -> list[FoundPerson]:
    """Whatever might be a person, each once, however unsure; best score first. Arguments are those of `find_people`."""
    size = image.shape[:2]
    small = reduced(image) if small is None else small
    people = look(small, *FOR_LARGE, size)
    if not any(person.score >= SURE and person.height >= TALL * size[0] for person in people):
        people += look(small, *FOR_MIDDLE, size)
    # Enlarged more than that, a small picture shows no further people: 120 crops from a tracker gave the same ones.
    if max(size) > FOR_MIDDLE[0] and all(person.score < LIKELY for person in people):
        people += look(small, *FOR_SMALL, size)
    return merge(people)


def keypoints_in(crop: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """COCO keypoints (17, 3) x, y, confidence of the person an RGB uint8 crop (H, W, 3) shows; None where none is seen.

    One pass, so the person has to fill the crop.
    """
    people = in_crop(look(crop, *FOR_LARGE), crop.shape[:2])
    return people[0].keypoints if people else None


def certain(people: list[FoundPerson], size: tuple[int, int]) -> list[FoundPerson]:
    """Those of `candidates` who are people, in a picture of size (height, width), the most prominent first."""
    found = [person for person in people if person.score >= FOUND]
    return sorted(found, key=lambda person: -prominence(person, size))


def in_crop(people: list[FoundPerson], size: tuple[int, int]) -> list[FoundPerson]:
    """`certain` of a picture that somebody is known to fill; where no one is, the likeliest candidate, if any."""
    unsure = [person for person in people if person.score >= FOUND_IN_CROP]
    return certain(people, size) or sorted(unsure, key=lambda person: -person.score)[:1]


def prominence(person: FoundPerson, size: tuple[int, int]) -> float:
    """How much a photo of size (height, width) is about this person: large and in the middle, not merely certain."""
    height, width = size
    aside = abs((person.box[0] + person.box[2]) / width - 1)  # 0 in the middle, 1 at an edge
    return person.height / height * (1 - 0.6 * aside) * min(person.score / SURE, 1)


def look(
    image: NDArray[np.uint8], side: int, border: float, size: tuple[int, int] | None = None
) -> list[FoundPerson]:
    """One pass over an RGB picture whose long side becomes `side` pixels with a border of that share around it, and a
    second one from further away where a back may have been taken for a front.

    size: (height, width) of the photo that `image` shows, whose pixels are the unit of the result; its own by default.
    """
    size = size or image.shape[:2]
    people = _pass(image, side, border, size)
    if any(may_be_back(person.keypoints) for person in people):
        again = _pass(image, round(FURTHER * side), border, size)
        people = [
            on_their_sides(person, again, size) if may_be_back(person.keypoints) else person
            for person in people
        ]
    return people


def on_their_sides(person: FoundPerson, again: list[FoundPerson], size: tuple[int, int]) -> FoundPerson:
    """The person, left and right in each other's place where that agrees better with another pass over the photo."""
    points = person.keypoints[list(COCO_FLIP)]
    turned = replace(person, keypoints=points, notes=notes_of(points, person.box, size))
    own, other = (max((similarity(one, found) for found in again), default=0.0) for one in (person, turned))
    return turned if other > own else person


@torch.inference_mode()
def _pass(image: NDArray[np.uint8], side: int, border: float, size: tuple[int, int]) -> list[FoundPerson]:
    """Everybody in a picture, in pixels of the photo of `size` (height, width) that it shows."""
    canvas, corner, zoom = prepare(image, side, border)
    zoom = zoom * [image.shape[1] / size[1], image.shape[0] / size[0]]
    points, boxes, scores = (value.numpy() for value in decode(raw_maps(canvas), MOST, CENTRE))
    people = []
    for person, box, score in zip(points, boxes, scores, strict=True):
        person[:, :2] = (person[:, :2] - corner) / zoom
        net = (box.reshape(2, 2) - corner) / zoom
        if score > 0 and (person[:, 2] >= SEEN).sum() >= 3:
            tight = body_box(person, net.ravel(), size)
            people.append(FoundPerson(tight, person, float(score), notes_of(person, tight, size)))
    return people


def prepare(image: NDArray, side: int, border: float) -> tuple[NDArray, NDArray, NDArray]:
    """(canvas with sides that are multiples of 32, x and y of the picture's corner in it, zoom in x and y)."""
    import cv2

    height, width = image.shape[:2]
    zoom = side / max(height, width)
    inner = np.array([max(1, round(width * zoom)), max(1, round(height * zoom))])
    outer = np.ceil((inner + 2 * round(border * side)) / STRIDE).astype(int) * STRIDE
    corner = (outer - inner) // 2
    shrinks = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    canvas = np.zeros((outer[1], outer[0], 3), np.uint8)
    canvas[corner[1] : corner[1] + inner[1], corner[0] : corner[0] + inner[0]] = cv2.resize(
        image, tuple(int(length) for length in inner), interpolation=shrinks
    )
    return canvas, corner, inner / np.array([width, height])


def merge(people: list[FoundPerson]) -> list[FoundPerson]:
    """The same people without those found twice, whichever sides they were seen from, keeping the most certain of each;
    best score first."""
    kept: list[FoundPerson] = []
    for person in sorted(people, key=lambda one: -one.score):
        sides = (person, replace(person, keypoints=person.keypoints[list(COCO_FLIP)]))
        if all(similarity(one, other) < SAME for one in sides for other in kept):
            kept.append(person)
    return kept


def similarity(first: FoundPerson, second: FoundPerson) -> float:
    """COCO's object keypoint similarity in [0, 1] over the keypoints both have seen; 0 where there are none."""
    both = (first.keypoints[:, 2] >= SEEN) & (second.keypoints[:, 2] >= SEEN)
    if not both.any():
        return 0.0
    area = max(first.width * first.height, second.width * second.height, 1.0)
    distance = ((first.keypoints[both, :2] - second.keypoints[both, :2]) ** 2).sum(1)
    spread = 2 * (2 * SIGMAS[both] / 1000) ** 2 * area
    return float(np.exp(-distance / spread).mean())
