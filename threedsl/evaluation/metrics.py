"""Scores under a named protocol, and how far they can be trusted; the counting is done in scoring.py."""

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
