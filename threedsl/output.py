"""What the network says of pictures, and of everybody in a photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from threedsl.body.bodies import Bodies
from threedsl.body.camera import project
from threedsl.body.coco import DOUBTFUL
from threedsl.descriptors import Descriptors
from threedsl.people.crops import Box
from threedsl.people.given import Somebody
from threedsl.people.person import FoundPerson


@dataclass(frozen=True)
class Output(Descriptors):
    """What the network says of N pictures: their descriptors and, where asked for, their bodies.

    >>> from threedsl import ThreeDSL
    >>> model = ThreeDSL.from_pretrained(device="cpu")
    >>> picture = np.zeros((384, 192, 3), np.uint8)  # or a path, or a PIL image
    >>> out = model([picture, picture])
    >>> out.appearance.shape[0], out.combined.shape[1] == out.appearance.shape[1] + out.shape.shape[1]
    (2, True)
    >>> out.stream("shape") is out.shape
    True
    >>> model(picture, bodies=False).bodies is None
    True
    """

    bodies: Bodies | None = None


@dataclass(frozen=True)
class People(Output):
    """Everybody in a photo: row i of the descriptors, of `bodies` and of each array below is person i.

    >>> from threedsl import ThreeDSL
    >>> model = ThreeDSL.from_pretrained(device="cpu")
    >>> empty = model.people(np.zeros((480, 640, 3), np.uint8))
    >>> len(empty), empty.boxes.shape, empty.keypoints.shape, empty.bodies
    (0, (0, 4), (0, 17, 3), None)
    >>> one = model.people(np.zeros((480, 640, 3), np.uint8), boxes=[[100, 50, 250, 450]])
    >>> one.boxes.tolist(), one.found, one.combined.shape[0]
    ([[100.0, 50.0, 250.0, 450.0]], (None,), 1)
    """

    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    """(N, 4) x0, y0, x1, y1 in pixels of the upright photo: found from head to feet, or as they were given."""
    keypoints: np.ndarray = field(default_factory=lambda: np.zeros((0, 17, 3), np.float32))
    """(N, 17, 3) COCO keypoints x, y in the same pixels, confidence in [0, 1]; zeros where none were found."""
    crops: tuple[Box, ...] = ()
    """What the network was shown of each."""
    found: tuple[FoundPerson | None, ...] = ()
    """What the finder says of each; None for a given box without keypoints."""

    @classmethod
    def of(cls, output: Output, people: Sequence[Somebody]) -> People:
        """Of the descriptors and bodies of as many people."""
        nothing = np.zeros((17, 3), np.float32)
        points = [nothing if one.person is None else one.person.keypoints for one in people]
        return cls(
            output.appearance,
            output.shape,
            output.fingerprint,
            output.shape_share,
            output.bodies,
            np.array([one.box for one in people], np.float32).reshape(-1, 4),
            np.array(points, np.float32).reshape(-1, 17, 3),
            tuple(one.crop for one in people),
            tuple(one.person for one in people),
        )

    @property
    def confidence(self) -> np.ndarray:
        """(N,) in [0, 1]: how far each body agrees with the keypoints (threedsl.body.coco.agreement); NaN where there
        are no keypoints or no bodies."""
        known = None if self.bodies is None else self.bodies.confidence
        return np.full(len(self), np.nan, np.float32) if known is None else known

    def body_keypoints(self) -> np.ndarray:
        """(N, 17, 2): the bodies' own COCO keypoints in pixels of the upright photo."""
        points = self.bodies.keypoints
        return np.array(
            [crop.from_crop(one, self.bodies.size) for crop, one in zip(self.crops, points, strict=True)]
        ).reshape(-1, 17, 2)

    def vertex_pixels(self) -> np.ndarray:
        """(N, V, 2): the bodies' display vertices in pixels of the upright photo."""
        bodies = self.bodies
        pixels, _ = project(torch.from_numpy(bodies.vertices), torch.from_numpy(bodies.camera), bodies.size)
        return np.stack(
            [crop.from_crop(one, bodies.size) for crop, one in zip(self.crops, pixels.numpy(), strict=True)]
        )

    def warning(self, row: int) -> str:
        """One sentence on why this person's body is a guess; "" where nothing speaks against it."""
        person, share = self.found[row], self.confidence[row]
        if person is None:
            return "No keypoints were found in this box, so the body could not be checked."
        if person.notes:
            return person.warning()
        return doubt(share)


def doubt(confidence: float) -> str:
    """A sentence for a body that agrees too little with its keypoints, "" for another (or one that is not known)."""
    if np.isnan(confidence) or confidence >= DOUBTFUL:
        return ""
    return "The body does not match the person's keypoints well, so pose and shape are a guess."
