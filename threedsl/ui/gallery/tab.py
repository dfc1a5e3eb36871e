"""The Gallery tab: build your own from pictures, name the people in it, search it, export it, delete it."""

from collections.abc import Callable, Sequence

import gradio as gr

from threedsl.data.picture_files import SUFFIXES
from threedsl.errors import InputError
from threedsl.gallery.upload import LISTS
from threedsl.ui.errors import in_words
from threedsl.ui.gallery import handlers
from threedsl.ui.gallery.cards import (
    HELP,
    built_line,
    card_of,
    count,
    files_label,
    nothing_yet,
    status,
)
from threedsl.ui.newest import Newest, in_turn, turn_number
from threedsl.ui.scripts import give, script
from threedsl.ui.search.shared import SearchTab, no_matches
from threedsl.ui.service import Service
from threedsl.ui.sessions import LONGEST_TITLE, OWN

FILE_TYPES = [".zip", *LISTS, *sorted(SUFFIXES)]
GONE = "The gallery of these matches no longer exists. Choose another one and press “Search”."
DELETE, SURE = "Delete", "Delete permanently"


def add_gallery_tab(service: Service, limits: dict, tabs: gr.Tabs, search: SearchTab) -> None:
    """Add the tab to `tabs`; `search` is the Search tab, whose choice of galleries shows the visitor's own as well, and
    `limits` are the concurrency arguments of everything that runs the model."""
    with gr.Tab("Gallery", id="gallery") as tab:
        with gr.Row(elem_id="gallery"):
            with gr.Column(scale=5, min_width=300):
                files = gr.File(
                    file_count="multiple",
                    file_types=FILE_TYPES,
                    label=files_label(0),
                    height=220,
                    elem_id="gallery-files",
                )
                title = gr.Textbox(
                    label="Gallery name",
                    placeholder="My gallery",
                    max_length=LONGEST_TITLE,
                    elem_id="gallery-name",
                )
                button = gr.Button("Build gallery", variant="primary", size="lg", elem_id="gallery-build")
                gr.HTML(HELP, elem_id="gallery-help", apply_default_css=False)
            with gr.Column(scale=9, min_width=340):
                asked = gr.State("")  # name of the gallery that the visitor was asked about
                cards = gr.State(Newest())  # which gallery was chosen, or saved, last
                turn = turn_number()
                line = gr.HTML(nothing_yet(), elem_id="gallery-status", apply_default_css=False)
                own = gr.Radio([], label="Your galleries", visible=False, elem_id="gallery-own")
                with gr.Row(visible=False, elem_id="gallery-actions") as actions:
                    go = gr.Button("Search this gallery", size="md", min_width=120, elem_id="gallery-search")
                    export = gr.Button("Export", size="md", min_width=90, elem_id="gallery-export")
                    delete = gr.Button(
                        DELETE, size="md", min_width=90, variant="stop", elem_id="gallery-delete"
                    )
                exported = gr.File(
                    label="Exported gallery: click its size to save it",
                    visible=False,
                    interactive=False,
                    elem_id="gallery-exported",
                )
                shown = gr.HTML(
                    elem_id="gallery-shown", js_on_load=script("save_names"), apply_default_css=False
                )

    def lists(session: str, chosen: str | None, wanted: str | None, searched: str | None) -> list:
        """Updates of own, actions, exported, shown, the choice of galleries, and the matches if their gallery is
        gone."""
        mine = service.visitors.names(session)
        names = [name for _, name in mine]
        chosen = chosen if chosen in names else names[-1] if names else None
        gallery = service.gallery(chosen, session) if chosen else None
        choices = _search_choices(service, mine)
        open_names = [name for _, name in choices]
        gone = str(searched).startswith(OWN) and searched not in names
        return [
            gr.Radio(mine, value=chosen, visible=bool(mine)),
            gr.Row(visible=bool(mine)),
            gr.File(None, visible=False),
            card_of(gallery) if gallery else "",
            # Without a value, for another one may have been chosen while a gallery was built.
            gr.Radio(choices) if wanted in open_names else gr.Radio(choices, value=open_names[0]),
            *(no_matches(GONE) if gone else [gr.skip()] * len(search.matches)),
        ]

    @in_words
    def build(uploads, name, wanted, searched, request: gr.Request, progress=gr.Progress()):
        built = handlers.build(service, uploads, name, request.session_hash, progress)
        return [built_line(built), *lists(request.session_hash, built.gallery.name, wanted, searched)]

    @in_words
    def choose(name, cards, turn, request: gr.Request):
        cards.begin(turn)
        return (
            card_of(handlers.own_gallery(service, name, request.session_hash)),
            gr.File(None, visible=False),
            "",
        )

    @in_words
    def remove(label, name, wanted, searched, asked, request: gr.Request):
        session = request.session_hash
        try:
            gallery = handlers.own_gallery(service, name, session)
            # Another one may be chosen since: that which was being built is, as soon as it is there.
            if label != SURE or asked != name:
                words = f"Delete “{gallery.title}” with {count(len(gallery.index), 'picture')}? This cannot be undone."
                return [SURE, status(words), *[gr.skip()] * len(everything), name]
            service.visitors.delete(session, name)
            words = f"“{gallery.title}” was deleted."
        except InputError as error:  # it has expired: the lists are out of date
            words = str(error)
        return [DELETE, status(words), *lists(session, None, wanted, searched), ""]

    @in_words
    def write(name, request: gr.Request):
        return gr.File(handlers.export(service, name, request.session_hash), visible=True)

    @in_words
    def open_in_search(name, searches, turn, request: gr.Request):
        gallery = handlers.own_gallery(service, name, request.session_hash)
        searches.begin(turn)  # the answer to one that runs belongs to another gallery
        words = f"Add a photo to search {gallery.title}."
        choices = _search_choices(service, service.visitors.names(request.session_hash))
        return [gr.Radio(choices, value=name), gr.Tabs(selected="search"), *no_matches(words)]

    @in_words
    def save_names(cards, turn, event: gr.EventData, request: gr.Request):
        begun, is_newest = cards.begin(turn), cards.watch()
        gallery = handlers.name_people(
            service, event._data.get("gallery"), request.session_hash, event._data.get("names")
        )
        words = f"Saved: {count(handlers.people_in(gallery), 'person', 'people')} named."
        card = card_of(gallery, words)
        # Another gallery may have been chosen meanwhile, whose card stays.
        return status(words), card if begun and is_newest() else gr.skip(), gr.File(None, visible=False)

    @in_words
    def refresh(name, wanted, searched, request: gr.Request):
        updates = lists(request.session_hash, name, wanted, searched)
        return [gr.skip() if service.visitors.names(request.session_hash) else nothing_yet(), *updates]

    plain = dict(preprocess=False, api_visibility="private")
    everything = [own, actions, exported, shown, search.gallery, *search.matches]
    on_search = [search.gallery, search.searched]
    # Before what these events do: a confirmation never outlasts what it was asked for.
    gr.on(
        [
            button.click,
            files.change,
            title.input,
            own.input,
            export.click,
            go.click,
            shown.submit,
            tab.select,
        ],
        fn=None,
        js=give(DELETE),
        outputs=delete,
        api_visibility="private",
    )
    # On a phone the progress is below the visible part.
    button.click(None, js=script("scroll_on_phones", "#gallery-status"), show_progress="hidden")
    button.click(
        build,
        [files, title, *on_search],
        [line, *everything],
        js=script("note_built"),
        show_progress_on=[line],
        **plain,
        **limits,
    ).success(None, [files, title], [files, title], js=script("empty_built"), api_visibility="private")
    files.change(
        lambda given: gr.File(label=files_label(len(given or []))),
        files,
        files,
        show_progress="hidden",
        **plain,
    )
    own.input(
        choose,
        **in_turn([own, cards], turn),
        outputs=[shown, exported, line],
        show_progress="hidden",
        trigger_mode="always_last",  # another one may be chosen before the first is shown
        **plain,
    )
    delete.click(
        remove,
        [delete, own, *on_search, asked],
        [delete, line, *everything, asked],
        js=script("confirm_delete", DELETE),
        show_progress="hidden",
        **plain,
    )
    export.click(write, own, exported, **plain)
    shown.submit(
        save_names,
        **in_turn([cards], turn),
        outputs=[line, shown, exported],
        show_progress="hidden",
        trigger_mode="multiple",  # more names may be saved before the first are
        api_visibility="private",
    )
    found = go.click(
        open_in_search,
        **in_turn([own, search.searches], search.turn),
        outputs=[search.gallery, tabs, *search.matches],
        show_progress="hidden",
        **plain,
    ).success(**search.search)
    found.success(**search.scroll)
    found.failure(**search.failed)
    tab.select(refresh, [own, *on_search], [line, *everything], show_progress="hidden", **plain)


def forget_visit(service: Service) -> Callable[[gr.Request], None]:
    """What to do when a visitor closes the page."""

    def forget(request: gr.Request) -> None:
        service.visitors.forget(request.session_hash)

    return forget


def _search_choices(service: Service, mine: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """(title, name) of what can be searched: the demo galleries, then the visitor's own."""
    return service.shelf.choices + [(f"{title} (yours)", name) for title, name in mine]
