"""The kinds of index: which rows of a stream are worth an exact score.

flat has none: every row is scored. The others are FAISS indexes of inner products over compressed codes, which
propose candidates; threedsl.gallery.ranking scores those exactly from the stored descriptors. A kind is a name in
KINDS, a branch in `build_index` and one in `_how_hard`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threedsl.errors import InputError
from threedsl.gallery.pieces import Piece

KINDS = ("flat", "hnsw", "ivfsq", "ivfpq")
"""flat is exact; hnsw is a graph over 8-bit codes; ivfsq, cells of 8-bit codes, is built faster; ivfpq, cells of
4-bit product codes, is the smallest, and the fastest from a few 100,000 pictures on. benchmarks/README.md has what was
measured."""

HNSW_LINKS, HNSW_BUILD, HNSW_SEARCH = 32, 100, 512
POINTS_A_CENTROID = 39  # FAISS asks for so many training points for each
MINIMUM = {
    "ivfpq": POINTS_A_CENTROID * 16,
    "ivfsq": POINTS_A_CENTROID * 8,
}  # pictures an index can be trained on
TRAINED_ON = 2**18  # descriptors at most, a gigabyte of the shape stream
# cells searched at least; people's descriptors lie far apart, so that few cells hold few of the best
NPROBE = 256
NPROBE_PQ = 0.5  # share of the cells searched in ivfpq, whose codes are looked up many at a time
CANDIDATES, CANDIDATES_PER_MATCH = 300, 10  # scored exactly: at least, and for each match asked for
# Where two streams count, their best by both may be far down the list of either: of a million rows, 300 candidates of
# each hold 0.90 of the ten best, 1,000 hold 0.98 and 2,000 hold 0.995.
ROWS_PER_CANDIDATE_OF_TWO, MOST_OF_TWO = 500, 10_000
EXHAUSTIVE = 10_000  # allowed rows up to which a filtered search scores them all


def check_kind(kind: str, count: int) -> None:
    """Raises InputError for an unknown kind or too few pictures for it."""
    if kind not in KINDS:
        raise InputError(f"Index kind {kind!r} is unknown; it is one of {', '.join(KINDS)}.")
    if count < MINIMUM.get(kind, 0):
        raise InputError(
            f"An {kind} index needs {MINIMUM[kind]:,} pictures or more to learn its codes, but this gallery has "
            f"{count:,}; use flat or hnsw."
        )


def build_index(piece: Piece, kind: str):
    """A FAISS index of a piece, of any kind but flat; reads the piece block by block."""
    import faiss

    count, size = len(piece), piece.stored_width
    check_kind(kind, count)
    product, eight = faiss.METRIC_INNER_PRODUCT, faiss.ScalarQuantizer.QT_8bit
    cells = int((1 if kind == "ivfpq" else 2) * np.sqrt(count))
    cells = max(1, min(cells, count // POINTS_A_CENTROID))
    if kind == "hnsw":
        index = faiss.IndexHNSWSQ(size, eight, HNSW_LINKS, product)
        index.hnsw.efConstruction = HNSW_BUILD
    elif kind == "ivfsq":
        index = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatIP(size), size, cells, eight, product)
    else:
        codes = size // 2 if size % 2 == 0 else size  # two numbers a code
        index = faiss.IndexIVFPQFastScan(faiss.IndexFlatIP(size), size, cells, codes, 4, product)
    wanted = min(count, TRAINED_ON, max(256, cells) * POINTS_A_CENTROID)
    if kind != "hnsw":
        index.cp.seed = 1234  # builds are repeatable
        index.cp.min_points_per_centroid = 1
    index.train(piece.rows(np.sort(np.random.default_rng(0).choice(count, wanted, replace=False))))
    for _, block in piece.blocks():
        index.add(np.ascontiguousarray(block, np.float32))
    return index


def proposals(count: int, k: int, of_two: bool) -> int:
    """How many of `count` rows an index proposes for k matches. of_two: whether another index proposes as well."""
    more = min(MOST_OF_TWO, count // ROWS_PER_CANDIDATE_OF_TWO) if of_two else 0
    return min(count, max(CANDIDATES, CANDIDATES_PER_MATCH * k, more))


def candidates(
    index, queries: NDArray[np.float32], k: int, allowed: NDArray[np.bool_], of_two: bool = False
) -> NDArray[np.int64]:
    """(Q, C) rows worth an exact score, -1 where fewer were found. Rows that are not allowed are passed over within the
    search, which looks the harder the fewer are allowed.

    queries: (Q, S). allowed: (N,) bool. of_two: as for `proposals`.
    """
    import faiss

    wanted = proposals(len(allowed), k, of_two)
    share = max(1, np.count_nonzero(allowed)) / len(allowed)
    bits = np.packbits(allowed, bitorder="little")
    selector = None if share == 1 else faiss.IDSelectorBitmap(len(allowed), faiss.swig_ptr(bits))
    _, rows = index.search(queries, wanted, params=_how_hard(index, wanted, share, selector))
    return rows


def _how_hard(index, wanted: int, share: float, selector):
    """FAISS's search parameters: the effort for `wanted` candidates among an allowed share of the rows."""
    import faiss

    if isinstance(index, faiss.IndexHNSW):
        effort = min(index.ntotal, int(max(HNSW_SEARCH, wanted) / min(1, 2 * share)))
        return faiss.SearchParametersHNSW(sel=selector, efSearch=effort)
    cells = max(NPROBE, NPROBE_PQ * index.nlist) if isinstance(index, faiss.IndexIVFFastScan) else NPROBE
    cells = min(index.nlist, int(np.ceil(cells / share)))
    return faiss.SearchParametersIVF(sel=selector, nprobe=cells)


def has_own_rows(index) -> bool:
    """Whether the cells of an IVF index hold nothing but rows that it has. FAISS does not check this when it reads a
    file, as it checks the graph of an HNSW index."""
    import faiss

    lists = faiss.downcast_InvertedLists(index.invlists)
    for cell in range(lists.nlist):
        size = lists.list_size(cell)
        if size:
            rows = faiss.rev_swig_ptr(lists.get_ids(cell), size)
            if rows.min() < 0 or rows.max() >= index.ntotal:
                return False
    return True
