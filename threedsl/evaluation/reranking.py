"""k-reciprocal re-ranking (Zhong et al., CVPR 2017) in memory that grows with N·k.

The published algorithm keeps half a dozen N x N matrices, almost all zeros. Here an encoding is a sparse row, the
Jaccard distance is summed over an inverted index of those rows, and the final distances are produced block by block,
as scoring.score_distances reads them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threedsl.errors import InputError
from threedsl.evaluation.neighbours import nearest_and_farthest
from threedsl.progress import Report

BLOCK_BYTES = 64 << 20  # of distances in a block
SCRATCH = 8 << 20  # numbers in the largest intermediate array


@dataclass(frozen=True)
class SparseRows:
    """A matrix of N rows with few entries: row i holds values[start[i]:start[i + 1]] in those columns."""

    start: NDArray[np.int64]  # (N + 1,)
    columns: NDArray[np.int32]
    values: NDArray[np.float32]

    def entries(self, rows: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(where the entries of the rows are, one row after the other; how many each row has)."""
        count = self.start[rows + 1] - self.start[rows]
        begins = np.cumsum(count) - count
        return np.arange(count.sum()) + np.repeat(self.start[rows] - begins, count), count


@dataclass(frozen=True)
class Reranking:
    """Re-ranked distances of Q queries to G pictures, computed on demand."""

    query: NDArray[np.float32]  # (Q, D)
    gallery: NDArray[np.float32]  # (G, D)
    farthest: NDArray[np.float32]  # (Q,) squared distance of the farthest picture, queries included
    encodings: SparseRows  # of the queries
    inverted: SparseRows  # row c: the gallery pictures whose encoding has column c, with weights
    weight: float  # of the original distance

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Consecutive blocks of rows of the (Q, G) distances; a block is overwritten by the next one."""
        height = min(len(self.query), max(1, BLOCK_BYTES // (4 * len(self.gallery))))
        buffer = np.empty((height, len(self.gallery)), np.float32)
        for start in range(0, len(self.query), height):
            rows = np.arange(start, min(start + height, len(self.query)))
            yield self._distances(rows, buffer[: len(rows)])

    def row(self, query: int) -> NDArray[np.float32]:
        """(G,) distances of one query."""
        return self._distances(np.array([query]), np.empty((1, len(self.gallery)), np.float32))[0]

    def _distances(self, rows: NDArray[np.int64], out: NDArray[np.float32]) -> NDArray[np.float32]:
        np.matmul(-2 * self.query[rows], self.gallery.T, out=out)
        out += 2
        np.maximum(out, 0, out=out)
        out *= (self.weight / self.farthest[rows])[:, None]
        out += 1 - self.weight
        for place, row in enumerate(rows):
            shared = self._shared(row)
            found = np.flatnonzero(shared)
            shared = shared[found]
            out[place, found] -= (1 - self.weight) * shared / (2 - shared)
        return out

    def _shared(self, row: int) -> NDArray[np.float64]:
        """(G,) what the encodings of a query and of every gallery picture have in common: the sum of the minima."""
        mine = slice(self.encodings.start[row], self.encodings.start[row + 1])
        where, count = self.inverted.entries(self.encodings.columns[mine])
        least = np.minimum(np.repeat(self.encodings.values[mine], count), self.inverted.values[where])
        return np.bincount(self.inverted.columns[where], least, minlength=len(self.gallery))


def rerank(
    query: NDArray[np.float32],
    gallery: NDArray[np.float32],
    k1: int = 20,
    k2: int = 6,
    weight: float = 0.3,
    report: Report | None = None,
) -> Reranking:
    """Re-rank unit descriptors (Q, D) and (G, D); Euclidean distances, as in the authors' code.

    Args:
        k1: number of nearest neighbours; k2: number of encodings averaged (1: none).
        weight: of the original distance in the result, lambda in the paper, 0 to 1.
        report: called with the number of the Q + G pictures that have been compared with all others.

    Raises:
        InputError: k1, k2 or weight is out of range, a descriptor is not of unit length, or there are none.
    """
    if not len(query) or not len(gallery):
        raise InputError("re-ranking needs at least one query and one gallery picture.")
    if k1 < 1 or k2 < 1 or k2 > k1 + 1 or not 0 <= weight <= 1:
        raise InputError("re-ranking needs k1 >= 1, 1 <= k2 <= k1 + 1 and a weight from 0 to 1.")
    features = np.concatenate([query, gallery]).astype(np.float32, copy=False)
    if not (np.abs(np.einsum("nd,nd->n", features, features) - 1) < 1e-3).all():
        raise InputError("re-ranking needs descriptors of unit length.")
    nearest, farthest = nearest_and_farthest(features, k1 + 1, report)
    farthest[farthest == 0] = 1
    encodings = _encode(features, nearest, farthest, int(np.around(k1 / 2)) + 1)
    del features
    if k2 > 1:
        encodings = _average(encodings, nearest[:, :k2])
    total, queries = len(nearest), len(query)
    own = SparseRows(encodings.start[: queries + 1], encodings.columns, encodings.values)
    return Reranking(query, gallery, farthest[:queries], own, _invert(encodings, queries, total), weight)


def _reciprocal(nearest: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    """(N, count) the nearest of every row that have the row among their own nearest; -1 in place of the others."""
    near = nearest[:, :count]
    found = np.full_like(near, -1)
    for rows in _chunks(len(near), near.shape[1] ** 2):
        mutual = (near[near[rows]] == rows[:, None, None]).any(axis=2)
        found[rows] = np.where(mutual, near[rows], -1)
    return found


def _encode(
    features: NDArray[np.float32], nearest: NDArray[np.int32], farthest: NDArray[np.float32], half: int
) -> SparseRows:
    """Weights of every row's k-reciprocal neighbours, after the neighbours' own closer ones have been added."""
    total, width = nearest.shape
    mutual, closer = _reciprocal(nearest, width), _reciprocal(nearest, half)
    closer_count = (closer >= 0).sum(axis=1)
    counts, columns, values = [], [], []
    for rows in _chunks(total, max(width * closer.shape[1] * width, 64 * features.shape[1])):
        own = mutual[rows]
        theirs = closer[own]  # an absent neighbour (-1) takes the last row's, which `known` leaves out below
        known = own >= 0
        inside = (theirs[..., None] == np.where(known, own, -2)[:, None, None, :]).any(axis=3).sum(axis=2)
        joins = known & (3 * inside > 2 * closer_count[own])
        theirs = np.where(joins[..., None] & (theirs >= 0), theirs, total)
        members = np.concatenate([np.where(known, own, total), theirs.reshape(len(rows), -1)], axis=1)
        members.sort(axis=1)
        first = members < total
        first[:, 1:] &= members[:, 1:] != members[:, :-1]
        count, column = first.sum(axis=1), members[first]
        apart = features[column]
        apart -= np.repeat(features[rows], count, axis=0)
        squared = np.einsum("nd,nd->n", apart, apart)
        value = np.exp(-squared / np.repeat(farthest[rows], count))
        value /= np.repeat(np.add.reduceat(value, np.cumsum(count) - count), count)
        counts.append(count), columns.append(column), values.append(value)
    return _rows(counts, columns, values)


def _average(encodings: SparseRows, nearest: NDArray[np.int32]) -> SparseRows:
    """Every row becomes the mean of the rows that `nearest` (N, k2) names."""
    total, width = nearest.shape
    counts, columns, values = [], [], []
    per_row = width * max(1, len(encodings.columns) // total)
    for rows in _chunks(total, 4 * per_row):
        where, count = encodings.entries(nearest[rows].ravel())
        key = np.repeat(np.repeat(np.arange(len(rows)), width), count) * total + encodings.columns[where]
        order = np.argsort(key)
        key = key[order]
        first = np.flatnonzero(np.diff(key, prepend=-1))
        value = np.add.reduceat(encodings.values[where][order], first) / np.float32(width)
        counts.append(np.bincount(key[first] // total, minlength=len(rows)))
        columns.append((key[first] % total).astype(np.int32)), values.append(value)
    return _rows(counts, columns, values)


def _invert(encodings: SparseRows, queries: int, total: int) -> SparseRows:
    """Row c of the result: which gallery pictures have column c, counted from the first gallery picture."""
    begin = encodings.start[queries]
    columns, values = encodings.columns[begin:], encodings.values[begin:]
    owner = np.repeat(np.arange(total - queries, dtype=np.int32), np.diff(encodings.start[queries:]))
    order = np.argsort(columns, kind="stable")
    start = np.zeros(total + 1, np.int64)
    np.cumsum(np.bincount(columns, minlength=total), out=start[1:])
    return SparseRows(start, owner[order], values[order])


def _rows(counts: list[NDArray], columns: list[NDArray], values: list[NDArray]) -> SparseRows:
    start = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
    return SparseRows(start, np.concatenate(columns), np.concatenate(values))


def _chunks(total: int, numbers: int) -> Iterator[NDArray[np.int64]]:
    """Rows 0 to total, in chunks small enough for arrays of `numbers` per row to stay within SCRATCH."""
    height = max(1, SCRATCH // numbers)
    for start in range(0, total, height):
        yield np.arange(start, min(start + height, total))
