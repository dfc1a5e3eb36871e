"""Who to look for: every photo of the search with the people found in it, as buttons of which one is pressed, and on
the photo itself, where an area can be drawn as well."""

from html import escape

import gradio as gr

from threedsl.ui.pictures import data_uri, fit, jpeg
from threedsl.ui.scripts import script
from threedsl.ui.search.photo import PersonCrop
from threedsl.ui.search.query import Query

SIZE = (192, 144)  # height, width in pixels of a choice


def photo_box(label: str, height: int, placeholder: str, elem_id: str, *classes: str) -> gr.Image:
    """Where a photo is dropped, pasted or taken; as a file, so that nothing decodes it before it is checked."""
    return gr.Image(
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard", "webcam"],
        label=label,
        height=height,
        buttons=[],
        placeholder=placeholder,
        elem_id=elem_id,
        elem_classes=list(classes),
    )


def people_strip(html: str, elem_id: str) -> gr.HTML:
    """The component of `people_buttons`, whose click event tells `handlers.change` what was chosen."""
    return gr.HTML(html, elem_id=elem_id, js_on_load=script("people_clicks"), apply_default_css=False)


def people_buttons(query: Query | None, title: str = "Who to look for") -> str:
    """HTML of the choices, under a short title."""
    photos = range(len(query.photos)) if query else ()
    groups = "".join(_photo(query, i) for i in photos)
    scenes = "".join(_scene(query, i) for i in photos if query.photos[i].view)
    return (
        f'<p class="strip-title">{escape(title)}</p>'
        f'<div class="strip{"" if query else " empty"}" role="group" aria-label="{escape(title)}">{groups}</div>'
        f"{scenes}"
    )


def _photo(query: Query, index: int) -> str:
    photo, chosen = query.photos[index], query.chosen[index]
    many = len(query.photos) > 1
    buttons = "".join(
        _person(person, index, i, i == chosen, f"Photo {index + 1}: " if many else "")
        for i, person in enumerate(photo.people)
    )
    remove = (
        f'<button type="button" class="remove" data-remove="{index}">Remove photo {index + 1}</button>'
        if many
        else ""
    )
    return f'<div class="strip-photo"><div>{buttons}</div>{remove}</div>'


def _person(person: PersonCrop, photo: int, index: int, chosen: bool, where: str) -> str:
    caption = escape(person.caption)
    kind, means = ("thumbnail-item whole", "not cropped") if person.whole else ("thumbnail-item", "cropped")
    picture = data_uri(jpeg(fit(person.shown, *SIZE)))
    return (
        f'<button type="button" class="{kind}" aria-pressed="{str(chosen).lower()}" data-photo="{photo}" '
        f'data-person="{index}" aria-label="{where}{caption}"><img src="{picture}" alt="">'
        f'<span class="caption-label">{caption}<small>{means}</small></span></button>'
    )


def _scene(query: Query, index: int) -> str:
    """The photo with a numbered box on each person, the smaller above the larger, and fields of an area that
    people_clicks.js fills while one is drawn. Hidden until needed where there are no people to choose between."""
    photo, chosen = query.photos[index], query.chosen[index]
    width, height = photo.size
    marked = [(i, person) for i, person in enumerate(photo.people) if not person.whole]
    marked.sort(key=lambda one: -_area(one[1].box))
    boxes = "".join(_mark(person, index, i, i == chosen, photo.size) for i, person in marked)
    box = photo.people[chosen or 0].box
    fields = "".join(
        f'<label>{side}<input type="number" min="0" max="{most}" step="1" value="{value}" inputmode="numeric"></label>'
        for side, value, most in zip(
            ("Left", "Top", "Right", "Bottom"), box, (width, height) * 2, strict=True
        )
    )
    of_photo = f" in photo {index + 1}" if len(query.photos) > 1 else ""
    group = len(marked) > 1 or any(person.own for _, person in marked)
    return (
        f'<div class="on-photo{" group" if group else ""}" data-photo="{index}"><div class="scene" '
        f'data-width="{width}" data-height="{height}"><img src="{data_uri(photo.view)}" '
        f'alt="Photo with {len(marked)} marked" draggable="false">{boxes}<i class="drawn"></i></div>'
        f'<button type="button" class="draw" data-draw aria-expanded="false">Choose the area yourself{of_photo}'
        '</button><div class="area"><p>Drag across the photo, click two opposite corners, or enter pixels.</p>'
        f'<div>{fields}</div><button type="button" data-use>Use this area</button></div></div>'
    )


def _mark(person: PersonCrop, photo: int, index: int, chosen: bool, size: tuple[int, int]) -> str:
    # For pointers alone: keyboards and screen readers have the buttons of the strip.
    width, height = size
    x0, y0, x1, y1 = person.box
    place = (
        f"left:{100 * x0 / width:.2f}%;top:{100 * y0 / height:.2f}%;"
        f"width:{100 * (x1 - x0) / width:.2f}%;height:{100 * (y1 - y0) / height:.2f}%"
    )
    return (
        f'<button type="button" class="mark{" chosen" if chosen else ""}" data-photo="{photo}" '
        f'data-person="{index}" tabindex="-1" aria-hidden="true" style="{place}">'
        f"<b>{'✎' if person.own else index + 1}</b></button>"
    )


def _area(box: tuple[int, int, int, int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
