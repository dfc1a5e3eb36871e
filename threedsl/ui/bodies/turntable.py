"""A body that turns about itself: a looping picture, made when someone asks for it."""

from io import BytesIO
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image

from threedsl.errors import InputError
from threedsl.render.still import draw_turntable
from threedsl.ui.errors import in_words
from threedsl.ui.newest import Newest
from threedsl.ui.pictures import new_file
from threedsl.ui.prediction import Prediction
from threedsl.ui.service import Answer, Service

TURN, STOP = "Turn around", "Stop turning"
MILLISECONDS = 130  # each picture is shown; 30 of them make a turn of 4 seconds


def write_turntable(body: Prediction, folder: Path) -> str:
    """A WebP of one turn that repeats, below `folder` under an unguessable path; returns the path."""
    path = new_file(folder, "body-turning.webp")
    path.write_bytes(looping(draw_turntable(body.upright, body.faces)))
    return str(path)


def looping(pictures: list[np.ndarray]) -> bytes:
    """RGB uint8 pictures of one size as a WebP that shows them over and over."""
    first, *others = (Image.fromarray(picture) for picture in pictures)
    data = BytesIO()
    first.save(
        data,
        "WEBP",
        save_all=True,
        append_images=others,
        duration=MILLISECONDS,
        loop=0,
        quality=80,
        method=0,
        minimize_size=False,
    )
    return data.getvalue()


def turn_button() -> gr.Button:
    """The button below the still; an answer shows and resets it."""
    return gr.Button(TURN, size="sm", visible=False, elem_id="turn")


def add_turning(
    service: Service, button: gr.Button, inputs: list[gr.State], still: gr.Image, limits: dict
) -> None:
    """Pressing `button` shows the answer's body turning in place of its `still`, and pressing it again stops it.

    inputs: the answer, and which search was made last.
    """

    @in_words
    def turn(label: str, shown: Answer | None, searches: Newest):
        is_newest = searches.watch()
        if shown is None or shown.body is None:
            raise InputError("This search has expired; please search again.")
        if label == STOP:
            return shown.body.still, gr.Button(TURN)
        made = shown.turntable if shown.turntable and Path(shown.turntable).is_file() else ""
        turning = made or write_turntable(shown.body.prediction, service.files)
        return (turning, gr.Button(STOP)) if is_newest() else [gr.skip()] * 2

    button.click(
        turn,
        [button, *inputs],
        [still, button],
        preprocess=True,
        show_progress_on=still,
        api_visibility="private",
        **limits,
    )
