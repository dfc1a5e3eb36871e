"""The Compare tab: two photos in, how alike they are, both bodies and where these differ."""

import gradio as gr

from threedsl.ui import handlers_compare as handlers
from threedsl.ui.pair_view import add_pair_view, empty_pair, pair_values
from threedsl.ui.query import Query, choose
from threedsl.ui.scroll import jump_to
from threedsl.ui.service import Service
from threedsl.ui.strip import ON_CLICK, people_strip
from threedsl.ui.words import in_words

VISIT_SECONDS = 1800  # a visitor's photo is forgotten after this long
WHO = "Who to compare"
WAITING = "<p>Add two photos, or click an example.</p>"
SCROLL = jump_to("#compare-words", "#compare-words h2", low=0.75)


def add_compare(service: Service, limits: dict) -> None:
    """Add components and events to the Blocks being built; `limits` are concurrency arguments shared by everything
    that runs the model."""
    sides = [gr.State(None, time_to_live=VISIT_SECONDS) for _ in range(2)]  # query.Query
    with gr.Row(elem_id="compare"):
        columns = [
            _side(title, name) for title, name in (("First photo", "first"), ("Second photo", "second"))
        ]
        uploads, strips = [upload for upload, _ in columns], [strip for _, strip in columns]
        with gr.Column(min_width=240):
            examples = gr.Examples(
                [[str(path) for path in pair] for pair in service.shelf.pairs()],
                uploads,
                label="Examples: one person in other clothes, or two people",
                preprocess=False,
                api_visibility="private",
                preload=False,
                elem_id="pairs",
            )
            button = gr.Button("Compare", variant="primary", size="lg", elem_id="go-compare")
    values = add_pair_view("compare", WAITING)

    @in_words
    def read(payload):
        side = handlers.read_side(payload)
        return side, people_strip(side, WHO)

    @in_words
    def change_person(side: Query | None, event: gr.EventData):
        wanted = [str(event._data.get(name)) for name in ("photo", "person")]
        if side is None or not all(index.isdecimal() for index in wanted):
            return [gr.skip()] * 2
        side = choose(side, *map(int, wanted))
        return side, people_strip(side, WHO)

    @in_words
    def show_pair(first, second, first_side, second_side):
        pair = handlers.compare_photos(service, (first, second), (first_side, second_side))
        return pair_values(*pair, service.calibration, "Both people")

    def show_pair_if_both(first, second, first_side, second_side):
        if first is None or second is None:
            return [gr.skip()] * len(values)
        return show_pair(first, second, first_side, second_side)

    private = dict(preprocess=False, api_visibility="private", **limits)
    everything = [*uploads, *sides]
    comparing = dict(
        inputs=everything, outputs=values, show_progress_on=[values[0], values[1], values[2]], **private
    )
    scroll = dict(fn=None, js=SCROLL, api_visibility="private")
    # What was compared before does not belong to what is compared now, least of all where that fails.
    empty = dict(fn=None, js=f"() => {empty_pair(WAITING)}", outputs=values, api_visibility="private")
    for upload, side, strip in zip(uploads, sides, strips, strict=True):
        reading = dict(outputs=[side, strip], show_progress_on=strip, **private)
        upload.input(**empty)
        upload.input(read, upload, **reading).success(show_pair_if_both, **comparing).success(**scroll)
        upload.clear(**empty)
        upload.clear(read, upload, **reading)
        strip.click(
            change_person, side, [side, strip], api_visibility="private", show_progress="hidden"
        ).then(**empty).then(show_pair_if_both, **comparing).success(**scroll)
    chain = examples.load_input_event.then(**empty)
    for upload, side, strip in zip(uploads, sides, strips, strict=True):
        chain = chain.then(read, upload, [side, strip], show_progress_on=strip, **private)
    chain.success(show_pair, **comparing).success(**scroll)
    button.click(**empty)
    button.click(show_pair, **comparing).success(**scroll)


def _side(title: str, name: str) -> tuple[gr.Image, gr.HTML]:
    with gr.Column(min_width=280):
        upload = gr.Image(
            type="filepath",
            image_mode=None,
            sources=["upload", "clipboard", "webcam"],
            label=title,
            height=300,
            buttons=[],
            placeholder="Drop a photo here\nor click to choose one",
            elem_id=f"{name}-photo",
            elem_classes="picture",
        )
        strip = gr.HTML(
            people_strip(None, WHO), elem_id=f"{name}-people", js_on_load=ON_CLICK, apply_default_css=False
        )
    return upload, strip
