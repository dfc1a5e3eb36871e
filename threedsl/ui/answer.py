"""One query, crops in to everything shown: one forward pass serves the three rankings and the bodies."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from threedsl.bodies import body_as_json
from threedsl.body.export import write_row_glb
from threedsl.body.measures import body_measures
from threedsl.calibration import Calibration
from threedsl.comparison import merge, one_by_one
from threedsl.pipeline import Output, ThreeDSL
from threedsl.render.overlay import draw_on_crop, draw_still
from threedsl.streams import STREAMS
from threedsl.ui.cards import Card
from threedsl.ui.pictures import beside, new_file
from threedsl.ui.shelf import OpenGallery

STILL_SIZE = (512, 320)  # height, width in pixels
STILL_YAW = 30  # degrees


@dataclass(frozen=True)
class Prediction:
    """What the network says about one crop, as plain arrays that may cross a process border (ZeroGPU)."""

    output: Output  # descriptors of the crop, (1, D) each; its bodies are None
    betas: np.ndarray  # (10,)
    displacement: np.ndarray  # (V_coarse, 3) metres
    camera: np.ndarray  # (3,) weak perspective s, t_x, t_y
    vertices: np.ndarray  # (V, 3) metres, display topology, as the camera sees it
    upright: np.ndarray  # (V, 3) the same on level ground
    faces: np.ndarray  # (F, 3)
    measures: dict[str, float]
    aspect: float  # width / height of the network's input


@dataclass(frozen=True)
class Look:
    """One crop's prediction and its pictures."""

    prediction: Prediction
    overlay: np.ndarray  # RGB uint8, the crop with the body over it
    still: np.ndarray  # RGB uint8 (512, 320, 3)


@dataclass(frozen=True)
class Body:
    """The body of every crop as one file and two pictures, side by side where there are several."""

    glb: str  # path
    overlay: np.ndarray  # RGB uint8
    still: np.ndarray  # RGB uint8, 512 high
    prediction: Prediction  # of all crops together


@dataclass
class Stopwatch:
    """Seconds spent per step; `lap` closes the step that began with the last one."""

    laps: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = self.laps.get(name, 0) + now - self.last
        self.last = now

    @property
    def total(self) -> float:
        return sum(self.laps.values())


def predict(model: ThreeDSL, crops: Sequence[np.ndarray]) -> list[Prediction]:
    """One forward pass over RGB uint8 crops (H, W, 3)."""
    output = model(list(crops), bodies=True)
    bodies = output.bodies
    height, width = model.input_size
    predictions = []
    for i, own in enumerate(one_by_one(output)):
        with torch.inference_mode():
            measures = body_measures(model.body, bodies.betas[i], bodies.displacement[i])
        predictions.append(
            Prediction(
                output=own,
                betas=bodies.betas[i],
                displacement=bodies.displacement[i],
                camera=bodies.camera[i],
                vertices=bodies.vertices[i],
                upright=bodies.upright[i],
                faces=bodies.faces,
                measures=measures,
                aspect=width / height,
            )
        )
    return predictions


def together(model: ThreeDSL, predictions: Sequence[Prediction]) -> Prediction:
    """One person's photos as one: descriptors and body shape are their means, pose and camera those of the first."""
    if len(predictions) == 1:
        return predictions[0]
    betas = np.mean([one.betas for one in predictions], axis=0)
    displacement = np.mean([one.displacement for one in predictions], axis=0)
    with torch.inference_mode():
        measures = body_measures(model.body, betas, displacement)
    return replace(
        predictions[0],
        output=merge([one.output for one in predictions]),
        betas=betas,
        displacement=displacement,
        measures=measures,
    )


@dataclass(frozen=True)
class Ranking:
    """The three rankings of one query."""

    rows: dict[str, list[Card]]  # of each stream, the best matches
    places: dict[
        str, dict[int, int]
    ]  # of each stream, row of the gallery to its rank from 1; hidden ones have none
    person: str | None  # who the query is known to show
    first: dict[
        str, int
    ]  # of each stream, the best rank of a picture of this person; empty where there is none


def rank(
    output: Output,
    gallery: OpenGallery,
    k: int,
    query_person: str | None,
    hidden: frozenset[int] = frozenset(),
    calibration: Calibration | None = None,
) -> Ranking:
    """The k best matches per stream, each with its rank in the others; all ranks are places in one and the same search.

    output: of one picture. query_person: who the query is known to be, if anybody knows. hidden: rows of the gallery
    that are left out.
    """
    index = gallery.index
    found = {
        stream: [match for match in index.search(output, stream, len(index))[0] if match.index not in hidden]
        for stream in STREAMS
    }
    places = {
        stream: {match.index: place for place, match in enumerate(matches, 1)}
        for stream, matches in found.items()
    }
    rows = {
        stream: [
            Card(
                rank=place,
                person=match.person or "",
                picture=Path(match.path).name,
                score=float(match.score),
                same_person=_same(match.person, query_person),
                thumbnail=gallery.thumbnails[match.index],
                index=match.index,
                elsewhere={
                    other: places[other][match.index]
                    for other in STREAMS
                    if other != stream and match.index in places[other]
                },
                same_share=calibration.same(stream, match.score) if calibration else None,
            )
            for place, match in enumerate(matches[:k], 1)
        ]
        for stream, matches in found.items()
    }
    right = {
        stream: next((place for place, match in enumerate(matches, 1) if match.person == query_person), None)
        for stream, matches in found.items()
    }
    first = {stream: place for stream, place in right.items() if place and query_person}
    return Ranking(rows, places, query_person, first)


def _same(person: str | None, query_person: str | None) -> bool | None:
    return person == query_person if person and query_person else None


def look(prediction: Prediction, crop: np.ndarray, watch: Stopwatch) -> Look:
    """The pictures of one body."""
    overlay = draw_on_crop(crop, prediction.vertices, prediction.camera, prediction.faces, prediction.aspect)
    watch.lap("overlay")
    still = draw_still(prediction.upright, prediction.faces, STILL_SIZE, STILL_YAW)
    watch.lap("still")
    return Look(prediction, overlay, still)


def show_bodies(looks: Sequence[Look], merged: Prediction, folder: Path, watch: Stopwatch) -> Body:
    """GLB below `folder` under a path nobody can guess, and the pictures of one person's bodies."""
    path = new_file(folder, "body.glb")
    write_row_glb([one.prediction.upright for one in looks], merged.faces, path)
    watch.lap("glb")
    return Body(
        str(path), beside([one.overlay for one in looks]), beside([one.still for one in looks]), merged
    )


def reconstruction(prediction: Prediction) -> dict:
    """The body as plain JSON."""
    return body_as_json(prediction.betas, prediction.camera, prediction.measures)


def results(rows: dict[str, list[Card]]) -> dict[str, list[dict]]:
    """The rows as plain JSON, best first."""
    return {
        stream: [
            {
                "rank": card.rank,
                "person": card.person,
                "picture": card.picture,
                "score": round(card.score, 6),
                "same_person": card.same_person,
                "same_share": None if card.same_share is None else round(card.same_share, 4),
                "other_ranks": dict(card.elsewhere),
            }
            for card in cards
        ]
        for stream, cards in rows.items()
    }
