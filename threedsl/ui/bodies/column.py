"""The right column of the search: the body in 3D, over the photo and alone, and its measures."""

from dataclasses import dataclass

import gradio as gr

from threedsl.output import doubt
from threedsl.ui.bodies.turntable import TURN, add_turning, turn_button
from threedsl.ui.bodies.view import ROUGH, body_canvas, measures_table, still_picture
from threedsl.ui.search.notices import GUESS, warnings
from threedsl.ui.search.query import Query
from threedsl.ui.service import Answer, Service

VIEWS = (
    "Drag to turn. In 3D and alone, the body stands on level ground, seen from the camera’s direction; over the "
    "photo it is as the camera saw it."
)
MERGED = "One body from {} photos: the mean of their shapes, in the pose of the first."


@dataclass(frozen=True)
class BodyColumn:
    """What `body_values` fills, in its order."""

    canvas: gr.Model3D
    overlay: gr.Image
    still: gr.Image
    measures: gr.HTML
    turn: gr.Button

    @property
    def components(self) -> list:
        """All of them."""
        return [self.canvas, self.overlay, self.still, self.measures, self.turn]


def add_body_column(service: Service, inputs: list[gr.State], limits: dict) -> BodyColumn:
    """Add the column's contents to the one being built; `inputs` are those of `add_turning`."""
    canvas = body_canvas("Body in 3D", "body", 440, 2.6)
    gr.HTML(f'<p class="quiet">{VIEWS} {ROUGH}</p>', elem_classes="legend", apply_default_css=False)
    with gr.Row(equal_height=True):
        overlay = still_picture("Over the photo", "overlay", 300)
        still = still_picture("Alone", "still", 300)
    turn = turn_button()
    measures = gr.HTML(elem_id="measures", apply_default_css=False)
    add_turning(service, turn, inputs, still, limits)
    return BodyColumn(canvas, overlay, still, measures, turn)


def body_values(answer: Answer, query: Query) -> list:
    """Values of the column; a sentence instead of the measures where the body is a guess."""
    body = answer.body
    reason = GUESS if warnings(query) else doubt(body.prediction.confidence)
    words = f'<p class="warning">{reason}</p>' if reason else measures_table(body.prediction.measures)
    if len(query.photos) > 1:
        words = f'<p class="quiet">{MERGED.format(len(query.photos))}</p>{words}'
    return [answer.glb, body.overlay, body.still, words, gr.Button(TURN, visible=True)]


def no_body() -> list:
    """Values of the column before there is an answer."""
    return [None, None, None, "", gr.Button(TURN, visible=False)]
