"""The endpoint /reconstruct: its signature and docstring are its schema, and below it is what it returns."""

import time

import gradio as gr
import numpy as np

from threedsl.body.bodies import body_as_json
from threedsl.body.coco import view
from threedsl.people import Box
from threedsl.ui.api.endpoint import endpoint
from threedsl.ui.api.photo import box_input, photo_as_json, photo_input, taken, whole_input
from threedsl.ui.prediction import Prediction
from threedsl.ui.search.photo import PersonCrop, Photo, read_photo
from threedsl.ui.service import Service
from threedsl.ui.uploads import path_of


def add_reconstruct_endpoint(service: Service, limits: dict) -> None:
    """Register the endpoint on the Blocks being built; `limits` are its concurrency arguments."""

    @endpoint
    def reconstruct(photo, box=None, whole=False):
        """Reconstruct the body of the person in a photo.

        Args:
            photo: picture file (JPEG, PNG, WebP, GIF, BMP, TIFF), up to 64 MB.
            box: optional [x0, y0, x1, y1] in pixels of the upright photo; without it the most prominent person is
                taken; a photo where no person is found is an error.
            whole: true to use the whole picture instead of a person; a box comes before it.

        Returns:
            JSON (betas: 10 numbers, camera: s, tx, ty, measures: relative proportions, people: how many were found,
            box, keypoints: the body's 17 COCO keypoints [x, y, confidence], found: those seen in the photo, or null,
            facing: front, back, left, right or null, confidence: share of the joints where both agree, or null,
            query, seconds), the body as GLB (metres, Y up, feet at 0), and the body drawn over the crop as JPEG.
        """
        return reconstruct_as_json(service, photo, box, whole)

    gr.Button(visible=False).click(
        reconstruct,
        [photo_input(), box_input(), whole_input()],
        [
            gr.JSON(label="body", visible=False),
            gr.File(label="glb", visible=False),
            gr.File(label="overlay", visible=False),
        ],
        api_name="reconstruct",
        **limits,
    )


def reconstruct_as_json(
    service: Service, photo: str | None, box: list[float] | None = None, whole: bool = False
) -> tuple[dict, str, str]:
    """A photo file in; JSON, path of the GLB and path of the overlay out."""
    start = time.perf_counter()
    read = read_photo(path_of(photo), box)
    person = taken(read, whole)
    body, glb = service.reconstruct(person)
    said = body.prediction
    report = body_as_json(said.betas, said.camera, said.measures) | {"query": photo_as_json(read, person)}
    report |= seen_as_json(read, person, said)
    overlay = service.write_picture(body.overlay)
    return report | {"seconds": round(time.perf_counter() - start, 3)}, glb, overlay


def seen_as_json(photo: Photo, person: PersonCrop, body: Prediction) -> dict:
    """Where body and person lie, in pixels of the upright photo; `found`, `facing` and `confidence` are None where no
    keypoints were seen in the crop."""
    box = Box(*person.box, beyond=person.beyond)
    points = box.from_crop(body.keypoints, (1, 1))
    seen = None if body.found is None else box.from_crop(body.found, (1, 1))
    return {
        "people": len(photo.found),
        "box": list(person.box),
        "keypoints": [[round(float(x), 2), round(float(y), 2), 1.0] for x, y in points],
        "found": None if seen is None else [[round(float(value), 3) for value in point] for point in seen],
        "facing": None if seen is None else view(points),
        "confidence": None if np.isnan(body.confidence) else round(body.confidence, 3),
    }
