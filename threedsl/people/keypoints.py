"""Keypoints that go into the network with a crop, so that the crop's body follows them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threedsl.people.crops import Box
from threedsl.people.finder import keypoints_in
from threedsl.people.given import is_coarse
from threedsl.people.person import FoundPerson


def seen_in_photo(person: FoundPerson, box: Box, size: tuple[int, ...]) -> NDArray | None:
    """A person's keypoints as seen in the whole photo of size (height, width).

    Returns:
        (17, 3) x, y as shares of the person's crop `box` and confidence; None where the photo shows the person so small
        that a look at the crop alone places them better.
    """
    # What is around a half body, a crouching or a stretched one helps the finder more than its crop alone.
    return None if is_coarse(person, size) else box.to_crop(person.keypoints, (1, 1))


def seen_in_each(
    crops: Sequence[NDArray[np.uint8]], known: Sequence[NDArray | None] | None = None
) -> list[NDArray | None]:
    """(17, 3) COCO keypoints x, y as shares of each RGB uint8 crop (H, W, 3), confidence; None where no person is seen.

    known: those of each crop that need not be looked for, and None for the others.
    """
    return [
        _shares(crop) if points is None else points
        for points, crop in zip(known or [None] * len(crops), crops, strict=True)
    ]


def in_pixels(seen: Sequence[NDArray | None], size: tuple[int, int]) -> list[NDArray | None]:
    """The same with x and y in pixels of crops resized to (height, width)."""
    height, width = size
    return [None if points is None else points * [width, height, 1] for points in seen]


def _shares(crop: NDArray[np.uint8]) -> NDArray | None:
    points = keypoints_in(crop)
    return None if points is None else points / [crop.shape[1], crop.shape[0], 1]
