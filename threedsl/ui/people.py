"""What the visitor searches with: the people found in a photo, and the whole picture."""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from threedsl.data.detect import Box, find_people, whole_picture
from threedsl.data.images import MIN_SIDE, load_image
from threedsl.errors import InputError
from threedsl.ui.pictures import fit

CROP_HEIGHT = (
    640  # pixels kept of a crop: plenty for the network and for the overlay, little to hold in a session
)
CROP_WIDTH = 480
MOST_PEOPLE = 11
NOBODY = "No whole person was found in this photo, so the whole picture was searched: use a photo from head to feet."


@dataclass(frozen=True)
class Person:
    """One choice: a crop of the photo."""

    caption: str
    crop: np.ndarray  # RGB uint8, at most CROP_HEIGHT x CROP_WIDTH unless it is a strip
    box: tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels of the photo, upright, x right, y down
    whole: bool = False


@dataclass(frozen=True)
class Photo:
    """An upload, decoded once."""

    people: list[Person]  # the most prominent first; the whole picture last, or alone
    size: tuple[int, int]  # width, height in pixels as read (at most 2,000 on the long side)
    digest: str  # sha256 of the file, by which a gallery recognises its own demo photos
    path: Path  # the file it was read from
    notice: str = ""  # a sentence the visitor should see
    nobody: bool = False  # nobody was found, so there is only the whole picture


def read_photo(path: str | Path) -> Photo:
    """Decode a picture file and find the people in it.

    Raises:
        InputError: no file, or not a picture that can be read.
    """
    image, digest = _decode(path)
    boxes = find_people(image)[:MOST_PEOPLE]
    people = [_person(image, box, f"Person {i}") for i, box in enumerate(boxes, 1) if not box.whole]
    notice = "" if boxes else NOBODY
    if len(people) > 1:
        notice = f"{len(people)} people found: pick the one to look for."
    people.append(_person(image, whole_picture(image), "Whole picture"))
    return Photo(people, (image.shape[1], image.shape[0]), digest, Path(path), notice, not boxes)


def read_crop(path: str | Path, box: object = None) -> tuple[Person, Photo]:
    """The crop a caller of the API asks for: `box`, or the most prominent person, or the whole picture.

    Raises:
        InputError: the picture cannot be read, or the box is not [x0, y0, x1, y1] inside it.
    """
    if box is None or box == [] or box == "":
        photo = read_photo(path)
        return photo.people[0], photo
    image, digest = _decode(path)
    person = _person(image, check_box(box, image.shape[1], image.shape[0]), "Box")
    return person, Photo([person], (image.shape[1], image.shape[0]), digest, Path(path))


def check_box(box: object, width: int, height: int) -> Box:
    """[x0, y0, x1, y1] in pixels of a width x height photo, as a Box.

    Raises:
        InputError: not four numbers, empty, or outside the photo.
    """
    if not isinstance(box, list | tuple) or len(box) != 4 or not all(_is_number(value) for value in box):
        raise InputError(f"box must be four numbers [x0, y0, x1, y1] in pixels, not {box!r}.")
    x0, y0, x1, y1 = (round(value) for value in box)
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise InputError(
            f"box {[x0, y0, x1, y1]} does not lie inside the photo of {width} x {height} pixels "
            "(larger photos are read with 2,000 on the long side)."
        )
    if min(x1 - x0, y1 - y0) < MIN_SIDE:
        raise InputError(f"box {[x0, y0, x1, y1]} is too small: each side needs {MIN_SIDE} pixels or more.")
    return Box(x0, y0, x1, y1, 1.0)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6


def _decode(path: str | Path) -> tuple[np.ndarray, str]:
    if not path:
        raise InputError("Add a photo first: upload one, paste one or take one.")
    path = Path(path)
    image = load_image(path, name=path.name)
    return image, hashlib.sha256(path.read_bytes()).hexdigest()


def _person(image: np.ndarray, box: Box, caption: str) -> Person:
    whole = box.crop(image)
    # A strip's short side must not shrink below what the model reads.
    least = MIN_SIDE / min(whole.shape[:2])
    height, width = (math.ceil(least * length) for length in whole.shape[:2])
    crop = fit(whole, max(CROP_HEIGHT, height), max(CROP_WIDTH, width))
    return Person(caption, np.ascontiguousarray(crop), (box.x0, box.y0, box.x1, box.y1), box.whole)
