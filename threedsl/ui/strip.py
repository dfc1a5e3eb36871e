"""Who to look for: every photo of the search with the people found in it, as buttons of which one is pressed."""

from html import escape

from threedsl.ui.people import Person
from threedsl.ui.pictures import data_uri, fit, jpeg
from threedsl.ui.query import Query

SIZE = (192, 144)  # height, width in pixels of a choice
ON_CLICK = """
element.addEventListener('click', event => {
    const button = event.target.closest('button');
    if (button) trigger('click', {...button.dataset});
});
"""
"""Sends {photo, person} or {remove}, indices as text, for `js_on_load`."""


def people_strip(query: Query | None, title: str = "Who to look for") -> str:
    """HTML of the choices, under a short title."""
    groups = "".join(_photo(query, i) for i in range(len(query.photos))) if query else ""
    return (
        f'<p class="strip-title">{escape(title)}</p>'
        f'<div class="strip{"" if query else " empty"}" role="group" aria-label="{escape(title)}">{groups}</div>'
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


def _person(person: Person, photo: int, index: int, chosen: bool, where: str) -> str:
    caption = escape(person.caption)
    kind, means = (
        ("thumbnail-item whole", "nothing cut off") if person.whole else ("thumbnail-item", "cut out")
    )
    picture = data_uri(jpeg(fit(person.crop, *SIZE)))
    return (
        f'<button type="button" class="{kind}" aria-pressed="{str(chosen).lower()}" data-photo="{photo}" '
        f'data-person="{index}" aria-label="{where}{caption}"><img src="{picture}" alt="">'
        f'<span class="caption-label">{caption}<small>{means}</small></span></button>'
    )
