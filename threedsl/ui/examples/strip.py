"""The examples to click, gallery by gallery: what they show, how the searches turn out, and which ones are hard."""

from collections.abc import Sequence
from html import escape

import gradio as gr

from threedsl.data.images import load_image
from threedsl.descriptors import STREAMS
from threedsl.ui.examples.choice import Example
from threedsl.ui.pictures import data_uri, fit, jpeg
from threedsl.ui.scripts import script
from threedsl.ui.search.status import NAMES
from threedsl.ui.service import Service

THUMBNAIL = (144, 96)  # height, width in pixels


def add_example_strip(
    service: Service, upload: gr.Image, gallery: gr.Radio
) -> tuple[gr.HTML, gr.events.Dependency]:
    """Add the strip to the Blocks being built; a click puts the photo into `upload` and chooses its `gallery`.

    Returns:
        The strip, which keeps its photos in Gradio's cache, and the event, for what follows it.
    """
    examples = service.shelf.examples()
    strip = gr.HTML(
        strip_html(examples, {name: demo.people or demo.title for name, demo in service.shelf.demos.items()}),
        elem_id="examples",
        js_on_load=script("example_clicks"),
        apply_default_css=False,
    )
    paths = [strip.move_resource_to_block_cache(example.photo) for example in examples]
    strip.keep_in_cache.update(paths)

    def pick(event: gr.EventData):
        chosen = str(event._data.get("example"))
        if not chosen.isdecimal() or len(chosen) > 4 or int(chosen) >= len(examples):
            return [gr.skip()] * 2
        return paths[int(chosen)], examples[int(chosen)].gallery

    click = strip.click(
        pick, None, [upload, gallery], queue=False, show_progress="hidden", api_visibility="private"
    )
    return strip, click


def strip_html(examples: Sequence[Example], titles: dict[str, str]) -> str:
    """A group of buttons for each gallery, in the order of the examples; `titles` by gallery's name."""
    groups = "".join(
        _group(title, [(i, example) for i, example in enumerate(examples) if example.gallery == name])
        for name, title in titles.items()
    )
    return f'<p class="strip-title">Examples, in different clothes from those in the gallery</p>{groups}'


def _group(title: str, examples: Sequence[tuple[int, Example]]) -> str:
    if not examples:
        return ""
    buttons = "".join(_button(i, example) for i, example in examples)
    return (
        f'<section class="example-group" aria-label="{escape(title)}"><p class="group-title">{escape(title)}'
        f'{outcome([example for _, example in examples])}</p><div class="gallery">{buttons}</div></section>'
    )


def outcome(examples: Sequence[Example]) -> str:
    """HTML: in how many of these searches the right person is ranked first; "" where that was not measured."""
    measured = [example.measured for example in examples if example.measured]
    if len(measured) < len(examples):
        return ""
    counts = ", ".join(
        f"{sum(one.ranks[stream] == 1 for one in measured)} {NAMES[stream]}" for stream in STREAMS
    )
    return f" <small>Correct person ranked first (out of {len(measured)} searches): {counts}.</small>"


def _button(index: int, example: Example) -> str:
    hard = bool(example.measured and example.measured.hard)
    picture = data_uri(jpeg(fit(load_image(example.photo), *THUMBNAIL), quality=80))
    return (
        f'<button type="button" class="gallery-item" data-example="{index}" '
        f'aria-label="Example photo {index + 1}{", hard" if hard else ""}"><img src="{picture}" alt="">'
        f"{'<span class=hard>hard</span>' if hard else ''}</button>"
    )
