"""Blocks and outputs that are there already, whoever wrote them: the folder may be shared."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from threedsl.arrays import check_members
from threedsl.errors import InputError
from threedsl.evaluation.descriptor_cache import DAMAGE

LONGEST_KEY = 2**12  # bytes of the array that tells what an output is made of
ARRAYS = ("appearance", "shape", "digests")  # a row a picture, as `rows` has them


def is_made_by(out: Path, key: str) -> bool:
    """Whether an output is there, and is that of the job with this key."""
    try:
        with zipfile.ZipFile(out) as archive:
            check_members(archive, [archive.getinfo("job.npy")], LONGEST_KEY)
        with np.load(out, allow_pickle=False) as file:
            return str(file["job"]) == key
    except (OSError, RuntimeError, *DAMAGE):
        return False


def load_block(path: Path, start: int, count: int) -> dict[str, np.ndarray]:
    """The arrays of a block, whose pictures are the rows from `start` on of the list.

    Raises:
        InputError: it is damaged, or the block of other pictures; it has been deleted then.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_members(archive, archive.infolist())
        with np.load(path, allow_pickle=False) as file:
            piece = {name: file[name] for name in (*ARRAYS, "rows", "skipped")}
        rows = piece["rows"]
        if rows.ndim != 1 or any(len(piece[name]) != len(rows) for name in ARRAYS):
            raise ValueError("its arrays do not belong together")
        if rows.dtype != np.int64 or not np.isin(rows, np.arange(start, start + count)).all():
            raise ValueError("its rows are those of another block")
        return piece
    except (TypeError, MemoryError, RuntimeError, *DAMAGE):
        path.unlink(missing_ok=True)
        raise InputError(
            f"{path} was damaged and has been deleted; start the command again, which computes it once more."
        ) from None
