"""Components that show bodies, alike on every tab."""

import gradio as gr


def body_canvas(label: str, name: str, height: int, distance: float) -> gr.Model3D:
    """A canvas of `height` pixels, seen from the front at `distance` metres, a little above the body's middle."""
    return gr.Model3D(
        label=label,
        height=height,
        camera_position=(90, 85, distance),
        interactive=False,
        elem_id=name,
        elem_classes="canvas",
    )


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
