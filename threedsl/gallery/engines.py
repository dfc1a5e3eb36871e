"""FAISS indices over unit vectors; inner product is the cosine similarity."""

from __future__ import annotations

import numpy as np

from threedsl.errors import InputError

KINDS = ("flat", "hnsw", "ivfpq")
"""flat is exact; hnsw approximate, for hundreds of thousands; ivfpq approximate and compressed, for millions."""

HNSW_LINKS, HNSW_BUILD, HNSW_SEARCH = 32, 200, 128
PQ_BYTES = (64, 32, 16, 8, 4, 2, 1)  # a descriptor's size in an ivfpq index: the first that divides it well
IVFPQ_MINIMUM = 39 * 256  # FAISS wants 39 training points for each of a quantiser's 256 centroids


def check_kind(kind: str, count: int) -> None:
    """Raises InputError for an unknown kind or too few pictures for it."""
    if kind not in KINDS:
        raise InputError(f"Index kind {kind!r} is unknown; it is one of {', '.join(KINDS)}.")
    if kind == "ivfpq" and count < IVFPQ_MINIMUM:
        raise InputError(
            f"An ivfpq index needs {IVFPQ_MINIMUM:,} pictures or more to learn its codes, this gallery has "
            f"{count:,}; take flat or hnsw."
        )


def build_index(vectors: np.ndarray, kind: str = "flat"):
    """A FAISS index over float32 unit vectors (N, D)."""
    import faiss

    count, size = vectors.shape
    check_kind(kind, count)
    if kind == "flat":
        index = faiss.IndexFlatIP(size)
    elif kind == "hnsw":
        index = faiss.IndexHNSWFlat(size, HNSW_LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = HNSW_BUILD
    else:
        cells = int(4 * np.sqrt(count))
        code = next(length for length in PQ_BYTES if size % length == 0 and 4 * length <= max(size, 4))
        coarse = faiss.IndexFlatIP(size)
        index = faiss.IndexIVFPQ(coarse, size, cells, code, 8, faiss.METRIC_INNER_PRODUCT)
        # FAISS samples what it needs itself; the seed makes two builds agree.
        index.cp.seed = 1234
        index.train(vectors)
    index.add(vectors)
    return tune(index)


def tune(index):
    """Set how hard an approximate index searches; not every setting is stored in its file."""
    import faiss

    if isinstance(index, faiss.IndexHNSWFlat):
        index.hnsw.efSearch = HNSW_SEARCH
    elif isinstance(index, faiss.IndexIVFPQ):
        index.nprobe = max(8, index.nlist // 16)
    return index


def search_index(index, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best of each query (Q, D): descending scores (Q, k) and rows (Q, k); row -1 where none was found.

    Equal scores come in the order of the gallery.
    """
    import faiss

    if isinstance(index, faiss.IndexHNSWFlat):
        index.hnsw.efSearch = max(HNSW_SEARCH, k)
    scores, rows = index.search(np.ascontiguousarray(queries, np.float32), k)
    order = np.lexsort((rows, -scores), axis=1)
    return np.take_along_axis(scores, order, 1), np.take_along_axis(rows, order, 1)
