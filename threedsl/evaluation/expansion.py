"""Average query expansion: a query becomes the mean of itself and its nearest pictures."""

import numpy as np
from numpy.typing import NDArray

from threedsl.errors import InputError
from threedsl.gallery.pieces import Piece
from threedsl.gallery.ranking import Term, exhaustive


def expand_queries(
    query: NDArray[np.float32], gallery: NDArray[np.float32], k: int = 5, alpha: float = 0.0
) -> NDArray[np.float32]:
    """Unit descriptors (Q, D) of the queries after one round of expansion by their k nearest of the gallery (G, D).

    Only distances are used: pictures that a protocol removes from a query's ranking take part.

    Args:
        k: how many gallery pictures are averaged in; fewer in a smaller gallery.
        alpha: 0 weights all equally (AQE; Chum et al., ICCV 2007); otherwise the similarity to this power, 0 if
            negative (alpha-QE; Radenović et al., TPAMI 2018). The query itself has weight 1.

    Raises:
        InputError: k or alpha is out of range.
    """
    if k < 1 or alpha < 0:
        raise InputError("query expansion needs k >= 1 and alpha >= 0.")
    term = Term(Piece(gallery, gallery.shape[1]), 1.0, query)
    found = exhaustive([term], min(k, len(gallery)), np.ones(len(gallery), bool))
    similarity, rows = (np.stack(column) for column in zip(*found, strict=True))
    weight = np.maximum(similarity, 0) ** np.float32(alpha) if alpha else np.ones_like(similarity)
    expanded = query + np.einsum("qk,qkd->qd", weight, gallery[rows])
    length = np.linalg.norm(expanded, axis=1, keepdims=True)
    return expanded / np.maximum(length, np.finfo(np.float32).tiny)
