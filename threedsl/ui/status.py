"""The lines above the rankings: where the right person was found, what to mind, how the answer was made."""

from collections.abc import Mapping, Sequence
from html import escape

from threedsl.ui.answer import Ranking
from threedsl.ui.query import Query
from threedsl.ui.service import Answer

WAITING = "<p>Add a photo, or choose an example.</p>"
NAMES = {"appearance": "by appearance", "shape": "by 3D body shape", "combined": "by both"}
NOT_KNOWN = "Nobody here knows who this is, so no match is marked right or wrong."


def status_text(seconds: float, answer: Answer, asked: Query, wanted: Sequence[str] = ()) -> str:
    """HTML: the finding, warnings about the photos, and the small print.

    seconds: the search took. wanted: the filters that were used.
    """
    warnings = "".join(f'<p class="warning" role="alert">{escape(text)}</p>' for text in asked.warnings)
    took = f"{seconds:.1f}" if seconds >= 0.1 else f"{max(seconds, 0.01):.2f}"
    photos = len(answer.shown.keys)
    hidden = len(frozenset().union(*(answer.filters[name].rows for name in wanted)))
    return (
        f"{warnings}{finding(answer.shown.ranking)}"
        f"<p>Answered in {took} s{f' from {photos} photos' if photos > 1 else ''}"
        f"{f', {hidden} of the pictures hidden' if hidden else ''}. "
        "Score: 1.00 would be identical pictures.</p>"
    )


def finding(ranking: Ranking) -> str:
    """HTML: the place of the right person in each ranking, where it is known who that is."""
    if not ranking.person:
        return f'<p class="finding">{NOT_KNOWN}</p>'
    if not ranking.first:
        return f'<p class="finding">The right person, {escape(ranking.person)}, is not among the pictures searched.</p>'
    places = in_places({stream: f"<b>{ordinal(rank)}</b>" for stream, rank in ranking.first.items()})
    return f'<p class="finding">The right person, {escape(ranking.person)}, comes {places}.</p>'


def standing(ranking: Ranking, row: int) -> str:
    """A sentence on one picture of the gallery: whom it shows, where that is known, and its ranks."""
    ranks = {stream: ordinal(places[row]) for stream, places in ranking.places.items() if row in places}
    same = next(
        (card.same_person for cards in ranking.rows.values() for card in cards if card.index == row), None
    )
    who = {True: "This is the right person. ", False: "This is another person. ", None: ""}[same]
    return f"{who}It comes {in_places(ranks)}, of {len(next(iter(ranking.places.values())))} pictures."


def in_places(ranks: Mapping[str, str]) -> str:
    """ "4th by appearance, 1st by 3D body shape, 2nd by both"."""
    return ", ".join(f"{rank} {NAMES[stream]}" for stream, rank in ranks.items())


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th ..."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"
