"""The best rows of a gallery, with exact scores: over all of it, or over the candidates of an approximate index.

A stream's similarity is a dot product; the combined one is the weighted sum of both streams' dot products, which is
what `threedsl.descriptors.combine` stands for. So it is computed from the two pieces and stored nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threedsl.gallery import index_kinds
from threedsl.gallery.pieces import Piece

SPARE = 16  # more candidates than asked for, because a matrix product rounds differently from place to place
# of all rows: below it the allowed ones are gathered, above it all are read and some left out
GATHERED = 0.25


@dataclass(frozen=True)
class Term:
    """One piece's part of a score: weight times the dot product with the queries (Q, S)."""

    piece: Piece
    weight: float
    queries: NDArray[np.float32]


def exhaustive(
    terms: Sequence[Term], k: int, allowed: NDArray[np.bool_]
) -> list[tuple[NDArray, NDArray[np.int64]]]:
    """The k best allowed rows of every query, exactly: (scores, rows), best first; ties keep the order of the gallery.

    terms: over pieces of N rows. allowed: (N,).
    """
    count = len(terms[0].queries)
    height = min(16_384, max(256, (32 << 20) // (4 * max(1, count))))
    some = np.flatnonzero(allowed) if np.count_nonzero(allowed) < GATHERED * len(allowed) else None
    total = len(allowed) if some is None else len(some)
    best_scores, best_rows = np.empty((count, 0), np.float32), np.empty((count, 0), np.int64)
    for start in range(0, total, height):
        stop = min(start + height, total)
        rows = np.arange(start, stop) if some is None else some[start:stop]
        scores = sum(
            np.float32(term.weight) * (term.queries @ term.piece.rows(_slice(rows, some is None)).T)
            for term in terms
        )
        if some is None:
            scores[:, ~allowed[start:stop]] = -np.inf
        scores = np.concatenate([best_scores, scores], axis=1)
        rows = np.concatenate([best_rows, np.broadcast_to(rows, (count, stop - start))], axis=1)
        if scores.shape[1] > k + SPARE:
            chosen = np.argpartition(-scores, k + SPARE - 1, axis=1)[:, : k + SPARE]
            scores, rows = np.take_along_axis(scores, chosen, 1), np.take_along_axis(rows, chosen, 1)
        best_scores, best_rows = scores, rows
    return [
        among(terms, query, rows[np.isfinite(scores)], k)
        for query, (scores, rows) in enumerate(zip(best_scores, best_rows, strict=True))
    ]


def proposed(
    terms: dict[object, Term], k: int, allowed: NDArray[np.bool_]
) -> list[tuple[NDArray, NDArray[np.int64]]]:
    """The k best of what the approximate indexes propose, each by its own term alone; scores are those of all terms.

    terms: a piece's FAISS index -> its term. allowed: (N,).
    """

    def candidates(index: object) -> NDArray[np.int64]:
        return index_kinds.candidates(index, terms[index].queries, k, allowed, of_two=len(terms) > 1)

    with ThreadPoolExecutor(len(terms)) as pool:  # one query keeps FAISS's own threads busy in part alone
        found = np.concatenate(list(pool.map(candidates, terms)), axis=1)
        rows = [own[np.diff(own, prepend=-1) > 0] for own in np.sort(found)]  # without -1, each once
        parts = pool.map(
            lambda term: [_part(term, query, own) for query, own in enumerate(rows)], terms.values()
        )
        scores = [sum(of_query) for of_query in zip(*parts, strict=True)]
    return [_ordered(*answer, k) for answer in zip(scores, rows, strict=True)]


def among(
    terms: Sequence[Term], query: int, rows: NDArray[np.int64], k: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The k best of some rows (M,) for one query; each row's score depends on nothing but itself."""
    return _ordered(sum(_part(term, query, rows) for term in terms), rows, k)


def _part(term: Term, query: int, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """A term's part of the scores of some rows (M,) for one query."""
    return np.float32(term.weight) * np.einsum("md,d->m", term.piece.rows(rows), term.queries[query])


def _ordered(
    scores: NDArray[np.float32], rows: NDArray[np.int64], k: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    order = np.lexsort((rows, -scores))[:k]
    return scores[order], rows[order]


def _slice(rows: NDArray[np.int64], consecutive: bool):
    return slice(int(rows[0]), int(rows[-1]) + 1) if consecutive and len(rows) else rows
