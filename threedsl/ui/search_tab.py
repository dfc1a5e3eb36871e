"""The search: a photo on the left, three rankings in the middle, the body on the right."""

from html import escape

import gradio as gr

from threedsl.ui import handlers
from threedsl.ui.cards import empty_rows, measures_table, ranked_rows
from threedsl.ui.people import Photo, read_photo
from threedsl.ui.pictures import fit
from threedsl.ui.service import MOST_MATCHES, Service
from threedsl.ui.words import in_words

VISIT_SECONDS = 1800  # a visitor's photo is forgotten after this long
CANVAS_HEIGHT = 440  # pixels
FRONT = (90, 85, 2.6)  # degrees, degrees, metres: before the body, a little above its middle
SCROLL_ON_PHONES = """() => {
    if (window.innerWidth < 700) document.getElementById("status").scrollIntoView({behavior: "smooth"});
}"""


def add_search(service: Service, limits: dict) -> None:
    """Add components and events to the Blocks being built; `limits` are concurrency arguments shared by everything
    that runs the model."""
    photo = gr.State(None, time_to_live=VISIT_SECONDS)  # people.Photo
    chosen = gr.State(0, time_to_live=VISIT_SECONDS)  # index into its people
    searched = gr.State(False, time_to_live=VISIT_SECONDS)  # whether this photo's results are on the page
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
                height=300,
                buttons=[],
                placeholder="Drop a photo here\nor click to choose one",
                elem_id="photo",
            )
            shown = gr.Examples(
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
            people = gr.Gallery(
                label="Who to look for",
                columns=4,
                fit_columns=False,
                height=170,
                object_fit="contain",
                allow_preview=False,
                interactive=False,
                buttons=[],
                format="jpeg",
                elem_id="people",
            )
            notice = gr.HTML(elem_id="notice")
            gallery.render()
            k = gr.Slider(1, MOST_MATCHES, 5, step=1, label="Matches per row")
            button = gr.Button("Search", variant="primary", size="lg", elem_id="go")
        with gr.Column(scale=9, min_width=340):
            status = gr.HTML("<p>Add a photo, or click an example.</p>", elem_id="status")
            rows = gr.HTML(empty_rows(), elem_id="rows", apply_default_css=False)
        with gr.Column(scale=6, min_width=300):
            canvas = gr.Model3D(
                label="Body (drag to turn)",
                height=CANVAS_HEIGHT,
                camera_position=FRONT,
                interactive=False,
                elem_id="body",
            )
            with gr.Row(equal_height=True):
                overlay = _picture("Body over the photo", "overlay")
                still = _picture("Still picture", "still")
            measures = gr.HTML(elem_id="measures", apply_default_css=False)

    @in_words
    def open_photo(payload):
        if payload is None:
            return None, 0, False, gr.Gallery(None), ""
        opened = read_photo(handlers.path_of(payload))
        return opened, 0, False, _choices(opened), f"<p>{escape(opened.notice)}</p>" if opened.notice else ""

    @in_words
    def show_search(payload, opened, index, name, count, progress=gr.Progress()):
        answer, seconds = handlers.answer_photo(service, payload, opened, index, name, count, progress)
        body = answer.body
        return (
            ranked_rows(answer.rows, service.shelf.demos[name].title),
            body.glb,
            body.overlay,
            body.still,
            measures_table(body.prediction.measures),
            status_line(seconds),
            True,
        )

    def search_again(payload, opened, index, name, count, was_searched, progress=gr.Progress()):
        if not was_searched:
            return [gr.skip()] * 7
        return show_search(payload, opened, index, name, count, progress)

    def choose(event: gr.SelectData):
        return event.index

    reading = dict(
        fn=open_photo,
        inputs=upload,
        outputs=[photo, chosen, searched, people, notice],
        preprocess=False,
        show_progress_on=people,
        api_visibility="private",
        **limits,
    )
    query = [upload, photo, chosen, gallery, k]
    shown_there = [rows, canvas, overlay, still, measures, status, searched]
    searching = dict(
        outputs=shown_there, preprocess=False, show_progress_on=rows, api_visibility="private", **limits
    )
    # On a phone the answer lies below what the visitor sees.
    scroll = dict(fn=None, js=SCROLL_ON_PHONES)
    upload.input(**reading).success(show_search, query, **searching).success(**scroll)
    upload.clear(**reading)
    shown.load_input_event.then(**reading).success(show_search, query, **searching).success(**scroll)
    button.click(show_search, query, **searching).success(**scroll)
    again = dict(fn=search_again, inputs=[*query, searched], **searching)
    people.select(choose, None, chosen, api_visibility="private", show_progress="hidden").then(**again)
    gallery.input(**again)
    k.release(**again)


def status_line(seconds: float) -> str:
    """How long the answer took, and what the scores are."""
    took = f"{seconds:.1f}" if seconds >= 0.1 else f"{seconds:.2f}"
    return f"<p>Answered in {took} s. Scores are cosine similarities: 1.00 is identical.</p>"


def _picture(label: str, name: str) -> gr.Image:
    return gr.Image(
        label=label,
        height=300,
        format="jpeg",
        interactive=False,
        buttons=["download", "fullscreen"],
        min_width=120,
        elem_id=name,
    )


def _choices(photo: Photo) -> gr.Gallery:
    crops = [(fit(person.crop, 256, 192), person.caption) for person in photo.people]
    return gr.Gallery(crops, selected_index=0)
