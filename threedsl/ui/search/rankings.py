"""The three rankings of a gallery for one query, with each picture's rank in the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from threedsl.calibration import Calibration
from threedsl.descriptors import STREAMS, Descriptors
from threedsl.ui.demo_galleries import OpenGallery


@dataclass(frozen=True)
class RankedMatch:
    """A picture of the gallery in one ranking."""

    rank: int
    person: str  # "" when the gallery does not know
    picture: str  # file name of the gallery's picture
    score: float  # cosine similarity
    same_person: bool | None  # None where it is not known
    thumbnail: str  # data URI
    index: int = -1  # row of the gallery; -1: cannot be opened
    other_ranks: Mapping[str, int] = field(
        default_factory=dict
    )  # the same picture's rank in the other streams
    same_share: float | None = None  # of pairs with this score that are one person, where it was measured


@dataclass(frozen=True)
class Rankings:
    """The three rankings of one query."""

    rows: dict[str, list[RankedMatch]]  # of each stream, the best matches
    places: dict[
        str, dict[int, int]
    ]  # of each stream, row of the gallery to its rank from 1; hidden ones have none
    person: str | None  # who the query is known to show
    first: dict[
        str, int
    ]  # of each stream, the best rank of a picture of this person; empty where there is none


def rank(
    output: Descriptors,
    gallery: OpenGallery,
    k: int,
    query_person: str | None,
    hidden: frozenset[int] = frozenset(),
    calibration: Calibration | None = None,
) -> Rankings:
    """The k best matches per stream, each with its rank in the others; all ranks are places in one and the same search.

    output: of one picture. query_person: who the query is, if known. hidden: rows of the gallery
    that are left out.
    """
    index = gallery.index
    found = {
        stream: [match for match in index.search(output, stream, len(index))[0] if match.index not in hidden]
        for stream in STREAMS
    }
    places = {
        stream: {match.index: place for place, match in enumerate(matches, 1)}
        for stream, matches in found.items()
    }
    rows = {
        stream: [
            RankedMatch(
                rank=place,
                person=match.person or "",
                picture=Path(match.path).name,
                score=float(match.score),
                same_person=_same(match.person, query_person),
                thumbnail=gallery.thumbnails[match.index],
                index=match.index,
                other_ranks={
                    other: places[other][match.index]
                    for other in STREAMS
                    if other != stream and match.index in places[other]
                },
                same_share=calibration.same(stream, match.score) if calibration else None,
            )
            for place, match in enumerate(matches[:k], 1)
        ]
        for stream, matches in found.items()
    }
    right = {
        stream: next((place for place, match in enumerate(matches, 1) if match.person == query_person), None)
        for stream, matches in found.items()
    }
    first = {stream: place for stream, place in right.items() if place and query_person}
    return Rankings(rows, places, query_person, first)


def _same(person: str | None, query_person: str | None) -> bool | None:
    return person == query_person if person and query_person else None


def one_person(opened: OpenGallery, digests: Sequence[str]) -> str | None:
    """Who photos with these digests show, where the gallery knows all of them and they agree."""
    people = {opened.known[digest].pid if digest in opened.known else None for digest in digests}
    return people.pop() if len(people) == 1 else None
