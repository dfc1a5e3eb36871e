"""The search: photos on the left, three rankings in the middle, the body on the right, an opened match below."""

from collections.abc import Callable
from functools import wraps
from html import escape

import gradio as gr

from threedsl.ui.bodies.column import add_body_column, body_values
from threedsl.ui.bodies.everyone import add_everyone, everyone_button, everyone_values, same_group
from threedsl.ui.errors import in_words
from threedsl.ui.examples.first_screen import FirstScreen, offer
from threedsl.ui.examples.strip import add_example_strip
from threedsl.ui.newest import Newest, in_turn, turn_number, turn_of
from threedsl.ui.scripts import script, scroll_to_answer
from threedsl.ui.search import handlers
from threedsl.ui.search.cards import empty_rows, ranked_rows
from threedsl.ui.search.downloads import write_downloads
from threedsl.ui.search.filters import LABELS, Filter
from threedsl.ui.search.no_answer import empty_answer, failed, gated
from threedsl.ui.search.notices import notices
from threedsl.ui.search.opened_match import add_opened_match
from threedsl.ui.search.people_choice import people_buttons, people_strip, photo_box
from threedsl.ui.search.query import MOST_PHOTOS, Query, add
from threedsl.ui.search.shared import SearchTab
from threedsl.ui.search.status import WAITING, status_text
from threedsl.ui.security.limits import READS
from threedsl.ui.service import FIRST_MATCHES, MOST_MATCHES, Service

VISIT_SECONDS = 1800  # a visitor's photo expires after this long
SCROLL = scroll_to_answer("#status", "#rows .card[data-index], #status .gate")


def add_search_tab(service: Service, limits: dict) -> SearchTab:
    """Add the tab to the Blocks being built; `limits` are concurrency arguments shared by everything
    that runs the model."""
    with gr.Tab("Search", id="search"):
        query_state = gr.State(None, time_to_live=VISIT_SECONDS)  # query.Query
        answer_state = gr.State(None, time_to_live=VISIT_SECONDS)  # service.Answer
        searched = gr.State("", time_to_live=VISIT_SECONDS)  # the gallery whose matches are on the page
        photos, searches = (
            gr.State(Newest()),
            gr.State(Newest()),
        )  # which photo was read, and search made, last
        turn = turn_number()
        gallery = gr.Radio(
            service.shelf.choices, value=service.shelf.choices[0][1], label="Search in", render=False
        )
        with gr.Row(elem_id="search"):
            with gr.Column(scale=5, min_width=300):
                upload = photo_box("Photo of a person", 240, "Drop a photo here\nor choose one", "photo")
                strip, examples = add_example_strip(service, upload, gallery)
                gallery.render()
                notice = gr.HTML(elem_id="notice")
                people = people_strip(people_buttons(None), "people")
                everyone = everyone_button()
                more = gr.UploadButton(
                    f"Add photos of the same person (up to {MOST_PHOTOS} in all)",
                    file_count="multiple",
                    file_types=["image"],
                    size="sm",
                    elem_id="more",
                )
                k = gr.Slider(1, MOST_MATCHES, FIRST_MATCHES, step=1, label="Matches per row")
                hide = {
                    name: gr.Checkbox(label=label, visible=False, elem_classes="filter")
                    for name, label in LABELS.items()
                }
                button = gr.Button("Search", variant="primary", size="lg", elem_id="go")
            with gr.Column(scale=9, min_width=340):
                status = gr.HTML(WAITING, elem_id="status", js_on_load=script("people_clicks"))
                rows = gr.HTML(
                    empty_rows(), elem_id="rows", js_on_load=script("match_clicks"), apply_default_css=False
                )
                with gr.Row(elem_classes="downloads"):
                    table, answer_file, body_file = (
                        gr.DownloadButton(label, size="sm", interactive=False)
                        for label in ("Matches (CSV)", "Matches (JSON)", "Body (GLB)")
                    )
            with gr.Column(scale=6, min_width=300):
                body = add_body_column(service, [answer_state, searches], limits)
        detail = add_opened_match(service, rows, [searched, query_state, answer_state], limits)
        add_everyone(service, *everyone, [query_state, photos], limits)

    def opened(query: Query | None) -> list:
        return [query, "", people_buttons(query), notices_html(query), *everyone_values(query)]

    @in_words
    def open_photo(payload, photos, turn=None):
        # Emptying the box is an input event as well as `upload.clear`.
        if payload is None:
            return [gr.skip()] * 6
        query = photos.run(lambda: add(None, handlers.read_photos([payload])), turn)
        return opened(query) if query else [gr.skip()] * 6

    @in_words
    def add_photos(more_photos, payload, query, photos, turn=None):
        query = photos.run(lambda: handlers.add_photos(service, payload, query, more_photos), turn)
        return opened(query) if query else [gr.skip()] * 6

    @in_words
    def change_people(payload, query, photos, event: gr.EventData):
        if query is None:
            return [gr.skip()] * 6
        is_newest = photos.watch()
        before, query = query, handlers.change(query, event._data)
        if not is_newest():
            return [gr.skip()] * 6
        group = [gr.skip()] * 2 if same_group(before, query) else everyone_values(query)
        # A search reads the photo in the box again unless the query has it.
        box = None if handlers.is_removed(payload, before, query) else gr.skip()
        return box, query, people_buttons(query), notices_html(query), *group

    @in_words
    def show_search(
        payload,
        given,
        on_page,
        name,
        count,
        clothes,
        camera,
        before,
        searches,
        turn,
        request: gr.Request,
        progress=gr.Progress(),
    ):
        wanted = [kind for kind, chosen in zip(LABELS, (clothes, camera), strict=True) if chosen]
        session = request.session_hash

        def search():
            query = handlers.current_query(payload, given)
            if not query.ready:
                return None, query, 0.0
            return handlers.search(service, payload, query, name, count, wanted, before, session, progress)

        found = searches.run(search, turn)
        if found is None:
            return [gr.skip()] * len(shown_there)
        answer, query, seconds = found
        if answer is None:
            return gated(query)
        files = write_downloads(service.files, answer.rows, name, count)
        # The canvas and the pictures stay as they are where the people are: a new file would turn the body back.
        same_body = before is not None and before.body is answer.body
        return [
            ranked_rows(answer.rows, service.gallery(name, session).title),
            status_text(seconds, answer, query, wanted) + offer(answer.rankings, name in service.shelf.demos),
            # Another photo, or another person, may have been chosen since.
            gr.skip() if query is given else query,
            answer,
            name,
            *[filter_box(found, kind in wanted) for kind, found in answer.filters.items()],
            *[gr.DownloadButton(value=path, interactive=True) for path in (*files, answer.glb)],
            gr.Column(visible=False),
            *([gr.skip()] * len(body.components) if same_body else body_values(answer, query)),
        ]

    def search_where(wanted: Callable[[dict | None, Query | None, str], object]) -> Callable:
        """`show_search` where the photo in the box, the query and the gallery of the matches are `wanted`."""

        @wraps(show_search)
        def search(payload, query, on_page, *others):
            if wanted(payload, query, on_page):
                return show_search(payload, query, on_page, *others)
            return [gr.skip()] * len(shown_there)

        return search

    def is_own(payload: dict | None, query: Query | None, on_page: str = "") -> bool:
        return bool(payload or (query and not service.is_first(query)))

    def emptied() -> list:
        return [None, *opened(None), *empty_answer()]

    def not_opened(payload, query, photos, searches, turn):
        if not photos.is_lost(turn):
            return [gr.skip()] * len(emptying["outputs"])
        searches.begin(turn)  # one that runs is of an earlier photo
        if photos.has_failed(turn):
            return emptied()
        # A photo that was never looked at stays in its box, and may be tried again.
        return [gr.skip(), *opened(None), *failed(payload, query, photos, turn)]

    def clear(photos, searches, turn):
        photos.begin(turn)
        searches.begin(turn)
        return emptied()

    query_parts = [upload, query_state, searched, gallery, k, *hide.values(), answer_state, searches]
    shown_there = [
        *(rows, status, query_state, answer_state, searched),
        *hide.values(),
        *(table, answer_file, body_file, detail),
        *body.components,
    ]
    # What comes while one of these runs is done after it, with what is on the page by then.
    reading = dict(
        outputs=[query_state, searched, people, notice, *everyone],
        preprocess=False,
        show_progress_on=[people, rows],
        api_visibility="private",
        trigger_mode="always_last",
        **READS,
    )
    searching = dict(
        outputs=shown_there,
        preprocess=False,
        show_progress_on=rows,
        api_visibility="private",
        trigger_mode="always_last",
        **limits,
    )
    at_once = dict(queue=False, preprocess=False, show_progress="hidden", api_visibility="private")
    # On a phone the answer is below the visible part.
    scroll = dict(fn=None, js=SCROLL, api_visibility="private")
    emptying = dict(outputs=[upload, *reading["outputs"], *shown_there], **at_once)
    running = []

    def then_search(event: Callable, search: Callable) -> None:
        name = f"search {len(running)}"
        found = event(search, **in_turn(query_parts, turn, name), **searching)
        found.success(**scroll)
        lost = turn_of(name, [upload, query_state, searches], turn)
        found.failure(failed, **lost, outputs=shown_there, **at_once)
        running.append(found)

    for how, event in (("input", upload.input), ("put", examples.success)):
        name = f"photo {how}"
        read = event(open_photo, **in_turn([upload, photos], turn, name, ("search", how)), **reading)
        then_search(read.success, search_where(lambda payload, *_: payload))
        lost = turn_of(name, [upload, query_state, photos, searches], turn)
        read.failure(not_opened, **lost, **emptying)
        running.append(read)
    added = more.upload(add_photos, **in_turn([more, upload, query_state, photos], turn), **reading)
    then_search(added.success, show_search)
    then_search(button.click, show_search)
    running.append(added)
    for part in (people, status):
        changed = part.click(
            change_people,
            [upload, query_state, photos],
            [upload, query_state, people, notice, *everyone],
            preprocess=False,
            api_visibility="private",
            show_progress="hidden",
            **READS,
        )
        then_search(changed.success, search_where(lambda payload, query, _: payload or query))
        running.append(changed)
    search_again = search_where(lambda payload, query, on_page: is_own(payload, query) or (query and on_page))
    for event in (gallery.input, k.release, *(box.input for box in hide.values())):
        then_search(event, search_again)
    upload.clear(clear, **in_turn([photos, searches], turn), **emptying, cancels=running)
    first_screen = FirstScreen(service, strip)

    def show_first(payload, query):
        shown = None if payload or query else first_screen.get()
        if shown is None:
            return [gr.skip()] * len(first["outputs"])
        query, answer, name = shown.first.query, shown.first.answer, shown.first.example.gallery
        glb, _, _, *others = body_values(answer, query)
        return [
            *(name, *opened(query), shown.rows, shown.status, query, answer, name),
            *[filter_box(found, False) for found in answer.filters.values()],
            *[gr.DownloadButton(value=path, interactive=True) for path in shown.files],
            gr.Column(visible=False),
            *(glb, *shown.pictures, *others),
        ]

    first = dict(
        fn=show_first,
        inputs=[upload, query_state],
        outputs=[gallery, *reading["outputs"], *shown_there],
        **at_once,
    )
    own = dict(fn=search_where(is_own), **in_turn(query_parts, turn, "own"), **searching)
    lost = turn_of("own", [upload, query_state, searches], turn)
    own_failed = dict(fn=failed, **lost, outputs=shown_there, **at_once)
    matches = [rows, status, searched, table, answer_file, detail]
    return SearchTab(gallery, searched, matches, searches, turn, own, own_failed, scroll, first)


def notices_html(query: Query | None) -> str:
    """What helps to choose who is meant, as HTML."""
    return "".join(f"<p>{escape(notice)}</p>" for notice in notices(query)) if query else ""


def filter_box(found: Filter, chosen: bool) -> gr.Checkbox:
    """A filter's box, shown where it would hide anything, with how much."""
    return gr.Checkbox(value=chosen and found.works, info=found.description, visible=found.works)
