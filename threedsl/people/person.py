"""A person found in a photo: box, 17 COCO keypoints, and what they tell without any further network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threedsl.body.coco import SEEN, facing, trunk_length
from threedsl.body.joints import COCO_KEYPOINTS

JOINT = {name: number for number, name in enumerate(COCO_KEYPOINTS)}
SMALL = 96  # pixels from head to feet, below which too little of a body is left to describe
SEATED = 0.5  # thighs that span less of the picture's height than this share of the trunk's length

NOTES = {
    "half": "only the upper body can be seen",
    "seated": "the person sits or crouches",
    "cut": "the photo's edge cuts the person off",
    "small": f"the person is less than {SMALL} pixels high",
}


@dataclass(frozen=True)
class FoundPerson:
    """One person in a photo, in its pixels: x to the right, y down.

    box: x0, y0, x1, y1 from head to feet and hand to hand, as far as the photo goes. keypoints: (17, 3) x, y,
    confidence in [0, 1], in COCO's order; unseen ones are guesses and may lie outside the photo. score: in [0, 1],
    confidence of the person times the mean of the seen keypoints'. notes: names among NOTES of whatever makes this
    less than a whole, standing body.
    """

    box: tuple[float, float, float, float]
    keypoints: NDArray[np.float32]
    score: float
    notes: tuple[str, ...] = ()

    @property
    def height(self) -> float:
        """Pixels."""
        return self.box[3] - self.box[1]

    @property
    def width(self) -> float:
        """Pixels."""
        return self.box[2] - self.box[0]

    @property
    def facing(self) -> str:
        """ "front", "back", or the side of the picture they look to, "left" or "right"."""
        return facing(self.keypoints)

    def warning(self) -> str:
        """One sentence for whoever reads the results, "" for a whole body."""
        return _sentence([NOTES[note] for note in self.notes])

    def to_dict(self) -> dict:
        """Plain numbers for JSON."""
        return {
            "box": [round(float(value), 1) for value in self.box],
            "keypoints": [[round(float(value), 3) for value in point] for point in self.keypoints],
            "score": round(float(self.score), 3),
            "notes": list(self.notes),
            "facing": self.facing,
        }


def _sentence(reasons: list[str]) -> str:
    if not reasons:
        return ""
    text = " and ".join(reasons)
    return f"{text[0].upper()}{text[1:]}, so the shape of the body is a guess."


def body_box(points: NDArray, net: NDArray, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Head to feet and hand to hand, inside a photo of size (height, width).

    The network's own box ends at the chin of people who are large in its input, so it is widened to the seen
    keypoints and to where skull and soles lie beyond them.

    Args:
        points: (17, 3) x, y, confidence. net: (4,) the network's box.
    """
    height, width = size
    x0, y0, x1, y1 = (float(value) for value in net)
    seen = points[points[:, 2] >= SEEN]
    if len(seen):
        trunk = trunk_length(points)
        side = 0.12 * trunk  # from a joint to the outline
        x0, x1 = min(x0, seen[:, 0].min() - side), max(x1, seen[:, 0].max() + side)
        y0, y1 = min(y0, seen[:, 1].min() - side), max(y1, seen[:, 1].max() + side)
        head = points[:5][points[:5, 2] >= SEEN]
        if len(head):
            y0 = min(y0, float(np.median(head[:, 1])) - 0.32 * trunk)
        feet = points[15:][points[15:, 2] >= SEEN]
        if len(feet):
            y1 = max(y1, float(feet[:, 1].max()) + 0.18 * trunk)
    x0, y0 = max(0.0, min(x0, width - 1.0)), max(0.0, min(y0, height - 1.0))
    x1, y1 = min(float(width), max(x1, x0 + 1)), min(float(height), max(y1, y0 + 1))
    return float(x0), float(y0), float(x1), float(y1)


def notes_of(
    points: NDArray, box: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[str, ...]:
    """Names among NOTES of what keypoints (17, 3) and box in a photo of size (height, width) tell."""
    height, width = size
    edge = 0.01 * max(height, width)
    room = np.minimum(points[:, :2], [width, height] - points[:, :2]).min(1)
    seen = (points[:, 2] >= SEEN) & (room >= edge)  # at the very edge the network guesses what lies beyond
    knees, ankles = seen[13:15].any(), seen[15:17].any()
    found = []
    at_edge = box[0] <= edge or box[1] <= edge or box[2] >= width - edge or box[3] >= height - edge
    headless = not seen[:5].any() and box[1] <= edge and facing(points) != "back"
    if not knees and not ankles:
        found.append("half")
    elif _sits(points, seen):
        found.append("seated")
    elif at_edge and (not ankles or headless or _at_side(points, seen, box, width, edge)):
        found.append("cut")
    if box[3] - box[1] < SMALL:
        found.append("small")
    return tuple(found)


def _sits(points: NDArray, seen: NDArray) -> bool:
    """Whether both thighs point at the camera or to the side rather than down."""
    trunk = trunk_length(points)
    spans = [
        (points[knee, 1] - points[hip, 1]) / trunk
        for hip, knee in ((11, 13), (12, 14))
        if seen[hip] and seen[knee] and trunk > 0
    ]
    return bool(spans) and max(spans) < SEATED


def _at_side(points: NDArray, seen: NDArray, box: tuple, width: int, edge: float) -> bool:
    """Whether one half of the body lies beyond the left or right edge."""
    if box[0] > edge and box[2] < width - edge:
        return False
    left, right = seen[[5, 7, 9, 11, 13]].sum(), seen[[6, 8, 10, 12, 14]].sum()
    return bool(min(left, right) <= 1)
