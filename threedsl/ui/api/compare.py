"""The endpoint /compare: its signature and docstring are its schema, and below it is what it returns."""

import time
from dataclasses import replace

import gradio as gr

from threedsl.ui.api.endpoint import endpoint
from threedsl.ui.api.photo import box_input, photo_as_json, photo_input, taken, whole_input
from threedsl.ui.compare.pair import Pair
from threedsl.ui.search.photo import read_photo
from threedsl.ui.service import Service
from threedsl.ui.uploads import path_of


def add_compare_endpoint(service: Service, limits: dict) -> None:
    """Register the endpoint on the Blocks being built; `limits` are its concurrency arguments."""

    @endpoint
    def compare(photo, other, box=None, other_box=None, whole=False):
        """Compare the people in two photos: how alike they are by appearance and by 3D body shape, and where their
        bodies differ.

        Args:
            photo: picture file (JPEG, PNG, WebP, GIF, BMP, TIFF), up to 64 MB.
            other: the second picture file.
            box: optional [x0, y0, x1, y1] in pixels of the upright first photo; without it the most prominent person
                is taken; a photo where no person is found is an error.
            other_box: the same for the second photo.
            whole: true to use the whole of both pictures instead of a person; a box comes before it.

        Returns:
            JSON (similarity and same_share by appearance, shape and combined: cosine similarity, and the share of
            measured pairs with this score that were one person, null where it was not measured; sentence;
            body_differences: centimetres at a common height, by region; photo and other: what was cut out of each;
            seconds), a GLB with both bodies side by side, and a GLB with both in one pose, coloured by how far apart
            they are.
        """
        return compare_as_json(service, photo, other, box, other_box, whole)

    gr.Button(visible=False).click(
        compare,
        [
            photo_input(),
            photo_input("other"),
            box_input(),
            box_input("other_box"),
            whole_input(),
        ],
        [
            gr.JSON(label="comparison", visible=False),
            gr.File(label="bodies", visible=False),
            gr.File(label="differences", visible=False),
        ],
        api_name="compare",
        **limits,
    )


def compare_as_json(
    service: Service,
    photo: str | None,
    other: str | None,
    box: list[float] | None = None,
    other_box: list[float] | None = None,
    whole: bool = False,
) -> tuple[dict, str, str]:
    """Two photo files in; JSON, path of the GLB with both bodies and path of the GLB with their differences out."""
    start = time.perf_counter()
    paths = path_of(photo), path_of(other)
    first, second = (read_photo(path, box) for path, box in zip(paths, (box, other_box), strict=True))
    people = taken(first, whole), taken(second, whole)
    pair = service.compare(*people)
    if any(person.warning for person in people):
        pair = replace(pair, shares={}, meaning="", sentence="")
    answer = pair_as_json(pair) | {
        "photo": photo_as_json(first, people[0]),
        "other": photo_as_json(second, people[1]),
    }
    return answer | {"seconds": round(time.perf_counter() - start, 3)}, pair.glb, pair.heat_glb


def pair_as_json(pair: Pair) -> dict:
    """Plain JSON: similarity, same_share (null where it was not measured), sentence and differences."""
    return {
        "similarity": {name: round(score, 6) for name, score in pair.scores.items()},
        "same_share": {
            name: round(pair.shares[name], 4) if name in pair.shares else None for name in pair.scores
        },
        "sentence": " ".join(filter(None, (pair.meaning, pair.sentence))),
        "body_differences": pair.difference.as_json(),
    }
