"""Scores under a named protocol, their confidence intervals and the chance level; scoring.py computes them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threedsl.errors import InputError
from threedsl.evaluation.scoring import Labels, Removal, Scores, score_distances

__all__ = [
    "REMOVALS",
    "Labels",
    "Removal",
    "Scores",
    "bootstrap_interval",
    "evaluate",
    "expected_figures",
    "similarities",
]

ROWS = 256  # of similarities that are turned into distances at once

REMOVALS: dict[str, Removal] = {
    "standard": Removal(same_camera=True),
    "cloth-changing": Removal(same_camera=True, same_clothes=True),
    "same-clothes": Removal(same_camera=True, other_clothes=True),
}
"""Which pictures of the query's own person leave the gallery: those in the query's camera (Market-1501), also those in
the query's clothes (LTCC), or also those in other clothes. Whole protocols are in protocols.py."""


def similarities(query: NDArray[np.float32], gallery: NDArray[np.float32]) -> NDArray[np.float32]:
    """(Q, D) and (G, D) unit descriptors -> (Q, G) cosine similarities."""
    return query @ gallery.T


def evaluate(similarity: NDArray, query: Labels, gallery: Labels, protocol: str = "standard") -> Scores:
    """Rank the gallery for every query by similarity (Q, G), the larger the better; ties count against the match.

    Raises:
        InputError: unknown protocol, unknown labels that it compares, NaN, or no query has a true match.
    """
    if protocol not in REMOVALS:
        raise InputError(f"protocol {protocol!r} is unknown; it is one of {', '.join(REMOVALS)}.")
    blocks = (-similarity[start : start + ROWS] for start in range(0, len(similarity), ROWS))
    return score_distances(blocks, query, gallery, REMOVALS[protocol], protocol)


def bootstrap_interval(
    values: NDArray, groups: NDArray | None = None, seed: int = 0, draws: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of the mean of `values` (N,).

    Queries of one person are correlated, so with `groups` (N,) whole groups are drawn with replacement.
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


def expected_figures(
    matches: NDArray[np.int64], ranked: NDArray[np.int64], cuts: Sequence[int]
) -> dict[str, float]:
    """What a random order of the gallery scores: expected rank-k, mAP and mINP over all orders, each from 0 to 1.

    Args:
        matches: (N,) true matches of each query, 1 or more.
        ranked: (N,) gallery pictures each query is ranked against, including its matches.
        cuts: the k of rank-k.
    """
    pairs, count = np.unique(np.stack([matches, ranked], 1), axis=0, return_counts=True)
    each = [_one_query(int(m), int(n), cuts) for m, n in pairs]
    return {name: float(np.average([values[name] for values in each], weights=count)) for name in each[0]}


def _one_query(m: int, n: int, cuts: Sequence[int]) -> dict[str, float]:
    figures = {f"rank-{k}": 1 - _none_before(m, n, min(k, n)) for k in cuts}
    # A hit at rank r has precision 1/r from itself and, from each other match, 1/r times the chance of ranking above.
    harmonic = float((1 / np.arange(1, n + 1)).sum())
    figures["mAP"] = (harmonic + (m - 1) / max(n - 1, 1) * (n - harmonic)) / n
    # The last match is at rank r with chance C(r - 1, m - 1) / C(n, m): m / n at r = n, and so on downwards.
    ranks = np.arange(n, m - 1, -1)
    steps = np.concatenate([[m / n], (ranks[:-1] - m) / np.maximum(ranks[:-1] - 1, 1)])
    figures["mINP"] = float((np.cumprod(steps) * m / ranks).sum())
    return figures


def _none_before(m: int, n: int, k: int) -> float:
    """The chance that none of m matches is among the first k of n."""
    places = np.arange(k)
    return float(np.prod(np.maximum(n - m - places, 0) / (n - places)))
