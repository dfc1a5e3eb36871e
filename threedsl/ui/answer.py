"""One query, photo crop in to everything shown: one forward pass serves the three rankings and the body."""

import secrets
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from threedsl.bodies import body_as_json
from threedsl.body.export import write_glb
from threedsl.body.measures import body_measures
from threedsl.pipeline import Output, ThreeDSL
from threedsl.render.overlay import draw_on_crop, draw_still
from threedsl.streams import STREAMS
from threedsl.ui.cards import Card
from threedsl.ui.shelf import OpenGallery

STILL_SIZE = (512, 320)  # height, width in pixels
STILL_YAW = 30  # degrees


@dataclass(frozen=True)
class Prediction:
    """What the network says about one crop, as plain arrays that may cross a process border (ZeroGPU)."""

    output: Output  # descriptors of the crop, (1, D) each; its bodies are None
    betas: np.ndarray  # (10,)
    camera: np.ndarray  # (3,) weak perspective s, t_x, t_y
    vertices: np.ndarray  # (V, 3) metres, display topology
    faces: np.ndarray  # (F, 3)
    measures: dict[str, float]
    aspect: float  # width / height of the network's input


@dataclass(frozen=True)
class Body:
    """A reconstructed body as files and pictures."""

    glb: str  # path
    overlay: np.ndarray  # RGB uint8, the crop with the body over it
    still: np.ndarray  # RGB uint8 (512, 320, 3)
    prediction: Prediction


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


def predict(model: ThreeDSL, crop: np.ndarray) -> Prediction:
    """One forward pass over an RGB uint8 crop (H, W, 3)."""
    output = model([crop], bodies=True)
    bodies = output.bodies
    with torch.inference_mode():
        measures = body_measures(model.body, bodies.betas[0], bodies.displacement[0])
    height, width = model.input_size
    return Prediction(
        output=replace(output, bodies=None),
        betas=bodies.betas[0],
        camera=bodies.camera[0],
        vertices=bodies.vertices[0],
        faces=bodies.faces,
        measures=measures,
        aspect=width / height,
    )


def rank(
    prediction: Prediction, gallery: OpenGallery, k: int, query_person: str | None
) -> dict[str, list[Card]]:
    """The k best matches per stream; `query_person` is who the query is known to be, if anybody knows."""
    return {
        stream: [
            Card(
                rank=match.rank,
                person=match.person or "",
                picture=Path(match.path).name,
                score=float(match.score),
                same_person=_same(match.person, query_person),
                thumbnail=gallery.thumbnails[match.index],
            )
            for match in gallery.index.search(prediction.output, stream=stream, k=k)[0]
        ]
        for stream in STREAMS
    }


def _same(person: str | None, query_person: str | None) -> bool | None:
    return person == query_person if person and query_person else None


def draw_body(prediction: Prediction, crop: np.ndarray, folder: Path, watch: Stopwatch) -> Body:
    """GLB into `folder` under a name nobody can guess, overlay on the crop, and a still picture."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"body-{secrets.token_hex(12)}.glb"
    write_glb(prediction.vertices, prediction.faces, path)
    watch.lap("glb")
    overlay = draw_on_crop(crop, prediction.vertices, prediction.camera, prediction.faces, prediction.aspect)
    watch.lap("overlay")
    still = draw_still(prediction.vertices, prediction.faces, STILL_SIZE, STILL_YAW)
    watch.lap("still")
    return Body(str(path), overlay, still, prediction)


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
            }
            for card in cards
        ]
        for stream, cards in rows.items()
    }
