"""CMC and mAP under a named protocol, without sorting the gallery.

A rank is one plus the number of smaller distances, and only true matches need one. Ties count against the match: a
model that gives every pair the same distance scores as badly as it deserves.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from threedsl.errors import InputError

Protocol = Literal["standard", "cloth-changing", "same-clothes"]
PROTOCOLS: dict[str, str] = {
    "standard": "gallery without the query's own person in the query's own camera (Market-1501)",
    "cloth-changing": "gallery without the query's own person in the same camera or in the same clothes (LTCC)",
    "same-clothes": "gallery without the query's own person in the same camera or in other clothes",
}


@dataclass(frozen=True)
class Labels:
    """Person, camera and clothes of N pictures, arrays of strings or integers; clothes are compared within a person."""

    pids: NDArray
    camids: NDArray
    clothes: NDArray


@dataclass(frozen=True)
class Scores:
    """One entry per scored query; queries without a true match are left out."""

    protocol: str
    query: NDArray[np.int64]  # which queries were scored
    first_rank: NDArray[np.int64]  # of the first true match, from 1
    average_precision: NDArray[np.float64]

    def rank(self, k: int) -> float:
        """Share of queries whose first true match is among the first k."""
        return float((self.first_rank <= k).mean())

    @property
    def mean_average_precision(self) -> float:
        return float(self.average_precision.mean())


def similarities(query: NDArray[np.float32], gallery: NDArray[np.float32]) -> NDArray[np.float32]:
    """(Q, D) and (G, D) unit descriptors -> (Q, G) cosine similarities."""
    return query @ gallery.T


def evaluate(similarity: NDArray, query: Labels, gallery: Labels, protocol: str = "standard") -> Scores:
    """Rank the gallery for every query by similarity (Q, G), the larger the better.

    Raises:
        InputError: unknown protocol, or no query has a true match.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"protocol {protocol!r} is unknown; it is one of {', '.join(PROTOCOLS)}.")
    scored, first, precision = [], [], []
    labels = zip(similarity, query.pids, query.camids, query.clothes, strict=True)
    for number, (row, pid, camid, outfit) in enumerate(labels):
        same = gallery.pids == pid
        left_out = same & (gallery.camids == camid)
        if protocol == "cloth-changing":
            left_out |= same & (gallery.clothes == outfit)
        elif protocol == "same-clothes":
            left_out |= same & (gallery.clothes != outfit)
        matches = row[same & ~left_out]
        if not len(matches):
            continue
        others = np.sort(row[~same])
        better = len(others) - np.searchsorted(others, matches, side="left")
        better.sort()
        ranks = better + np.arange(1, len(better) + 1)
        scored.append(number)
        first.append(ranks[0])
        precision.append((np.arange(1, len(ranks) + 1) / ranks).mean())
    if not first:
        raise InputError(f"no query has a true match in the gallery under the protocol {protocol!r}.")
    return Scores(protocol, np.array(scored), np.array(first), np.array(precision))


def bootstrap_interval(
    values: NDArray, groups: NDArray | None = None, seed: int = 0, draws: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of the mean of `values` (N,).

    Queries of one person rise and fall together, so with `groups` (N,) whole groups are drawn with replacement.
    """
    rng = np.random.default_rng(seed)
    groups = np.arange(len(values)) if groups is None else groups
    _, group = np.unique(groups, return_inverse=True)
    totals, counts = np.bincount(group, values), np.bincount(group)
    drawn = rng.integers(0, len(totals), (draws, len(totals)))
    means = totals[drawn].sum(1) / counts[drawn].sum(1)
    tail = (1 - level) / 2 * 100
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(low), float(high)
