"""Average query expansion: a query becomes the mean of itself and what it found first."""

import numpy as np
from numpy.typing import NDArray

from threedsl.errors import InputError
from threedsl.gallery.engines import build_index, search_index


def expand_queries(
    query: NDArray[np.float32], gallery: NDArray[np.float32], k: int = 5, alpha: float = 0.0
) -> NDArray[np.float32]:
    """Unit descriptors (Q, D) of the queries after one round of expansion by their k nearest of the gallery (G, D).

    Nothing but distances is used: pictures that a protocol leaves out of a query's ranking take part.

    Args:
        k: how many pictures of the gallery are averaged in; fewer where it holds fewer.
        alpha: 0 weighs all alike (AQE; Chum et al., ICCV 2007); above it a picture weighs its similarity to this power,
            negative ones nothing (alpha-QE; Radenović et al., TPAMI 2018). The query itself weighs 1.

    Raises:
        InputError: k or alpha is out of range.
    """
    if k < 1 or alpha < 0:
        raise InputError("query expansion needs k >= 1 and alpha >= 0.")
    similarity, rows = search_index(build_index(gallery), query, min(k, len(gallery)))
    weight = np.maximum(similarity, 0) ** np.float32(alpha) if alpha else np.ones_like(similarity)
    expanded = query + np.einsum("qk,qkd->qd", weight, gallery[rows])
    length = np.linalg.norm(expanded, axis=1, keepdims=True)
    return expanded / np.maximum(length, np.finfo(np.float32).tiny)
