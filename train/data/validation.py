"""Validation people: drawn from the training people, never trained on, and what every choice during a run is made on.

A dataset's query and gallery lists are its test set; training does not read them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from threedsl.data.listfile import Record

FEWEST = 4
"""With fewer people a choice among them is chance."""

MOST = 150
"""More would cost training people and time, and change no choice."""

QUERIES = 6
"""At most this many queries per person."""


@dataclass(frozen=True)
class Validation:
    """Some of the training people, and their pictures as a small retrieval test.

    Attributes:
        people: identities that must not be trained on.
        query: of each person at most QUERIES pictures, one per camera and outfit.
        gallery: all of their pictures, the queries too; the protocols remove a query from its own gallery.
        note: which pictures these are, in words.
    """

    people: frozenset[str]
    query: list[Record]
    gallery: list[Record]
    note: str


def draw_validation(records: Sequence[Record], share: float, seed: int) -> Validation | None:
    """Draw validation people from a training list.

    Whether a person is drawn depends on the person's name and the seed more than on the list: all runs, stages and
    seeds of training on one dataset hold out the same people.

    Args:
        records: of list/train.txt. An unknown camera counts as one of its own, as in `evaluate`.
        share: of the people, 0 to 0.5. At least FEWEST and at most MOST are drawn, from those seen by two cameras, and
            first from those who change clothes as well.
        seed: of the draw.

    Returns:
        None if the share is 0, or if FEWEST people are more than the share and more than a quarter of all, or if fewer
        than FEWEST are seen by two cameras.
    """
    records = [
        record if record.camid else replace(record, camid=f"picture {number}")
        for number, record in enumerate(records)
    ]
    pictures: dict[str, list[Record]] = {}
    for record in records:
        pictures.setdefault(record.pid, []).append(record)
    count = min(max(FEWEST, round(share * len(pictures))), MOST)
    fit = [pid for pid, own in pictures.items() if len({record.camid for record in own}) > 1]
    if not share or count > len(pictures) * max(share, 0.25) or len(fit) < FEWEST:
        return None
    changing = {pid for pid in fit if len({record.clothes for record in pictures[pid]}) > 1}
    order = sorted(
        fit, key=lambda pid: (pid not in changing, hashlib.sha256(f"{seed}:{pid}".encode()).digest())
    )
    people = frozenset(order[:count])
    query = [record for pid, own in pictures.items() if pid in people for record in queries_of(own)]
    gallery = [record for record in records if record.pid in people]
    note = (
        f"{len(people)} of the {len(pictures):,} training people, held out from training (seed {seed}): "
        f"{len(query):,} queries, {len(gallery):,} gallery pictures"
    )
    return Validation(people, query, gallery, note)


def queries_of(pictures: Sequence[Record]) -> list[Record]:
    """Of one person's pictures the first of each camera and outfit; at most QUERIES, spread evenly."""
    first: dict[tuple[str, str], Record] = {}
    for record in pictures:
        first.setdefault((record.camid, record.clothes), record)
    found = list(first.values())
    chosen = np.linspace(0, len(found) - 1, min(len(found), QUERIES)).round().astype(int)
    return [found[place] for place in chosen]
