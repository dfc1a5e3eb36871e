"""Person crops: the part of a photo that is described, framed as the training's crops are."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from threedsl.people.finder import FOUND, LIKELY, candidates, certain, in_crop
from threedsl.people.person import FoundPerson

CROP_ASPECT = 2.0  # height over width of a person crop
CROP_MARGIN = 0.07  # share of the person's height left free above and below
# width of a person over the crop's, as in training: hands may be cut rather than people squeezed
WIDEST = 1.1
CROP_HEIGHT = 420  # pixels; upright pictures up to it are crops of one person
UNSURE = "This may not be a person, so the result is a guess."
MOST = 20  # people of one picture
FILLED = 0.75  # share of an upright picture that a crop of its person takes when the picture is that crop


@dataclass(frozen=True)
class Box:
    """A person crop in pixels of the picture: x to the right, y down, x1 and y1 exclusive, inside the picture.

    score: of the person found, in [0, 1]; 1 by definition for a picture taken whole. beyond: pixels that the crop
    reaches beyond the picture's left, top, right and bottom edge, where its outermost pixels are repeated.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    score: float = 1.0
    whole: bool = False
    beyond: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0

    def crop(self, image: np.ndarray) -> np.ndarray:
        """The pixels of this box of image (H, W, 3); a view where it does not reach beyond the picture."""
        inside = image[self.y0 : self.y1, self.x0 : self.x1]
        if not any(self.beyond):
            return inside
        import cv2

        left, top, right, bottom = self.beyond
        return cv2.copyMakeBorder(inside, top, bottom, left, right, cv2.BORDER_REPLICATE)

    def inside(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns that the picture itself fills in this crop resized to (height, width)."""
        left, top, right, bottom = self.beyond
        across = size[1] / (self.width + left + right)
        down = size[0] / (self.height + top + bottom)
        rows = slice(round(top * down), size[0] - round(bottom * down))
        return rows, slice(round(left * across), size[1] - round(right * across))

    def to_crop(self, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """(K, 2 or 3) points x, y, … in pixels of the picture as they lie in this crop resized to (height, width)."""
        corner, zoom = self._frame(size)
        return np.concatenate([(points[:, :2] - corner) / zoom, points[:, 2:]], 1)

    def from_crop(self, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """The inverse of `to_crop`."""
        corner, zoom = self._frame(size)
        return np.concatenate([points[:, :2] * zoom + corner, points[:, 2:]], 1)

    def _frame(self, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """(corner of the crop in the picture, pixels of the picture per pixel of the resized crop), as x, y."""
        left, top, right, bottom = self.beyond
        whole = np.array([self.width + left + right, self.height + top + bottom])
        return np.array([self.x0 - left, self.y0 - top]), whole / [size[1], size[0]]

    def to_dict(self) -> dict:
        """Plain numbers for JSON."""
        return asdict(self) | {"score": round(float(self.score), 3), "beyond": list(self.beyond)}


@dataclass(frozen=True)
class Choice:
    """What a search takes of a picture when no choice is made, and which people it chose among.

    people: all that were found, the one in the box first. crop: the picture is a crop of one person, found or not; that
    person may be an unsure find (`threedsl.people.finder.in_crop`).
    """

    box: Box
    people: tuple[FoundPerson, ...] = ()
    crop: bool = False

    @property
    def person(self) -> FoundPerson | None:
        """The one in the box; None where no person was found or detection was skipped."""
        return self.people[0] if self.people else None

    @property
    def count(self) -> int:
        """How many people the picture shows, as far as known."""
        return max(len(self.people), int(self.crop))

    @property
    def warning(self) -> str:
        """One sentence on why the result for the one in the box is a guess; "" for a whole body, or none found."""
        if self.person is None or self.person.score < FOUND:
            return ""
        crop = self.box.whole and _is_crop(self.box.height, self.box.width)
        return warning_of(self.person, crop)

    def keypoints(self, size: tuple[int, int]) -> np.ndarray | None:
        """(17, 3) x, y, confidence of the one in the box, in pixels of their crop resized to (height, width); None
        where no person was found or detection was skipped."""
        return None if self.person is None else self.box.to_crop(self.person.keypoints, size)


def warning_of(person: FoundPerson, crop: bool) -> str:
    """One sentence on why the result for a person found is a guess, "" for one whole body.

    crop: whether the picture is a crop of theirs (`is_crop`). A tracker's are small and blurred, so that a low score
    says little: of 299 crops of 60 x 160 pixels 89 had one.
    """
    return person.warning() or (UNSURE if person.score < LIKELY and not crop else "")


def whole_picture(image: np.ndarray) -> Box:
    """The box of the whole picture, for callers that take it without looking for people."""
    return Box(0, 0, image.shape[1], image.shape[0], 1.0, True)


def crop_box(person: np.ndarray, score: float, size: tuple[int, int]) -> Box:
    """A person's tight x0, y0, x1, y1 as a crop with margin, twice as tall as wide, in a picture of size (H, W).

    The person keeps their proportions: a crop that would reach beyond the picture says how far.
    """
    height, width = size
    x0, y0, x1, y1 = (float(value) for value in person)
    tall = max((1 + 2 * CROP_MARGIN) * (y1 - y0), CROP_ASPECT * (x1 - x0) / WIDEST)
    left, right = round((x0 + x1 - tall / CROP_ASPECT) / 2), round((x0 + x1 + tall / CROP_ASPECT) / 2)
    top, bottom = round((y0 + y1 - tall) / 2), round((y0 + y1 + tall) / 2)
    inside = np.clip([left, top, right, bottom], 0, [width, height, width, height])
    inside[2:] = np.maximum(inside[2:], np.minimum(inside[:2] + 1, [width, height]))
    inside[:2] = np.minimum(inside[:2], inside[2:] - 1)
    beyond = max(0, -left), max(0, -top), max(0, right - width), max(0, bottom - height)
    return Box(*(int(value) for value in inside), score, beyond=beyond)


def person_box(image: np.ndarray, person: FoundPerson) -> Box:
    """The crop of a person found in image (H, W, 3); the whole picture where it is that crop already."""
    height, width = image.shape[:2]
    box = crop_box(np.array(person.box), person.score, (height, width))
    if is_upright(image) and box.width * box.height >= FILLED * width * height:
        return whole_picture(image)
    return box


def choose(image: np.ndarray, small: np.ndarray | None = None) -> Choice:
    """The most prominent person of an RGB uint8 picture (H, W, 3), or the whole picture where no person is found.

    A small upright picture is a crop of one person, whatever is found in it. small: as for `find_people`.
    """
    every, size = candidates(image, small), image.shape[:2]
    if is_crop(image):
        return Choice(whole_picture(image), tuple(in_crop(every, size)[:MOST]), True)
    people = tuple(certain(every, size)[:MOST])
    box = person_box(image, people[0]) if people else whole_picture(image)
    return Choice(box, people, bool(people) and box.whole)


def query_box(image: np.ndarray) -> tuple[Box, int]:
    """(crop of the most prominent person or the whole picture, people found), for galleries of many pictures.

    Small upright pictures are crops already and are taken whole without a look.
    """
    if is_crop(image):
        return whole_picture(image), 1
    choice = choose(image)
    return choice.box, choice.count


def is_crop(image: np.ndarray) -> bool:
    """Whether a picture (H, W, …) comes from a tracker or a dataset, by its size and shape."""
    return _is_crop(*image.shape[:2])


def _is_crop(height: int, width: int) -> bool:
    return _is_upright(height, width) and height <= CROP_HEIGHT


def is_upright(image: np.ndarray) -> bool:
    """Whether a picture (H, W, …) has the shape of a person crop."""
    return _is_upright(*image.shape[:2])


def _is_upright(height: int, width: int) -> bool:
    return height >= 1.6 * width
