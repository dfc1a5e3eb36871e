"""The search: photos on the left, three rankings in the middle, the body on the right, an opened match below."""

from dataclasses import dataclass
from html import escape

import gradio as gr

from threedsl.ui import handlers
from threedsl.ui.cards import empty_rows, measures_table, ranked_rows
from threedsl.ui.detail import CARD_CLICKS, add_detail
from threedsl.ui.downloads import write_downloads
from threedsl.ui.filters import LABELS, Filter
from threedsl.ui.query import MOST_PHOTOS, Query, add, choose, remove
from threedsl.ui.scroll import jump_to
from threedsl.ui.service import MOST_MATCHES, Answer, Service
from threedsl.ui.status import WAITING, status_text
from threedsl.ui.strip import ON_CLICK, people_strip
from threedsl.ui.views import ROUGH, body_canvas, still_picture
from threedsl.ui.words import in_words

VISIT_SECONDS = 1800  # a visitor's photo is forgotten after this long
SCROLL = jump_to("#status", "#rows .card[data-index]")


@dataclass(frozen=True)
class SearchTab:
    """What the Gallery tab needs of the search."""

    gallery: gr.Radio  # the choice of galleries, which grows by those that a visitor builds
    searched: gr.State  # name of the gallery whose matches are on the page, "" for none
    matches: list[gr.components.Component]  # what `no_matches` empties
    search: dict  # arguments of an event that searches with the photo on the page, if there is one
    scroll: dict  # of one that brings the matches into sight


def add_search(service: Service, limits: dict) -> SearchTab:
    """Add components and events to the Blocks being built; `limits` are concurrency arguments shared by everything
    that runs the model."""
    query = gr.State(None, time_to_live=VISIT_SECONDS)  # query.Query
    shown = gr.State(None, time_to_live=VISIT_SECONDS)  # service.Shown
    searched = gr.State("", time_to_live=VISIT_SECONDS)  # the gallery whose matches are on the page
    gallery = gr.Radio(
        service.shelf.choices, value=service.shelf.choices[0][1], label="Search in", render=False
    )

    with gr.Row(elem_id="search"):
        with gr.Column(scale=5, min_width=300):
            upload = gr.Image(
                type="filepath",
                image_mode=None,
                sources=["upload", "clipboard", "webcam"],
                label="Photo of a person",
                height=240,
                buttons=[],
                placeholder="Drop a photo here\nor choose one",
                elem_id="photo",
            )
            examples = gr.Examples(
                [[str(example.photo), example.gallery] for example in service.shelf.examples()],
                [upload, gallery],
                label="Examples, in other clothes than in the gallery",
                visible_columns=[0],
                examples_per_page=12,
                preprocess=False,
                api_visibility="private",
                preload=False,
                elem_id="examples",
            )
            gallery.render()
            notice = gr.HTML(elem_id="notice")
            people = gr.HTML(
                people_strip(None), elem_id="people", js_on_load=ON_CLICK, apply_default_css=False
            )
            more = gr.UploadButton(
                f"Add photos of the same person (up to {MOST_PHOTOS} in all)",
                file_count="multiple",
                file_types=["image"],
                size="sm",
                elem_id="more",
            )
            k = gr.Slider(1, MOST_MATCHES, 5, step=1, label="Matches per row")
            hide = {
                name: gr.Checkbox(label=label, visible=False, elem_classes="filter")
                for name, label in LABELS.items()
            }
            button = gr.Button("Search again", variant="primary", size="lg", elem_id="go")
        with gr.Column(scale=9, min_width=340):
            status = gr.HTML(WAITING, elem_id="status")
            rows = gr.HTML(empty_rows(), elem_id="rows", js_on_load=CARD_CLICKS, apply_default_css=False)
            with gr.Row(elem_classes="downloads"):
                table, answer_file, body_file = (
                    gr.DownloadButton(label, size="sm", interactive=False)
                    for label in ("Matches (CSV)", "Matches (JSON)", "Body (GLB)")
                )
        with gr.Column(scale=6, min_width=300):
            canvas = body_canvas("Body (drag to turn)", "body", 440, 2.6)
            gr.HTML(f'<p class="quiet">{ROUGH}</p>', elem_classes="legend", apply_default_css=False)
            with gr.Row(equal_height=True):
                overlay = still_picture("Body over the photo", "overlay", 300)
                still = still_picture("Picture of the body", "still", 300)
            measures = gr.HTML(elem_id="measures", apply_default_css=False)
    detail = add_detail(service, rows, [searched, query, shown], limits)

    def opened(asked: Query | None) -> list:
        return [asked, "", people_strip(asked), notices(asked)]

    @in_words
    def open_photo(payload):
        # Emptying the box is told as an input as well, beside `upload.clear`.
        return [gr.skip()] * 4 if payload is None else opened(add(None, handlers.read_photos([payload])))

    @in_words
    def add_photos(payload, asked):
        return opened(add(asked, handlers.read_photos(payload)))

    @in_words
    def change_people(asked, event: gr.EventData):
        wanted = {name: int(value) for name, value in event._data.items() if str(value).isdecimal()}
        if asked is None or not wanted:
            return [gr.skip()] * 3
        if "remove" in wanted:
            asked = remove(asked, wanted["remove"])
        else:
            asked = choose(asked, wanted.get("photo", -1), wanted.get("person", -1))
        return asked, people_strip(asked), notices(asked)

    @in_words
    def show_search(
        payload, asked, name, count, clothes, camera, before, request: gr.Request, progress=gr.Progress()
    ):
        wanted = [kind for kind, chosen in zip(LABELS, (clothes, camera), strict=True) if chosen]
        session = request.session_hash
        answer, asked, seconds = handlers.answer_query(
            service, payload, asked, name, count, wanted, before, session, progress
        )
        files = write_downloads(service.files, answer.rows, name, count)
        # The canvas and the pictures stay as they are where the people are: a new file would turn the body back.
        same_body = before is not None and before.body is answer.body
        return [
            ranked_rows(answer.rows, service.gallery(name, session).title),
            status_text(seconds, answer, asked, wanted),
            asked,
            answer.shown,
            name,
            *[filter_box(found, kind in wanted) for kind, found in answer.filters.items()],
            *[gr.DownloadButton(value=path, interactive=True) for path in (*files, answer.body.glb)],
            gr.Column(visible=False),
            *([gr.skip()] * 4 if same_body else body_values(answer, asked)),
        ]

    def search_if_photo(
        payload, asked, name, count, clothes, camera, before, request: gr.Request, progress=gr.Progress()
    ):
        if asked is None and payload is None:
            return [gr.skip()] * len(shown_there)
        return show_search(payload, asked, name, count, clothes, camera, before, request, progress)

    def search_photo(
        payload, asked, name, count, clothes, camera, before, request: gr.Request, progress=gr.Progress()
    ):
        if payload is None:
            return [gr.skip()] * len(shown_there)
        return show_search(payload, asked, name, count, clothes, camera, before, request, progress)

    def search_again(
        payload,
        asked,
        name,
        count,
        clothes,
        camera,
        before,
        on_page,
        request: gr.Request,
        progress=gr.Progress(),
    ):
        if not on_page:
            return [gr.skip()] * len(shown_there)
        return search_if_photo(payload, asked, name, count, clothes, camera, before, request, progress)

    query_parts = [upload, query, gallery, k, *hide.values(), shown]
    shown_there = [
        *(rows, status, query, shown, searched),
        *hide.values(),
        *(table, answer_file, body_file, detail),
        *(canvas, overlay, still, measures),
    ]
    reading = dict(
        outputs=[query, searched, people, notice],
        preprocess=False,
        show_progress_on=[people, rows],
        api_visibility="private",
        **limits,
    )
    searching = dict(
        outputs=shown_there, preprocess=False, show_progress_on=rows, api_visibility="private", **limits
    )
    # On a phone the answer lies below what the visitor sees.
    scroll = dict(fn=None, js=SCROLL, api_visibility="private")
    emptying = dict(
        fn=lambda: [None, *opened(None), *empty_answer()],
        outputs=[upload, *reading["outputs"], *shown_there],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    running = []
    for event in (upload.input, examples.load_input_event.then):
        read = event(open_photo, upload, **reading)
        found = read.success(search_photo, query_parts, **searching)
        found.success(**scroll)
        read.failure(**emptying)
        running += [read, found]
    added = more.upload(add_photos, [more, query], **reading)
    found = added.success(show_search, query_parts, **searching)
    found.success(**scroll)
    pressed = button.click(show_search, query_parts, **searching)
    pressed.success(**scroll)
    running += [added, found, pressed]
    again = dict(fn=search_again, inputs=[*query_parts, searched], **searching)
    chosen = people.click(
        change_people, query, [query, people, notice], api_visibility="private", show_progress="hidden"
    ).then(**again)
    chosen.success(**scroll)
    running.append(chosen)
    for event in (gallery.input, k.release, *(box.input for box in hide.values())):
        found = event(**again)
        found.success(**scroll)
        running.append(found)
    upload.clear(**emptying, cancels=running)
    search = dict(fn=search_if_photo, inputs=query_parts, **searching)
    return SearchTab(gallery, searched, [rows, status, searched, table, answer_file, detail], search, scroll)


def no_matches(words: str) -> list:
    """Values of `SearchTab.matches` while there are none: a sentence, empty rows, and nothing opened."""
    gone = [gr.DownloadButton(value=None, interactive=False) for _ in range(2)]
    return [empty_rows(), f"<p>{escape(words)}</p>", "", *gone, gr.Column(visible=False)]


def empty_answer() -> list:
    """Values of everything that an answer fills, before there is any."""
    return [
        *(empty_rows(), WAITING, None, None, ""),
        *[gr.Checkbox(value=False, visible=False)] * len(LABELS),
        *[gr.DownloadButton(value=None, interactive=False)] * 3,
        gr.Column(visible=False),
        *(None, None, None, ""),
    ]


def notices(asked: Query | None) -> str:
    """What helps to choose who is meant, as HTML."""
    return "".join(f"<p>{escape(notice)}</p>" for notice in asked.notices) if asked else ""


def filter_box(found: Filter, chosen: bool) -> gr.Checkbox:
    """A filter's box, shown where it would hide anything, with how much."""
    return gr.Checkbox(value=chosen and found.works, info=found.told, visible=found.works)


def body_values(answer: Answer, asked: Query) -> list:
    """Canvas, overlay, still picture and measures; nobody's measures are left out."""
    body = answer.body
    measures = "" if asked.warnings else measures_table(body.prediction.measures)
    return [body.glb, body.overlay, body.still, measures]
