"""What a random order of the gallery scores, exactly: the line below which nothing has been learnt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def expected_figures(
    matches: NDArray[np.int64], ranked: NDArray[np.int64], cuts: Sequence[int]
) -> dict[str, float]:
    """Expected rank-k, mAP and mINP over all orders of the gallery, each from 0 to 1.

    Args:
        matches: (N,) true matches of each query, 1 or more.
        ranked: (N,) gallery pictures each query is ranked against, its matches among them.
        cuts: the k of rank-k.
    """
    pairs, count = np.unique(np.stack([matches, ranked], 1), axis=0, return_counts=True)
    each = [_one_query(int(m), int(n), cuts) for m, n in pairs]
    return {name: float(np.average([values[name] for values in each], weights=count)) for name in each[0]}


def _one_query(m: int, n: int, cuts: Sequence[int]) -> dict[str, float]:
    figures = {f"rank-{k}": 1 - _none_before(m, n, min(k, n)) for k in cuts}
    # A hit at rank r has precision 1/r from itself and, from each other match, 1/r times the chance of its lying above.
    harmonic = float((1 / np.arange(1, n + 1)).sum())
    figures["mAP"] = (harmonic + (m - 1) / max(n - 1, 1) * (n - harmonic)) / n
    # The last match lies at rank r with chance C(r - 1, m - 1) / C(n, m): m / n at r = n, and so on downwards.
    ranks = np.arange(n, m - 1, -1)
    steps = np.concatenate([[m / n], (ranks[:-1] - m) / np.maximum(ranks[:-1] - 1, 1)])
    figures["mINP"] = float((np.cumprod(steps) * m / ranks).sum())
    return figures


def _none_before(m: int, n: int, k: int) -> float:
    """The chance that none of m matches is among the first k of n."""
    places = np.arange(k)
    return float(np.prod(np.maximum(n - m - places, 0) / (n - places)))
