"""The lines above the rankings: where the correct person is ranked, warnings, and how the search was done."""

from collections.abc import Mapping, Sequence
from html import escape

from threedsl.ui.search.notices import warnings
from threedsl.ui.search.query import Query
from threedsl.ui.search.rankings import Rankings
from threedsl.ui.service import Answer

WAITING = "<p>Add a photo, or choose an example.</p>"
NAMES = {"appearance": "by appearance", "shape": "by 3D body shape", "combined": "by both"}
SAME_PICTURE = 0.99999  # cosine similarity in both streams; rounding takes 0.000001
NOT_KNOWN = "Identity unknown, so matches are not marked correct or incorrect."


def status_text(seconds: float, answer: Answer, query: Query, wanted: Sequence[str] = ()) -> str:
    """HTML: the finding, warnings about the photos, and the small print.

    seconds: the search took. wanted: the filters that were used.
    """
    warned = "".join(f'<p class="warning" role="alert">{escape(text)}</p>' for text in warnings(query))
    took = f"{seconds:.1f}" if seconds >= 0.1 else f"{max(seconds, 0.01):.2f}"
    photos = len(query.photos)
    hidden = len(frozenset().union(*(answer.filters[name].rows for name in wanted)))
    return (
        f"{warned}{finding(answer.rankings)}{itself(answer.rankings)}"
        f"<p>Answered in {took} s{f' from {photos} photos' if photos > 1 else ''}"
        f"{f', {hidden} pictures hidden' if hidden else ''}. "
        "Score: cosine similarity; 1.00 = identical.</p>"
    )


def finding(rankings: Rankings) -> str:
    """HTML: the rank of the correct person in each ranking, where the identity is known."""
    if not rankings.person:
        return f'<p class="finding">{NOT_KNOWN}</p>'
    if not rankings.first:
        person = escape(rankings.person)
        return f'<p class="finding">The correct person, {person}, is not among the pictures searched.</p>'
    places = in_places({stream: f"<b>{ordinal(rank)}</b>" for stream, rank in rankings.first.items()})
    return f'<p class="finding">Correct person ({escape(rankings.person)}): ranked {places}.</p>'


def itself(rankings: Rankings) -> str:
    """HTML: a sentence where the query picture is in the gallery as well, which its descriptors show; else ""."""
    own = [
        {card.index: card.picture for card in rankings.rows[stream] if card.score > SAME_PICTURE}
        for stream in ("appearance", "shape")
    ]
    names = [name for row, name in own[0].items() if row in own[1]]
    if not names:
        return ""
    again = f", {len(names)} times" if len(names) > 1 else ""
    place = f"as {escape(names[0])}{again}"
    return f"<p>Your photo itself is in this gallery ({place}); finding it again proves nothing.</p>"


def standing(rankings: Rankings, row: int) -> str:
    """A sentence on one picture of the gallery: whom it shows, where that is known, and its ranks."""
    ranks = {stream: ordinal(places[row]) for stream, places in rankings.places.items() if row in places}
    same = next(
        (card.same_person for cards in rankings.rows.values() for card in cards if card.index == row), None
    )
    who = {True: "This is the correct person. ", False: "This is a different person. ", None: ""}[same]
    return f"{who}It is ranked {in_places(ranks)}, of {len(next(iter(rankings.places.values())))} pictures."


def in_places(ranks: Mapping[str, str]) -> str:
    """ "4th by appearance, 1st by 3D body shape, 2nd by both"."""
    return ", ".join(f"{rank} {NAMES[stream]}" for stream, rank in ranks.items())


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th ..."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"
