"""What shows bodies, alike on every tab: canvas, still picture, table of measures."""

from html import escape

import gradio as gr

from threedsl.ui.scripts import script

ROUGH = "A rough estimate of shape; the body model is gender-neutral."


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
    gr.Button("Reset view", size="sm", elem_classes="front").click(
        fn=None, js=script("turn_body", front), outputs=canvas, api_visibility="private"
    )
    return canvas


def still_picture(label: str, name: str, height: int | None) -> gr.Image:
    """A picture of `height` pixels (None: as its width allows) that can be kept and enlarged."""
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


def measures_table(measures: dict[str, float]) -> str:
    """HTML of relative proportions: name, value and a bar."""
    largest = max([*measures.values(), 1e-9])
    rows = "".join(
        f"<tr><th scope='row'>{escape(name.replace('_', ' '))}</th><td>{value:.2f}</td>"
        f"<td class='bar' aria-hidden='true'><i style='width:{100 * max(value, 0) / largest:.0f}%'></i></td></tr>"
        for name, value in measures.items()
    )
    return (
        '<table class="measures"><caption>Body measures, standing straight; relative, as a crop has no scale'
        f"</caption><tbody>{rows}</tbody></table>"
    )
