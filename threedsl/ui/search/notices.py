"""Sentences on what was found in a photo: no person, several to choose from, or one that allows few conclusions.

What is said once an area was chosen all the same is in `photo` and `query`, what the API says in `ui/api/photo.py`.
"""

from html import escape

from threedsl.ui.search.photo import PersonCrop, Photo
from threedsl.ui.search.query import Query

GATE = "No person was found in this photo. A photo that shows one person from head to toe works best."
GUESS = "The body is a guess, so its measures are left out."


def notice(photo: Photo, taken: PersonCrop) -> str:
    """What a caller of the API should know of a photo of which `taken` was used; "" for one whole person."""
    return " ".join(filter(None, ("" if taken.own else _group(photo), taken.warning)))


def notices(query: Query) -> list[str]:
    """Sentences that help to choose the person of each photo."""
    return _numbered([_group(photo) for photo in query.photos])


def gates(query: Query) -> list[str]:
    """Sentences on photos without a person, which are not searched with before the visitor says so."""
    return _numbered([GATE if chosen is None else "" for chosen in query.chosen])


def warnings(query: Query) -> list[str]:
    """Why the answer to a query that is ready means little, where it does."""
    return _numbered([person.warning for person in query.people])


def gate_html(query: Query | None, label: str) -> str:
    """The sentences of `gates` with a button each, labelled `label`, that takes the whole image; "" without any."""
    if query is None or query.ready:
        return ""
    many = len(query.photos) > 1
    held = [i for i, chosen in enumerate(query.chosen) if chosen is None]
    parts = [
        f'<p>{escape(sentence)}</p><button type="button" data-photo="{i}" '
        f'data-person="{len(query.photos[i].people) - 1}">{escape(label)}{f" (photo {i + 1})" if many else ""}</button>'
        for i, sentence in zip(held, gates(query), strict=True)
    ]
    return f'<div class="gate" role="alert">{"".join(parts)}</div>'


def _group(photo: Photo) -> str:
    people = len(photo.found)
    return f"{people} people found: choose the one to look for." if people > 1 else ""


def _numbered(sentences: list[str]) -> list[str]:
    many = len(sentences) > 1
    return [f"Photo {i}: {text}" if many else text for i, text in enumerate(sentences, 1) if text]
