"""One stream's descriptors, stored once: an array or a memory-mapped file, and what was added since.

Every search reads its scores here. An approximate index holds only codes or a graph, and the combined stream nothing:
its similarity is the weighted sum of the two pieces'.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from threedsl.errors import InputError
from threedsl.files import reserve

BLOCK_BYTES = 32 << 20  # read at once in a pass over all descriptors
MOST_WIDTH = 2**15  # of any network; an index from elsewhere could claim more columns than memory holds
IN_MEMORY = 256 << 20  # bytes of added descriptors above which they go to a temporary file


class Piece:
    """(N, D) float32 unit vectors that can grow, without the columns that are zero in all of them.

    A network whose features have weights gives zeros for the features of weight 0; they are not stored, and
    count nothing in a dot product.

    Attributes:
        width: D.
        columns: (S,) the stored columns; None: all.
    """

    def __init__(self, vectors: NDArray, width: int | None = None, columns: NDArray | None = None):
        """vectors: (N, D), kept as they are unless a column is zero; or (N, S) with the width and columns that an
        earlier piece had."""
        if width is None:
            width = vectors.shape[1]
            used = _used(vectors)
            if len(vectors) and not used.all():
                columns = np.flatnonzero(used)
                vectors = np.ascontiguousarray(vectors[:, columns], np.float32)
        self.width, self.columns = width, columns
        self._base = vectors
        self._tail = np.empty((0, vectors.shape[1]), np.float32)  # with room for more than is in it
        self._added = 0
        self._file = None

    def __len__(self) -> int:
        return len(self._base) + self._added

    @property
    def stored_width(self) -> int:
        """S, numbers stored a picture."""
        return self._base.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes of the stored numbers."""
        return 4 * len(self) * self.stored_width

    def append(self, vectors: NDArray) -> bool:
        """Add (M, D); False if a column was used that had not been stored, so that all rows got wider."""
        same = self._fits(vectors)
        if not same:
            everything, self.columns = self.array(), None
            self._base, self._added, self._file = everything, 0, None
            self._tail = np.empty((0, self.width), np.float32)
        stop = self._added + len(vectors)
        if stop > len(self._tail):
            self._make_room(max(stop, len(self._tail) + len(self._tail) // 2, 1024))
        self._tail[self._added : stop] = self.project(vectors)
        self._added = stop
        return same

    def project(self, vectors: NDArray) -> NDArray[np.float32]:
        """(Q, D) -> (Q, S): the stored columns."""
        chosen = vectors if self.columns is None else vectors[:, self.columns]
        return np.ascontiguousarray(chosen, np.float32)

    def rows(self, rows: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """(M,) row numbers, or a slice -> (M, S)."""
        if not self._added:
            return np.asarray(self._base[rows])
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        found = np.empty((len(rows), self.stored_width), np.float32)
        old = rows < len(self._base)
        found[old] = self._base[rows[old]]
        found[~old] = self._tail[rows[~old] - len(self._base)]
        return found

    def blocks(self, height: int | None = None) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """(first row, (M, S)) of all rows in order."""
        height = height or max(1, BLOCK_BYTES // max(1, 4 * self.stored_width))
        for offset, part in ((0, self._base), (len(self._base), self._tail[: self._added])):
            for start in range(0, len(part), height):
                yield offset + start, np.asarray(part[start : start + height])

    def array(self) -> NDArray[np.float32]:
        """(N, D): the stored array itself, or a copy where rows were added or columns left out."""
        if self.columns is None and not self._added:
            return self._base
        whole = np.zeros((len(self), self.width), np.float32)
        columns = slice(None) if self.columns is None else self.columns
        for start, block in self.blocks():
            whole[start : start + len(block), columns] = block
        return whole

    def _fits(self, vectors: NDArray) -> bool:
        if self.columns is None:
            return True
        left_out = np.ones(self.width, bool)
        left_out[self.columns] = False
        return not vectors[:, left_out].any()

    def _make_room(self, capacity: int) -> None:
        size = (capacity, self.stored_width)
        if 4 * capacity * self.stored_width <= IN_MEMORY:
            tail = np.empty(size, np.float32)
        else:
            on_disk = self._file is not None
            self._file = self._file or tempfile.TemporaryFile()
            try:
                self._file.truncate(4 * capacity * self.stored_width)
                reserve(self._file.fileno(), 4 * capacity * self.stored_width)
            except OSError as error:
                raise InputError(
                    f"The temporary folder {tempfile.gettempdir()} has no room for the descriptors ({error.strerror}); "
                    "free some space there, or name another one in TMPDIR."
                ) from None
            tail = np.memmap(self._file, np.float32, "r+", shape=size)
            if on_disk:  # the same file, longer
                self._tail = tail
                return
        tail[: self._added] = self._tail[: self._added]
        self._tail = tail


def _used(vectors: NDArray) -> NDArray[np.bool_]:
    """(D,) which columns are not zero everywhere; a few rows decide for most columns."""
    used = np.zeros(vectors.shape[1], bool)
    for start in range(0, len(vectors), 4096):
        if used.all():
            break
        used |= (vectors[start : start + 4096] != 0).any(axis=0)
    return used
