"""Components that show bodies, alike on every tab."""

import json

import gradio as gr

SEEN_FROM = "() => ({__type__: 'update', camera_position: %s})"
ROUGH = "A rough estimate of shape; the body model has no sex and may look like either."


def body_canvas(label: str, name: str, height: int, distance: float) -> gr.Model3D:
    """A canvas of `height` pixels, seen from the front at `distance` metres, a little above the body's middle, and
    below it a button that turns it back there."""
    front = (90, 85, distance)
    canvas = gr.Model3D(
        label=label,
        height=height,
        camera_position=front,
        interactive=False,
        elem_id=name,
        elem_classes="canvas",
    )
    # Gradio's own button is never enabled where a body is only shown.
    gr.Button("Back to the front view", size="sm", elem_classes="front").click(
        fn=None, js=SEEN_FROM % json.dumps(front), outputs=canvas, api_visibility="private"
    )
    return canvas


def still_picture(label: str, name: str, height: int) -> gr.Image:
    """A picture of `height` pixels that can be kept and enlarged."""
    return gr.Image(
        label=label,
        height=height,
        format="jpeg",
        interactive=False,
        buttons=["download", "fullscreen"],
        min_width=120,
        elem_id=name,
        elem_classes="picture",
    )
