"""Bodies in pictures: over the crop, alone, as a GLB file, and of everyone in a photo."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from threedsl.body.export import write_row_glb
from threedsl.body.surface import shaded
from threedsl.pipeline import ThreeDSL
from threedsl.render.overlay import draw_bodies, draw_on_crop
from threedsl.render.still import draw_still
from threedsl.ui.pictures import fit, new_file, side_by_side
from threedsl.ui.prediction import Prediction
from threedsl.ui.search.photo import PersonCrop
from threedsl.ui.stopwatch import Stopwatch

STILL_SIZE = (512, 320)  # height, width in pixels
EVERYONE_SIDE = 1280  # pixels of the long side of a picture of everyone in a photo, at most
STILL_YAW = 0  # degrees: as the photo and the 3D viewer show it


@dataclass(frozen=True)
class Reconstruction:
    """The body in one crop, or the one body of several crops of a person, in the pose of the first."""

    prediction: Prediction
    overlay: np.ndarray  # RGB uint8: the crops as far as the photos go, with the body over each, side by side
    still: np.ndarray  # RGB uint8 (512, 320, 3)


def reconstruct(prediction: Prediction, person: PersonCrop, watch: Stopwatch) -> Reconstruction:
    """The body that was predicted for a person's crop."""
    overlay = over(prediction, person)
    watch.lap("overlay")
    still = draw_still(prediction.upright, prediction.faces, STILL_SIZE, STILL_YAW)
    watch.lap("still")
    return Reconstruction(prediction, overlay, still)


def over(prediction: Prediction, person: PersonCrop) -> np.ndarray:
    """A body over its person's crop, RGB uint8."""
    body = prediction.vertices, prediction.camera, prediction.faces, prediction.aspect
    return draw_on_crop(person.crop, *body, person.inside)


def join(bodies: Sequence[Prediction], people: Sequence[PersonCrop]) -> Reconstruction:
    """One person's body in each of several crops (`prediction.merge_predictions`) as one."""
    still = draw_still(bodies[0].upright, bodies[0].faces, STILL_SIZE, STILL_YAW)
    overlays = [over(body, person) for body, person in zip(bodies, people, strict=True)]
    return Reconstruction(bodies[0], side_by_side(overlays), still)


def write_body(body: Prediction, folder: Path) -> str:
    """Its GLB below `folder` under an unguessable path; returns the path."""
    path = new_file(folder, "body.glb")
    write_row_glb([body.upright], body.faces, path, [shaded(body.upright, body.faces)])
    return str(path)


def draw_everyone(model: ThreeDSL, image: np.ndarray) -> np.ndarray | None:
    """A photo, RGB uint8 (H, W, 3), with the bodies of all people found in it, at most EVERYONE_SIDE
    pixels; None where no person is found."""
    people = model.people(image)
    if not len(people):
        return None
    small = fit(image, EVERYONE_SIDE, EVERYONE_SIDE)
    zoom = np.array([small.shape[1] / image.shape[1], small.shape[0] / image.shape[0]])
    bodies = people.bodies
    return draw_bodies(small, bodies.vertices, people.vertex_pixels() * zoom, bodies.camera, bodies.faces)
