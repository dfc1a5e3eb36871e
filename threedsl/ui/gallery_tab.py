"""The Gallery tab: build one's own from pictures, look at it, take it home, delete it."""

from collections.abc import Callable, Sequence

import gradio as gr

from threedsl.data.images import SUFFIXES
from threedsl.errors import InputError
from threedsl.gallery.upload import LISTS
from threedsl.ui import handlers_gallery as handlers
from threedsl.ui.gallery_cards import HELP, built_line, card_of, nothing_yet, status
from threedsl.ui.service import Service
from threedsl.ui.visitors import LONGEST_TITLE
from threedsl.ui.words import in_words

SCROLL_ON_PHONES = """() => {
    if (window.innerWidth < 700) document.getElementById("gallery-status").scrollIntoView({behavior: "smooth"});
}"""
FILE_TYPES = [".zip", *LISTS, *sorted(SUFFIXES)]


def add_gallery(service: Service, limits: dict, tab: gr.Tab, tabs: gr.Tabs, search_in: gr.Radio) -> None:
    """Add components and events to the tab being built; `search_in` is Search's choice of galleries, which shows the
    visitor's own as well, and `limits` are the concurrency arguments of everything that runs the model."""
    with gr.Row(elem_id="gallery"):
        with gr.Column(scale=5, min_width=300):
            files = gr.File(
                file_count="multiple",
                file_types=FILE_TYPES,
                label="Pictures, or one .zip",
                height=220,
                elem_id="gallery-files",
            )
            title = gr.Textbox(
                label="Name", placeholder="My gallery", max_length=LONGEST_TITLE, elem_id="gallery-name"
            )
            button = gr.Button("Build gallery", variant="primary", size="lg", elem_id="gallery-build")
            gr.HTML(HELP, elem_id="gallery-help", apply_default_css=False)
        with gr.Column(scale=9, min_width=340):
            line = gr.HTML(elem_id="gallery-status", apply_default_css=False)
            own = gr.Radio([], label="Your galleries", visible=False, elem_id="gallery-own")
            with gr.Row(visible=False, elem_id="gallery-actions") as actions:
                search = gr.Button("Search in it", size="md", min_width=120, elem_id="gallery-search")
                export = gr.Button("Export", size="md", min_width=90, elem_id="gallery-export")
                delete = gr.Button(
                    "Delete", size="md", min_width=90, variant="stop", elem_id="gallery-delete"
                )
            exported = gr.File(
                label="Exported gallery: click its size to save it",
                visible=False,
                interactive=False,
                elem_id="gallery-exported",
            )
            shown = gr.HTML(nothing_yet(), elem_id="gallery-shown", apply_default_css=False)

    def lists(session: str, chosen: str | None, searched: str | None) -> list:
        """Updates of own, actions, exported, shown and search_in."""
        mine = service.visitors.names(session)
        names = [name for _, name in mine]
        chosen = chosen if chosen in names else names[-1] if names else None
        gallery = service.gallery(chosen, session) if chosen else None
        return [
            gr.Radio(mine, value=chosen, visible=bool(mine)),
            gr.Row(visible=bool(mine)),
            gr.File(None, visible=False),
            card_of(gallery) if gallery else nothing_yet(),
            _search_choice(service, mine, searched),
        ]

    @in_words
    def build(uploads, name, searched, request: gr.Request, progress=gr.Progress()):
        built = handlers.build(service, uploads, name, request.session_hash, progress)
        updates = lists(request.session_hash, built.gallery.name, searched)
        return [built_line(built), *updates, None, ""]

    @in_words
    def choose(name, request: gr.Request):
        return (
            card_of(handlers.own_gallery(service, name, request.session_hash)),
            gr.File(None, visible=False),
            "",
        )

    @in_words
    def remove(name, searched, request: gr.Request):
        try:
            gone = handlers.own_gallery(service, name, request.session_hash).title
            service.visitors.delete(request.session_hash, name)
            words = f"“{gone}” is deleted."
        except InputError as error:  # forgotten in the meantime: then the lists are what is wrong
            words = str(error)
        return [status(words), *lists(request.session_hash, None, searched)]

    @in_words
    def write(name, request: gr.Request):
        return gr.File(handlers.export(service, name, request.session_hash), visible=True)

    @in_words
    def search_in_it(name, request: gr.Request):
        handlers.own_gallery(service, name, request.session_hash)
        return _search_choice(service, service.visitors.names(request.session_hash), name), gr.Tabs(
            selected="search"
        )

    @in_words
    def refresh(name, searched, request: gr.Request):
        return lists(request.session_hash, name, searched)

    plain = dict(preprocess=False, api_visibility="private")
    everything = [own, actions, exported, shown, search_in]
    button.click(
        build,
        [files, title, search_in],
        [line, *everything, files, title],
        show_progress_on=[line],
        **plain,
        **limits,
    )
    # On a phone the progress lies below what the visitor sees.
    button.click(None, js=SCROLL_ON_PHONES, show_progress="hidden")
    own.input(choose, own, [shown, exported, line], show_progress="hidden", **plain)
    delete.click(remove, [own, search_in], [line, *everything], show_progress="hidden", **plain)
    export.click(write, own, exported, **plain, **limits)
    search.click(search_in_it, own, [search_in, tabs], show_progress="hidden", **plain)
    tab.select(refresh, [own, search_in], everything, show_progress="hidden", **plain)


def forget_visit(service: Service) -> Callable[[gr.Request], None]:
    """What to do when a visitor closes the page."""

    def forget(request: gr.Request) -> None:
        service.visitors.forget(request.session_hash)

    return forget


def _search_choice(service: Service, mine: Sequence[tuple[str, str]], value: str | None) -> gr.Radio:
    """Search's choice: the demo galleries, then the visitor's own; `value` if it is still there."""
    choices = service.shelf.choices + [(f"{title} (yours)", name) for title, name in mine]
    names = [name for _, name in choices]
    return gr.Radio(choices, value=value if value in names else names[0])
