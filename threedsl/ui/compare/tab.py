"""The Compare tab: two photos in, how alike they are, both bodies and where these differ."""

import gradio as gr

from threedsl.ui.compare import handlers
from threedsl.ui.compare.view import add_pair_view, empty_pair, held_pair, pair_values
from threedsl.ui.errors import in_words
from threedsl.ui.newest import Newest, in_turn, turn_number, turn_of
from threedsl.ui.scripts import give, scroll_to_answer
from threedsl.ui.search.handlers import change
from threedsl.ui.search.notices import gate_html
from threedsl.ui.search.people_choice import people_buttons, people_strip, photo_box
from threedsl.ui.search.query import Query
from threedsl.ui.security.limits import READS
from threedsl.ui.service import Service

VISIT_SECONDS = 1800  # a visitor's photo expires after this long
WHO = "Who to compare"
WAITING = "<p>Add two photos, or click an example.</p>"
HELD = "<p>No person was found in one of the photos. Above, choose what to compare.</p>"
ANYWAY = "Compare the whole image anyway"
SCROLL = scroll_to_answer("#compare-words", "#compare-words h2", low=0.75)


def add_compare_tab(service: Service, limits: dict) -> None:
    """Add the tab to the Blocks being built; `limits` are concurrency arguments shared by everything
    that runs the model."""
    with gr.Tab("Compare", id="compare"):
        sides = [gr.State(None, time_to_live=VISIT_SECONDS) for _ in range(2)]  # query.Query
        # Which photo of each side was read last, and which comparison was made.
        *photos, pairs = (gr.State(Newest()) for _ in range(3))
        turn = turn_number()
        with gr.Row(elem_id="compare"):
            columns = [
                _side(title, name) for title, name in (("First photo", "first"), ("Second photo", "second"))
            ]
            uploads, strips = [upload for upload, _ in columns], [strip for _, strip in columns]
            with gr.Column(min_width=240):
                examples = gr.Examples(
                    [[str(path) for path in pair] for pair in service.shelf.pairs()],
                    uploads,
                    label="Examples: one person in different clothes, or two people",
                    preprocess=False,
                    api_visibility="private",
                    preload=False,
                    elem_id="pairs",
                )
                button = gr.Button("Compare", variant="primary", size="lg", elem_id="go-compare")
        values = add_pair_view("compare", WAITING)

    @in_words
    def read(payload, photos: Newest, pairs: Newest, turn):
        pairs.begin(turn)
        read = photos.run(lambda: (handlers.read_side(payload),), turn)
        return (*read, _strip_html(*read)) if read else [gr.skip()] * 2

    @in_words
    def change_person(side: Query | None, photos: Newest, pairs: Newest, event: gr.EventData):
        is_newest = photos.watch()
        side = change(side, event._data) if side else None
        pairs.begin()
        return (side, _strip_html(side)) if side and is_newest() else [gr.skip()] * 2

    @in_words
    def show_pair(first, second, first_side, second_side, pairs: Newest, turn):
        def compare():
            both = handlers.current_sides((first, second), (first_side, second_side))
            if not all(side.ready for side in both):
                return held_pair(HELD)
            pair = handlers.compare_photos(service, (first, second), both)
            return pair_values(*pair, service.calibration, "Both people")

        return pairs.run(compare, turn) or [gr.skip()] * len(values)

    def show_pair_if_both(first, second, *others):
        if first is None or second is None:
            return [gr.skip()] * len(values)
        return show_pair(first, second, *others)

    # What comes while one of these runs is done after it, with what is on the page by then.
    private = dict(preprocess=False, api_visibility="private", trigger_mode="always_last", **limits)

    def not_read(pairs: Newest, turn):
        pairs.begin(turn)  # one that runs is of an earlier photo, also where the reading was never begun

    def reading_of(upload, photo, side, strip, how) -> dict:
        inputs = in_turn([upload, photo, pairs], turn, upload.elem_id, (upload.elem_id, how))
        return dict(**inputs, outputs=[side, strip], show_progress_on=strip, **private | READS)

    comparing = dict(
        outputs=values,
        show_progress_on=[values[0], values[1], values[2]],
        **in_turn([*uploads, *sides, pairs], turn),
        **private,
    )
    scroll = dict(fn=None, js=SCROLL, api_visibility="private")
    # What was compared before does not belong to what is compared now, least of all where that fails.
    empty = dict(fn=None, js=give(empty_pair(WAITING)), outputs=values, api_visibility="private")
    chain = examples.load_input_event.then(**empty)
    running, shown = [], []  # each side's readings, and the comparisons
    for upload, photo, side, strip in zip(uploads, photos, sides, strips, strict=True):
        parts = upload, photo, side, strip
        chain = chain.then(read, **reading_of(*parts, "put"))
        upload.input(**empty)
        arrived = upload.input(read, **reading_of(*parts, "input"))
        # A comparison that was running may have ended while the photo waited for its turn to be read.
        lost = dict(**turn_of(upload.elem_id, [pairs], turn), queue=False, api_visibility="private")
        for event in (arrived, chain):
            event.failure(**empty)
            event.failure(not_read, **lost, show_progress="hidden").then(**empty)
        shown.append(arrived.success(show_pair_if_both, **comparing))
        changed = strip.click(
            change_person,
            [side, photo, pairs],
            [side, strip],
            api_visibility="private",
            show_progress="hidden",
            **READS,
        )
        shown.append(changed.success(**empty).then(show_pair_if_both, **comparing))
        running.append([chain, arrived, changed])
    shown.append(chain.success(show_pair_if_both, **comparing))
    button.click(**empty)
    shown.append(button.click(show_pair, **comparing))
    for pair in shown:
        pair.success(**scroll)
    for upload, photo, side, strip, own in zip(uploads, photos, sides, strips, running, strict=True):
        upload.clear(**empty, cancels=[*own, *shown])
        left = upload.clear(read, **reading_of(upload, photo, side, strip, "removed"))
        left.then(**empty)  # an answer that was on its way when the comparison was cancelled


def _strip_html(side: Query | None) -> str:
    return gate_html(side, ANYWAY) + people_buttons(side, WHO)


def _side(title: str, name: str) -> tuple[gr.Image, gr.HTML]:
    with gr.Column(min_width=280):
        words = "Drop a photo here\nor click to choose one"
        upload = photo_box(title, 300, words, f"{name}-photo", "picture")
        strip = people_strip(_strip_html(None), f"{name}-people")
    return upload, strip
