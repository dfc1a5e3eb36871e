"""The page as a whole: theme, heading, tabs, endpoints, and how it is launched."""

import os
from collections.abc import Mapping
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from threedsl.data.images import MAX_BYTES
from threedsl.demo import DemoGallery, demo_galleries
from threedsl.errors import InputError
from threedsl.pipeline import ThreeDSL
from threedsl.ui.api import add_endpoints
from threedsl.ui.search_tab import add_search
from threedsl.ui.service import Service

TITLE = "threedsl: find a person in other clothes"
INTRO = (
    "<h1>Find a person in other clothes</h1>"
    "<p>Add a photo of a person. The gallery is ranked three times: by appearance, by the 3D body shape that "
    "3DSL reads from the picture, and by both.</p>"
)
LAW = (
    "<p>Use it lawfully: with photos you may use, and never to track or identify people without their consent. "
    "There is no face recognition here; uploads are deleted within the hour; everybody in the demo galleries is "
    "synthetic. A match is a guess, not evidence.</p>"
)
SWEEP = (600, 1800)  # seconds: look every 10 minutes, delete what is older than 30
AT_ONCE = 2  # model calls at a time; more would only slow each other down on two cores
WAITING = 64  # visitors in the queue before the next is told to come back
FONTS = ["Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif"]  # none is fetched from anywhere
MONO = ["Consolas", "Menlo", "DejaVu Sans Mono", "monospace"]


def build_service(
    model: ThreeDSL, demos: Mapping[str, DemoGallery] | None = None, cache: Path | None = None
) -> Service:
    """The functions behind the page.

    Raises:
        InputError: the model cannot answer what the page asks.
    """
    if not model.config.shape_stream:
        raise InputError(
            "This checkpoint has no shape stream, so the page cannot show bodies; use 3dsl-lite."
        )
    demos = demo_galleries() if demos is None else demos
    if not demos:
        raise InputError("There is no gallery to search in; `pip install openpeople` brings the demo people.")
    return Service(model, demos, files_folder(), cache)


def files_folder() -> Path:
    """Where files for visitors are written: below Gradio's cache, the one folder it serves from; app.py sweeps it."""
    return Path(get_upload_folder()) / "bodies"


def kept_files(demo: gr.Blocks) -> set[str]:
    """Paths in Gradio's cache that belong to the page and not to a visitor: its examples."""
    return {path for block in demo.blocks.values() for path in block.keep_in_cache}


def build_demo(service: Service) -> gr.Blocks:
    """The page; launch it with `launch_options`."""
    limits = {"concurrency_limit": AT_ONCE, "concurrency_id": "model"}
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=SWEEP, fill_width=True) as demo:
        gr.HTML(INTRO, elem_id="intro")
        add_search(service, limits)
        gr.HTML(LAW, elem_id="law")
        add_endpoints(service, limits)
    return demo.queue(max_size=WAITING)


def launch_options() -> dict:
    """Arguments of Blocks.launch; port and host come from GRADIO_SERVER_PORT (7860) and GRADIO_SERVER_NAME."""
    return {
        "theme": gr.themes.Default(primary_hue="blue", font=FONTS, font_mono=MONO),
        "css_paths": Path(__file__).with_name("style.css"),
        "max_file_size": MAX_BYTES,
        "footer_links": ["api"],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "show_error": False,
        "pwa": False,
        "inbrowser": os.environ.get("THREEDSL_OPEN_PAGE")
        == "1",  # set by `make demo` where there is a screen
    }
