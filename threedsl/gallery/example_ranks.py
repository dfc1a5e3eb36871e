"""How the demo galleries' example searches turn out, as `python -m train examples` measured it for one model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from threedsl.descriptors import STREAMS
from threedsl.errors import InputError
from threedsl.reading import read_json

FILE = "examples.json"  # in a checkpoint's folder


@dataclass(frozen=True)
class ExampleRank:
    """Where the right person is first found when one example is searched with."""

    person: str
    sha256: str  # of the photo's file
    ranks: Mapping[str, int]  # by each stream, from 1

    @property
    def hard(self) -> bool:
        """Neither 3D body shape nor both streams together put the right person first."""
        return self.ranks["shape"] > 1 and self.ranks["combined"] > 1

    @property
    def place(self) -> tuple[int, int]:
        """Sorts examples: those first in which shape changes the answer.

        By the number of the two rankings "shape" and "combined" with the right person first where "appearance" has
        another one; then those that all rankings find; then the hard ones. Among equals, the lower appearance ranks
        the right person, the earlier the example, and a hard one the earlier, the better its best rank.
        """
        right = [self.ranks[stream] == 1 for stream in ("shape", "combined")]
        if not any(right):
            return 3, min(self.ranks.values())
        if self.ranks["appearance"] == 1:
            return 2, -sum(right)
        return 2 - sum(right), -self.ranks["appearance"]


@dataclass(frozen=True)
class Spread:
    """Median distances between predicted bodies, in centimetres at a common height and pose."""

    same_person: float  # between photos of one person in other clothes
    two_people: float


@dataclass(frozen=True)
class GalleryRanks:
    """One demo gallery's figures."""

    pictures: int  # searched
    examples: tuple[ExampleRank, ...]
    spread: Spread

    def first(self) -> dict[str, int]:
        """Of each stream, how many examples have the right person first."""
        return {stream: sum(one.ranks[stream] == 1 for one in self.examples) for stream in STREAMS}


def read_example_ranks(folder: str | Path | None, fingerprint: str) -> dict[str, GalleryRanks]:
    """By gallery, from examples.json of a checkpoint's folder.

    Empty where there is none, where it cannot be read, or where it was measured with other weights than those of
    `fingerprint`: the page then shows its examples in the order of their lists and says nothing about them.
    """
    path = None if folder is None else Path(folder) / FILE
    if path is None or not path.is_file():
        return {}
    try:
        found = read_json(path, remedy="run `python -m train examples`")
        if found["fingerprint"] != fingerprint:
            return {}
        return {name: _gallery(one) for name, one in found["galleries"].items()}
    except (InputError, KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return {}


def as_json(fingerprint: str, galleries: Mapping[str, GalleryRanks]) -> dict:
    """The contents of examples.json."""
    return {
        "fingerprint": fingerprint,
        "galleries": {
            name: {
                "pictures": one.pictures,
                "centimetres apart, median": {
                    "one person in other clothes": round(one.spread.same_person, 3),
                    "two people": round(one.spread.two_people, 3),
                },
                "examples": [
                    {"person": example.person, "sha256": example.sha256, "ranks": dict(example.ranks)}
                    for example in one.examples
                ],
            }
            for name, one in galleries.items()
        },
    }


def _gallery(found: Mapping) -> GalleryRanks:
    apart = found["centimetres apart, median"]
    return GalleryRanks(
        int(found["pictures"]),
        tuple(_example(one) for one in found["examples"]),
        Spread(float(apart["one person in other clothes"]), float(apart["two people"])),
    )


def _example(found: Mapping) -> ExampleRank:
    ranks = {stream: int(found["ranks"][stream]) for stream in STREAMS}
    if min(ranks.values()) < 1:
        raise ValueError("a rank is 1 or more")
    return ExampleRank(str(found["person"]), str(found["sha256"]), ranks)


def in_order(examples: Sequence[ExampleRank]) -> list[ExampleRank]:
    """The most telling ones first; see `ExampleRank.place`."""
    return sorted(examples, key=lambda one: (one.place, one.sha256))
