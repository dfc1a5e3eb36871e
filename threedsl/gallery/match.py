"""One answer of a gallery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from threedsl.data.listfile import Record


@dataclass(frozen=True)
class Match:
    """One answer to one query; score is the cosine similarity, from -1 to 1.

    >>> match = Match(rank=1, path=Path("people/anna/1.jpg"), person="anna", score=0.83, index=4)
    >>> f"{match.rank}. {match.person} {match.score:.2f}"
    '1. anna 0.83'
    """

    rank: int  # from 1
    path: Path
    person: str | None  # None if unknown
    score: float
    index: int  # row in Gallery.records


def matches(records: Sequence[Record], scores: np.ndarray, rows: np.ndarray) -> list[Match]:
    """One query's answer from scores and rows (K,), best first."""
    found = [records[row] for row in rows]
    return [
        Match(rank, record.path, record.pid or None, float(score), int(row))
        for rank, (record, row, score) in enumerate(zip(found, rows, scores, strict=True), 1)
    ]
