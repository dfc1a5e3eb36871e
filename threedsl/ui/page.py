"""The page as a whole: theme, heading, tabs, endpoints, and how it is launched."""

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from threedsl.data.picture_files import SUFFIXES
from threedsl.errors import InputError
from threedsl.gallery.archive import MOST_ZIP_BYTES
from threedsl.gallery.demo import DemoGallery, demo_galleries
from threedsl.pipeline import ThreeDSL
from threedsl.ui.api.blocks import Page
from threedsl.ui.api.compare import add_compare_endpoint
from threedsl.ui.api.gallery import add_gallery_endpoints
from threedsl.ui.api.reconstruct import add_reconstruct_endpoint
from threedsl.ui.api.search import add_search_endpoint
from threedsl.ui.compare.tab import add_compare_tab
from threedsl.ui.evidence.tab import add_evidence_tab
from threedsl.ui.examples.first_screen import waiting_for_first
from threedsl.ui.gallery.tab import add_gallery_tab, forget_visit
from threedsl.ui.scripts import script, stylesheets
from threedsl.ui.search.tab import add_search_tab
from threedsl.ui.security.limits import ANSWERS_AT_ONCE, BUILDS, MOST_SESSIONS, MOST_WAITING
from threedsl.ui.service import Service

TITLE = "threedsl: find a person in different clothes"
INTRO = (
    "<h1>Find a person in different clothes</h1>"
    "<p>Add a photo of a person. The gallery is ranked three times: by appearance, by the 3D body shape that "
    "3DSL reads from the picture, and by both.</p>"
)
LAW = (
    "<p>Use it lawfully: with photos you may use, and never to track or identify people without their consent. "
    "No face recognition is performed; uploads are deleted within the hour; all people in the demo galleries are "
    "synthetic. A match is a guess, not evidence.</p>"
    '<p>Method: <a href="https://openaccess.thecvf.com/CVPR2021" target="_blank" rel="noopener">Learning 3D Shape '
    "Feature for Texture-insensitive Person Re-identification</a>, CVPR 2021. This is an independent "
    "implementation.</p>"
)
SWEEP = (600, 1800)  # seconds: look every 10 minutes, delete what is older than 30
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
        raise InputError("There is no gallery to search; `pip install openpeople` installs the demo people.")
    return Service(model, demos, files_folder(), cache)


def files_folder() -> Path:
    """Where files for visitors are written: below Gradio's cache, the one folder it serves from; app.py sweeps it."""
    return Path(get_upload_folder()) / "bodies"


def kept_files(demo: Page) -> set[str]:
    """Paths in Gradio's cache that belong to the page and not to a visitor: its examples."""
    return demo.own_files()


def build_demo(service: Service) -> Page:
    """The page; launch it with `launch_options`."""
    limits = {"concurrency_limit": ANSWERS_AT_ONCE, "concurrency_id": "answers"}
    with Page(title=TITLE, analytics_enabled=False, delete_cache=SWEEP, fill_width=True) as demo:
        gr.HTML(INTRO, elem_id="intro")
        with gr.Tabs() as tabs:
            # A new tab is a folder with a function like these, and its line here.
            search = add_search_tab(service, limits)
            add_compare_tab(service, limits)
            add_gallery_tab(service, BUILDS, tabs, search)
            add_evidence_tab(service)
        gr.HTML(LAW, elem_id="law")
        delete = gr.Button("Delete my data now", size="sm", elem_id="delete-data")
        add_search_endpoint(service, limits)
        add_reconstruct_endpoint(service, limits)
        add_compare_endpoint(service, limits)
        add_gallery_endpoints(service, BUILDS)
        demo.load(None, js=script("accessibility"))
        demo.load(None, js=script("tab_links", [tab.id for tab in tabs.children]))
        demo.load(None, js=script("any_file", sorted(SUFFIXES)))
        demo.load(None, js=script("to_gallery"))
        visit = gr.Textbox(visible=False)
        demo.load(
            session_of, None, visit, queue=False, show_progress="hidden", api_visibility="private"
        ).success(fn=None, inputs=visit, js=script("stay"), api_visibility="private")
        demo.load(
            waiting_for_first(service), queue=False, show_progress="hidden", api_visibility="private"
        ).success(**search.first).success(fn=None, js=script("turn_first"), api_visibility="private")
        forget = forget_everything(demo, service)
        delete.click(forget, queue=False, api_visibility="private").then(
            fn=None, js=script("reload"), api_visibility="private"
        )
        demo.unload(forget)
    service.visitors.is_open = demo.open_pages.__contains__
    demo.open_pages.losing = lambda: losing(demo, service)
    return demo.queue(max_size=MOST_WAITING)


def session_of(request: gr.Request) -> str | None:
    """What Gradio calls this visit."""
    return request.session_hash


def losing(page: Page, service: Service) -> Callable[[str], bool]:
    """Tells of a visit whether its end deletes anything, as far as is known now."""
    owners = service.visitors.owners()
    return lambda session: session in owners or page.ledger.bytes_of(session) > 0


def forget_everything(page: Page, service: Service) -> Callable:
    """What runs when a page is closed, or its visitor asks for it: galleries, photos, answers and bodies go."""
    forget_galleries = forget_visit(service)

    def forget(request: gr.Request) -> None:
        page.running.end(request.session_hash)
        forget_galleries(request)
        page.ledger.forget(request.session_hash)
        page.states.drop(request.session_hash)

    return forget


def theme() -> gr.themes.Base:
    """Gradio's default, with darker blue buttons and grey text in light mode, where its own contrast is below 4.5:1."""
    return gr.themes.Default(primary_hue="blue", font=FONTS, font_mono=MONO).set(
        body_text_color_subdued="*neutral_600",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
    )


def launch_options() -> dict:
    """Arguments of Blocks.launch; port and host come from GRADIO_SERVER_PORT (7860) and GRADIO_SERVER_NAME."""
    return {
        "theme": theme(),
        "css_paths": stylesheets(),
        "max_file_size": MOST_ZIP_BYTES,  # a picture may have less, which `load_image` says in words
        "footer_links": ["api"],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "show_error": False,
        "pwa": False,
        "state_session_capacity": MOST_SESSIONS,
        # Only for the request that `launch` sends to this very server, by plain HTTP: reading the system's certificates
        # for it takes longer than the request.
        "ssl_verify": False,
        "_frontend": False,  # Gradio's own check of the page times out after 3 s, and on a busy machine ends it
        "mcp_server": find_spec("mcp") is not None,  # comes with gradio[mcp], which a Space installs
        "inbrowser": os.environ.get("THREEDSL_OPEN_PAGE")
        == "1",  # set by `make demo` where there is a screen
    }
