"""The scoring core: CMC, mAP and mINP from descriptors or distances, ranking only the true matches.

A rank is one plus the number of smaller distances, and only true matches need one. So the values before each of a
query's few matches are counted, one comparison of the row each: no permutation of the gallery, no labels gathered in
its order. A query with many matches has the values up to its hardest one sorted and looks its matches up in them. Rows
are taken a few at a time, so that no distance matrix need exist.

Ties count against the match, however the gallery is ordered, so a model that gives every pair the same distance
scores badly, as it should.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threedsl.errors import InputError
from threedsl.progress import Report

BLOCK_BYTES = (
    64 << 20
)  # of distances computed at once: a larger gallery is read less often by the matrix product
SCRATCH_BYTES = 4 << 20  # of distances ranked at once: small enough to stay in a processor's cache
# matches up to which a row is counted; on an EPYC with AVX-512 sorting is as fast from about 100 on
COUNTED = 40


@dataclass(frozen=True)
class Labels:
    """Person, camera and clothes of N pictures, arrays of strings or integers; clothes are compared within a person.

    The empty string means unknown.

    contents: equal numbers for equal pictures (threedsl.data.contents); a query is not ranked against copies of
        itself under its own person. None: copies are unknown.
    """

    pids: NDArray
    camids: NDArray
    clothes: NDArray
    contents: NDArray | None = None

    def __len__(self) -> int:
        return len(self.pids)

    def take(self, rows: NDArray) -> "Labels":
        """The labels of some pictures, by index or mask."""
        contents = None if self.contents is None else self.contents[rows]
        return Labels(self.pids[rows], self.camids[rows], self.clothes[rows], contents)


@dataclass(frozen=True)
class Removal:
    """Which pictures of the query's own person leave the gallery before it is ranked; by default none."""

    same_camera: bool = False
    same_clothes: bool = False
    other_clothes: bool = False


@dataclass(frozen=True)
class Scores:
    """One entry per scored query; queries without a true match are left out."""

    protocol: str
    query: NDArray[np.int64]  # which queries were scored
    first_rank: NDArray[np.int64]  # of the first true match, from 1
    average_precision: NDArray[np.float64]
    inverse_negative_penalty: NDArray[np.float64]  # matches / rank of the hardest of them

    def rank(self, k: int) -> float:
        """Share of queries whose first true match is among the first k."""
        return float((self.first_rank <= k).mean())

    def cmc(self, ranks: Iterable[int]) -> NDArray[np.float64]:
        """The cumulative matching characteristic: rank(k) for every k."""
        ordered = np.sort(self.first_rank)
        return np.searchsorted(ordered, np.asarray(list(ranks)), side="right") / len(ordered)

    @property
    def mean_average_precision(self) -> float:
        return float(self.average_precision.mean())

    @property
    def mean_inverse_negative_penalty(self) -> float:
        """mINP (Ye et al., TPAMI 2021): how much of a list must be read to have seen every match."""
        return float(self.inverse_negative_penalty.mean())


def score_descriptors(
    query: NDArray[np.float32],
    gallery: NDArray[np.float32],
    query_labels: Labels,
    gallery_labels: Labels,
    removal: Removal,
    protocol: str,
    report: Report | None = None,
) -> Scores:
    """Scores of unit descriptors (Q, D) and (G, D), ranked by cosine similarity, in memory that does not grow with Q.

    Args:
        removal: what leaves the gallery, query by query.
        protocol: the name that the scores carry.
        report: called with the number of queries done.

    Raises:
        InputError: a descriptor holds NaN or infinity, a label that `removal` compares is unknown, or no query has a
            true match.
    """
    blocks = _distance_blocks(query, gallery)
    return score_distances(blocks, query_labels, gallery_labels, removal, protocol, report)


def score_distances(
    distances: NDArray | Iterable[NDArray],
    query_labels: Labels,
    gallery_labels: Labels,
    removal: Removal,
    protocol: str,
    report: Report | None = None,
) -> Scores:
    """Scores of distances (Q, G), the smaller the better, or of an iterable of their consecutive blocks of rows.

    The distances are not modified; of an iterable, one block at a time is read.

    Raises:
        InputError: as in score_descriptors.
    """
    no_match = InputError(f"no query has a true match in the gallery under the protocol {protocol!r}.")
    if not len(query_labels) or not len(gallery_labels):
        raise no_match
    people = _People(query_labels, gallery_labels)
    blocks = [distances] if isinstance(distances, np.ndarray) else distances
    parts, done = [], 0
    for block in blocks:
        if block.ndim != 2 or block.shape[1] != len(gallery_labels):
            raise ValueError(f"distances {block.shape} do not fit a gallery of {len(gallery_labels)} labels")
        if done + len(block) > len(query_labels):
            raise ValueError(f"more rows of distances than the {len(query_labels)} query labels")
        height = max(1, SCRATCH_BYTES // (block.itemsize * block.shape[1]))
        for start in range(0, len(block), height):
            rows = block[start : start + height]
            parts.append(_score_rows(rows, done, people, removal, protocol))
            done += len(rows)
            if report:
                report(done, len(query_labels))
    if done != len(query_labels):
        raise ValueError(f"{done} rows of distances for {len(query_labels)} query labels")
    scored, first, precision, penalty = (np.concatenate(column) for column in zip(*parts, strict=True))
    if not len(scored):
        raise no_match
    return Scores(protocol, scored, first, precision, penalty)


def kept_gallery(
    query: Labels, row: int, gallery: Labels, removal: Removal, protocol: str
) -> NDArray[np.bool_]:
    """(G,) which pictures stay in the gallery of one query, for looking at its ranked list."""
    kept = np.ones(len(gallery), bool)
    same = np.flatnonzero(gallery.pids == query.pids[row])
    rows = np.full(len(same), row)
    kept[same] = ~_removed(query, gallery, rows, same, removal, protocol)
    return kept


class _People:
    """Where every query's own person is in the gallery."""

    def __init__(self, query: Labels, gallery: Labels):
        self.query, self.gallery = query, gallery
        _, codes = np.unique(np.concatenate([query.pids, gallery.pids]), return_inverse=True)
        asked, held = codes[: len(query)], codes[len(query) :]
        self.order = np.argsort(held, kind="stable")
        held = held[self.order]
        self.start = np.searchsorted(held, asked, side="left")
        self.count = np.searchsorted(held, asked, side="right") - self.start

    def pairs(self, first: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(query, gallery) rows of all pairs of one person for the queries first to stop, in query order."""
        count = self.count[first:stop]
        begins = np.cumsum(count) - count
        offset = np.repeat(self.start[first:stop] - begins, count)
        return np.repeat(np.arange(first, stop), count), self.order[np.arange(count.sum()) + offset]


def _removed(
    query: Labels, gallery: Labels, rows: NDArray, columns: NDArray, removal: Removal, protocol: str
) -> NDArray[np.bool_]:
    """Which of the pairs (query row, gallery column) of one person are left out."""
    removed = np.zeros(len(rows), bool)
    if query.contents is not None and gallery.contents is not None:
        removed |= query.contents[rows] == gallery.contents[columns]
    if removal.same_camera:
        ours, theirs = query.camids[rows], gallery.camids[columns]
        _check_known(ours, theirs, "cameras", protocol)
        removed |= ours == theirs
    if removal.same_clothes or removal.other_clothes:
        ours, theirs = query.clothes[rows], gallery.clothes[columns]
        _check_known(ours[~removed], theirs[~removed], "clothes", protocol)
        same = ours == theirs
        removed |= same if removal.same_clothes else False
        removed |= ~same if removal.other_clothes else False
    return removed


def _check_known(ours: NDArray, theirs: NDArray, name: str, protocol: str) -> None:
    if any(labels.dtype.kind == "U" and (labels == "").any() for labels in (ours, theirs)):
        raise InputError(
            f"protocol {protocol!r} compares {name}, but the lists leave some out; a line of a list is "
            "`path person camera clothes`."
        )


def _score_rows(
    rows: NDArray, first: int, people: _People, removal: Removal, protocol: str
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Scored queries, first ranks, average precisions and inverse negative penalties of a few rows of distances."""
    query, gallery = people.pairs(first, first + len(rows))
    kept = ~_removed(people.query, people.gallery, query, gallery, removal, protocol)
    query -= first
    distance = rows[query, gallery]
    if not np.issubdtype(distance.dtype, np.floating):
        rows, distance = rows.astype(np.float64), distance.astype(np.float64)
    matched, match = query[kept], distance[kept]
    if not np.isfinite(match).all():
        raise InputError(_not_finite(first + matched[~np.isfinite(match)][0]))
    count = np.bincount(matched, minlength=len(rows))
    scored = np.flatnonzero(count)
    count = count[scored]
    ends = np.cumsum(count)
    begins = ends - count

    others = rows.astype(np.float32) if rows.dtype == np.float16 else rows.copy()
    others[query, gallery] = np.inf
    largest = others.max(axis=1)  # NaN wherever a row holds one
    if np.isnan(largest).any():
        raise InputError(_not_finite(first + int(np.isnan(largest).argmax())))
    before = np.empty(len(match), np.int64)
    for row, begin, end in zip(scored, begins, ends, strict=True):
        match[begin:end].sort()
        before[begin:end] = _not_above(others[row], match[begin:end])

    place = np.arange(len(match)) - np.repeat(begins, count) + 1
    rank = before + place
    precision = np.add.reduceat(place / rank, begins) / count if len(begins) else np.empty(0)
    return first + scored, rank[begins], precision, count / rank[ends - 1]


def _not_above(values: NDArray, limits: NDArray) -> list[int] | NDArray[np.int64]:
    """How many of values (G,) are at most each of the ascending limits (M,)."""
    if len(limits) <= COUNTED:
        return [np.count_nonzero(values <= limit) for limit in limits]
    return np.sort(values[values <= limits[-1]]).searchsorted(limits, side="right")


def _not_finite(row: int) -> str:
    return (
        f"the distances of query {row + 1} contain NaN or infinity; the model of these descriptors is broken."
    )


def _distance_blocks(
    query: NDArray[np.float32], gallery: NDArray[np.float32]
) -> Iterator[NDArray[np.float32]]:
    """Negative similarities, block by block of queries, in one buffer that every block overwrites."""
    height = min(len(query), max(1, BLOCK_BYTES // (4 * max(1, len(gallery)))))
    buffer = np.empty((height, len(gallery)), np.float32)
    for start in range(0, len(query), height):
        block = query[start : start + height]
        yield np.matmul(-block, gallery.T, out=buffer[: len(block)])
