"""Two people side by side: how alike their descriptors are, their two bodies, and where these differ."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from threedsl.body.comparison import (
    Difference,
    compare_bodies,
    heat_colours,
    in_a_sentence,
    standard_body,
)
from threedsl.body.export import in_a_row, write_row_glb
from threedsl.body.surface import shaded
from threedsl.calibration import Calibration
from threedsl.descriptors import similarity
from threedsl.pipeline import ThreeDSL
from threedsl.render.still import draw_still
from threedsl.ui.pictures import new_file
from threedsl.ui.prediction import Prediction

STILL_SIZE = (400, 480)  # height, width in pixels
HEAT_VIEWS = (0, 180)  # degrees: from the front and from behind


@dataclass(frozen=True)
class PairPhoto:
    """One of the two photos."""

    title: str
    crop: np.ndarray  # RGB uint8 (H, W, 3)
    warning: str = ""  # why neither scores nor the body of this photo can be relied on


@dataclass(frozen=True)
class Pair:
    """Everything that is shown of two people."""

    scores: dict[str, float]  # cosine similarity per stream
    shares: dict[
        str, float
    ]  # of measured pairs with that score that are one person; empty without a calibration
    meaning: str  # a sentence on the combined score; "" without a calibration
    difference: Difference
    sentence: str  # on the bodies
    glb: str  # path: both bodies in their poses
    heat_glb: str  # path: both at the same height and in the same pose, coloured by their distance
    still: np.ndarray  # RGB uint8 (400, 480, 3) of the first
    heat_still: np.ndarray  # RGB uint8 (400, 960, 3) of the other, from the front and from behind
    # a sentence on the distances to expect between photos of one person; "" where not measured
    spread: str = ""


def make_pair(
    model: ThreeDSL,
    first: Prediction,
    second: Prediction,
    folder: Path,
    calibration: Calibration | None = None,
    spread: str = "",
) -> Pair:
    """Compare two predictions; the GLB files go below `folder` under unguessable paths."""
    scores = similarity(first.output, second.output)
    figures = [
        standard_body(model.body, one.betas, one.displacement, one.measures) for one in (first, second)
    ]
    difference = compare_bodies(model.body, *figures)
    colours = heat_colours(difference.distance)
    posed = [first.upright, second.upright]
    standing = [one.vertices / 100 for one in figures]
    glb, heat_glb = new_file(folder, "bodies.glb"), new_file(folder, "differences.glb")
    write_row_glb(posed, first.faces, glb, [shaded(body, first.faces) for body in posed])
    write_row_glb(standing, first.faces, heat_glb, [colours, colours])
    return Pair(
        scores=scores,
        shares={name: calibration.same_of_two(name, score) for name, score in scores.items()}
        if calibration
        else {},
        meaning=calibration.sentence("combined", scores["combined"]) if calibration else "",
        difference=difference,
        sentence=in_a_sentence(difference),
        glb=str(glb),
        heat_glb=str(heat_glb),
        still=_row_still(posed, first.faces, lambda body: body),
        heat_still=np.concatenate(
            [_row_still(standing, first.faces, _turned(yaw), colours) for yaw in HEAT_VIEWS], axis=1
        ),
        spread=spread,
    )


def _turned(yaw_degrees: float) -> Callable[[np.ndarray], np.ndarray]:
    yaw = np.deg2rad(yaw_degrees)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    return lambda body: body @ turn.T


def _row_still(
    bodies: list[np.ndarray],
    faces: np.ndarray,
    turn: Callable[[np.ndarray], np.ndarray],
    colours: np.ndarray | None = None,
) -> np.ndarray:
    """A picture of bodies side by side, each turned about itself so that the first stays on the left."""
    row = in_a_row([turn(np.asarray(body, float)) for body in bodies])
    joined = np.concatenate([np.asarray(faces) + i * len(row[0]) for i in range(len(row))])
    paint = None if colours is None else np.concatenate([colours] * len(row))
    return draw_still(np.concatenate(row), joined, STILL_SIZE, 0, paint)
