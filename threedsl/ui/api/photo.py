"""Photos and boxes as the API takes them, and what it says of the person it took."""

import gradio as gr

from threedsl.errors import InputError
from threedsl.ui.search.notices import notice
from threedsl.ui.search.photo import PersonCrop, Photo

NO_PERSON = "No person was found in {}; give a box, or whole=true to use the whole image."
NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}


def box_input(label: str = "box") -> gr.JSON:
    """A JSON input for [x0, y0, x1, y1] or nothing.

    gr.JSON declares "type": {}, which is no JSON schema: MCP refuses every call of a tool that has one. A subclass
    would make Gradio write a .pyi file next to this one.
    """
    box = gr.JSON(label=label, visible=False)
    box.api_info = lambda: {"anyOf": [NUMBERS, {"type": "null"}]}
    return box


def photo_input(label: str = "photo") -> gr.File:
    """A picture file. gr.Image would decode it before `load_image` can refuse it in words."""
    return gr.File(label=label, visible=False)


def whole_input() -> gr.Checkbox:
    """Whether to take the whole picture."""
    return gr.Checkbox(False, label="whole", visible=False)


def taken(photo: Photo, whole: bool = False) -> PersonCrop:
    """What a call uses of a photo: its box, the whole picture if so wished, or the most prominent person.

    Raises:
        InputError: no person was found and neither a box nor the whole picture is asked for.
    """
    if photo.area:
        return photo.area
    if whole:
        return photo.people[-1]
    if photo.no_person:
        raise InputError(NO_PERSON.format(photo.path.name))
    return photo.people[0]


def photo_as_json(photo: Photo, used: PersonCrop) -> dict:
    """`used` and everyone else found; boxes are [x0, y0, x1, y1] in pixels of the upright photo of `size`."""
    return {
        "box": list(used.box),
        "people": [list(person.box) for person in photo.found],
        "size": list(photo.size),
        "notice": notice(photo, used),
    }
