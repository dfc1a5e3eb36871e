"""Keypoints as the people finder gives them: found in crops, or made from the truth with its kinds of error.

The errors were measured on 984 pictures of 90 validation people (synthetic, 256 x 128 pixels): robust standard
deviations, the median offset of the joints that the finder places elsewhere on the body than the body model does, and
how often a keypoint is far off, or left and right are confused.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from threedsl.body.joints import COCO_FLIP
from threedsl.people.given import everybody

HIDDEN = 0.6  # true confidence below which a keypoint cannot be seen in the picture
MEASURED_HEIGHT = 256  # pixels of the crops that the numbers below belong to
PAIRS = ("eyes", "ears", "shoulders", "elbows", "wrists", "hips", "knees", "ankles")
NOISE = {"nose": 1.5, "eyes": 1.2, "ears": 1.5, "shoulders": 2.8, "elbows": 2.5, "wrists": 2.5, "hips": 3.5,
         "knees": 3.3, "ankles": 2.3}  # fmt: skip
LOWER = {"shoulders": -3.2, "hips": -5.0, "knees": -1.5}  # pixels downwards
HIDDEN_NOISE = 2.5  # times the noise of a visible one
FAR, FAR_NOISE = (0.02, 0.12), 22.0  # share of visible and of hidden keypoints, pixels
MISSED = (0.02, 0.09)  # share of visible and of hidden keypoints that are not seen
CONFUSED = 0.0125  # share of people
NOT_FOUND = 0.025


def found_in_crops(crops: Sequence[NDArray[np.uint8]], size: tuple[int, int]) -> NDArray[np.float64]:
    """(N, 17, 3) the finder's keypoints of the most prominent person, in pixels of the network's input of `size`
    (height, width); zeros where it sees no one.

    crops: (H, W, 3) RGB of any size.
    """
    points = np.zeros((len(crops), 17, 3))
    for row, crop in enumerate(crops):
        for one in everybody(crop)[:1]:
            if one.person is not None:
                points[row] = one.crop.to_crop(one.person.keypoints, size)
    return np.nan_to_num(points)


def as_found(keypoints: Tensor, height: int, random: torch.Generator) -> Tensor:
    """True keypoints (B, 17, 3) in pixels of a crop of `height` -> (B, 17, 3) as the finder might give them, with
    confidence 1 where seen and 0 where not."""

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random)

    def chance(*shape: int) -> Tensor:
        return torch.rand(shape, generator=random)

    count = len(keypoints)
    place, confidence = keypoints[..., :2], keypoints[..., 2]
    hidden = confidence < HIDDEN

    def share(both: tuple[float, float]) -> Tensor:
        return torch.where(hidden, both[1], both[0])

    unit = height / MEASURED_HEIGHT
    noise = torch.tensor(each(NOISE))[:, None] * torch.where(hidden, HIDDEN_NOISE, 1.0)[..., None]
    # Some pictures, and some keypoints of each, are harder than others.
    noise = noise * torch.exp(0.4 * normal(count, 1, 1) + 0.5 * normal(count, 17, 1))
    offset = torch.stack([torch.zeros(17), torch.tensor(each(LOWER))], 1) * (1 + 0.3 * normal(count, 17, 1))
    far = (chance(count, 17) < share(FAR))[..., None] * FAR_NOISE
    place = place + unit * (offset + noise * normal(count, 17, 2) + far * normal(count, 17, 2))
    swapped = (chance(count) < CONFUSED)[:, None, None]
    place = torch.where(swapped, place[:, list(COCO_FLIP)], place)
    seen = (confidence > 0) & (chance(count, 17) >= share(MISSED)) & (chance(count, 1) >= NOT_FOUND)
    return torch.cat([place, seen[..., None].to(place.dtype)], 2)


def each(values: dict[str, float]) -> list[float]:
    """A value for each of COCO's 17 keypoints, 0 where none is given."""
    return [values.get("nose", 0.0), *(values.get(pair, 0.0) for pair in PAIRS for _ in range(2))]
