"""A photo as it is searched with: the people found in it, and the whole picture."""

import hashlib
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from threedsl.data.images import MIN_SIDE, load_image
from threedsl.errors import InputError
from threedsl.people import Box, FoundPerson, choose, person_box
from threedsl.people.crops import warning_of
from threedsl.people.finder import reduced
from threedsl.people.keypoints import seen_in_photo
from threedsl.ui.pictures import fit, jpeg
from threedsl.ui.uploads import path_of

# pixels kept of a crop: plenty for the network and for the overlay, little to hold in a session
CROP_HEIGHT = 640
CROP_WIDTH = 480
MOST_PEOPLE = 11
NO_PERSON = "No person was found in this photo, so the whole image was used and the result is a guess."
NO_PERSON_HERE = "No person was found in the chosen area, so the result is a guess."
NOT_ONE_PERSON = "The whole image was used instead of one person, so the shape of the body is a guess."

Key = tuple[str, tuple[int, int, int, int]]  # of a crop: its photo's digest, and its box


@dataclass(frozen=True)
class PersonCrop:
    """What a photo may be searched for: one person, or the whole picture."""

    caption: str
    crop: np.ndarray  # RGB uint8, at most CROP_HEIGHT x CROP_WIDTH unless it is a strip
    box: tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels of the photo, upright, x right, y down
    digest: str = ""  # sha256 of the photo's file, by which a gallery recognises its own demo photos
    whole: bool = False
    warning: str = ""  # why neither scores nor a body of this crop can be relied on
    own: bool = False  # an area that the visitor chose
    beyond: tuple[int, int, int, int] = (0, 0, 0, 0)  # by how much the crop reaches beyond the photo, see Box
    # (17, 3) x, y as shares of the crop and confidence, as seen in the whole photo; None: to be looked for in the crop
    keypoints: np.ndarray | None = None

    @property
    def key(self) -> Key:
        """The same for the same pixels."""
        return self.digest, self.box

    @property
    def inside(self) -> tuple[slice, slice]:
        """Rows and columns of the crop that the photo fills; beyond them are its outermost pixels, repeated."""
        return Box(*self.box, beyond=self.beyond).inside(self.crop.shape[:2])

    @property
    def shown(self) -> np.ndarray:
        """The crop as far as the photo goes: what people look at."""
        return self.crop[self.inside]


@dataclass(frozen=True)
class Photo:
    """A picture file, decoded once."""

    people: list[PersonCrop]  # the most prominent first; the visitor's own area; the whole picture last
    size: tuple[int, int]  # width, height in pixels as read (at most 2,000 on the long side)
    digest: str  # sha256 of the file
    path: Path  # the file it was read from
    no_person: bool = False  # no person was found, so there is only the whole picture
    view: bytes = b""  # JPEG of the whole photo as people are chosen on it

    @property
    def area(self) -> PersonCrop | None:
        """The visitor's own area."""
        return next((person for person in self.people if person.own), None)

    @property
    def found(self) -> list[PersonCrop]:
        """The people found in it."""
        return [person for person in self.people if not (person.whole or person.own)]


def read_photo(path: str | Path, box: object = None) -> Photo:
    """Decode a picture file and find the people in it, with the one in `box` as the visitor's own area.

    Args:
        box: [x0, y0, x1, y1] in pixels of the upright photo; empty or None for no area.

    Raises:
        InputError: no file, not a picture that can be read, or the box is not one inside it.
    """
    image, digest = _decode(path)
    small = reduced(image)
    size = image.shape[1], image.shape[0]
    if box is not None and box != [] and box != "":
        area = check_box(box, *size)
        *found, whole = _people(image, small, digest)[0]
        return Photo([*found, _own_area(image, area, digest, found), whole], size, digest, Path(path))
    people, found = _people(image, small, digest)
    return Photo(people, size, digest, Path(path), not found, jpeg(small, 80))


def with_area(photo: Photo, box: object) -> Photo:
    """The photo with an area of the visitor's own next to the people found, in place of an earlier one.

    Raises:
        InputError: as `read_photo`; the file is read again.
    """
    area = read_photo(path_of(str(photo.path)), box).area
    return replace(photo, people=[*photo.found, area, photo.people[-1]])


def _people(image: np.ndarray, small: np.ndarray, digest: str) -> tuple[list[PersonCrop], bool]:
    """Who can be chosen in RGB uint8 (H, W, 3), which is also given `reduced`, and whether any person was found."""
    choice = choose(image, small)
    found = [] if choice.crop else choice.people[:MOST_PEOPLE]
    people = [_person(image, one, digest, f"Person {i}") for i, one in enumerate(found, 1)]
    if not choice.count:
        warning = NO_PERSON
    elif found:
        warning = NOT_ONE_PERSON
    else:
        warning = choice.warning
    # As large as a crop may be in most photos, and making it once more takes as long as reading the photo.
    fits = MIN_SIDE <= min(small.shape[:2]) and small.shape[0] <= CROP_HEIGHT and small.shape[1] <= CROP_WIDTH
    pixels = small if fits else _reduced_crop(image)
    corners = (0, 0, image.shape[1], image.shape[0])
    whole = PersonCrop("Whole image", pixels, corners, digest, True, warning)
    return [*people, whole], bool(choice.count)


def _person(image: np.ndarray, one: FoundPerson, digest: str, caption: str) -> PersonCrop:
    box = person_box(image, one)
    points = seen_in_photo(one, box, image.shape[:2])
    return replace(_crop(image, box, digest, caption), warning=warning_of(one, False), keypoints=points)


def _own_area(image: np.ndarray, box: Box, digest: str, found: list[PersonCrop]) -> PersonCrop:
    """A box as it is cut out; the box of a person found is that person, whose crop may reach beyond the photo."""
    area = replace(_crop(image, box, digest, "Your area"), own=True)
    for person in found:
        if person.box == area.box:
            return replace(person, caption=area.caption, own=True)
    return replace(area, warning=_warning_of_area(area.crop))


def _warning_of_area(pixels: np.ndarray) -> str:
    choice = choose(pixels)
    if choice.people:
        return choice.warning
    return "" if choice.crop else NO_PERSON_HERE


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
            f"box {[x0, y0, x1, y1]} is not inside the photo of {width} x {height} pixels "
            "(larger photos are reduced to 2,000 on the long side)."
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


def _crop(image: np.ndarray, box: Box, digest: str, caption: str) -> PersonCrop:
    corners = box.x0, box.y0, box.x1, box.y1
    return PersonCrop(caption, _reduced_crop(box.crop(image)), corners, digest, box.whole, beyond=box.beyond)


def _reduced_crop(pixels: np.ndarray) -> np.ndarray:
    # A strip's short side must not shrink below what the model reads.
    least = MIN_SIDE / min(pixels.shape[:2])
    height, width = (math.ceil(least * length) for length in pixels.shape[:2])
    return np.ascontiguousarray(fit(pixels, max(CROP_HEIGHT, height), max(CROP_WIDTH, width)))
