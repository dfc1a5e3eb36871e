"""Blocks and outputs that are there already, whoever wrote them: the folder may be shared."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from threedsl.arrays import check_members
from threedsl.data.listfile import Record
from threedsl.errors import InputError
from threedsl.evaluation.descriptor_cache import DAMAGE

TEXTS = ("path", "pid", "camid", "clothes")
LONGEST_KEY = 2**12  # bytes of the array that tells what an output is made of
DIGEST = re.compile(r"|[0-9a-f]{64}")


def columns(records: Iterable[Record]) -> dict[str, np.ndarray]:
    """The arrays that tell an output's N pictures apart: path, pid, camid, clothes (N,) text and, where it is known of
    one of them, time (N,) float64 in seconds since 1970, NaN for the others."""
    records = list(records)
    found = {name: np.array([str(getattr(one, name)) for one in records], str) for name in TEXTS}
    if any(one.time is not None for one in records):
        found["time"] = np.array([np.nan if one.time is None else one.time for one in records], np.float64)
    return found


def is_made_by(out: Path, key: str) -> bool:
    """Whether an output is there, and is that of the job with this key."""
    try:
        with zipfile.ZipFile(out) as archive:
            check_members(archive, [archive.getinfo("job.npy")], LONGEST_KEY)
        with np.load(out, allow_pickle=False) as file:
            return str(file["job"]) == key
    except (OSError, RuntimeError, *DAMAGE):
        return False


def load_block(path: Path, start: int, count: int, widths: tuple[int, int]) -> dict[str, np.ndarray]:
    """The arrays of a block, whose pictures are the rows from `start` on of the list.

    widths: of the model's appearance and shape descriptors.

    Raises:
        InputError: it is damaged, or the block of other pictures; it has been deleted then.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_members(archive, archive.infolist())
        with np.load(path, allow_pickle=False) as file:
            piece = {name: file[name] for name in ("appearance", "shape", "digests", "rows", "skipped")}
        _check_block(piece, start, count, widths)
        return piece
    except (TypeError, MemoryError, RuntimeError, *DAMAGE):
        path.unlink(missing_ok=True)
        raise InputError(
            f"{path} was damaged and has been deleted; start the command again, which computes it once more."
        ) from None


def _check_block(piece: dict[str, np.ndarray], start: int, count: int, widths: tuple[int, int]) -> None:
    rows, digests, skipped = piece["rows"], piece["digests"], piece["skipped"]
    if (
        rows.dtype != np.int64
        or rows.ndim != 1
        or (np.diff(rows, prepend=start - 1, append=start + count) < 1).any()
    ):
        raise ValueError("its rows are those of another block")
    for name, width in zip(("appearance", "shape"), widths, strict=True):
        vectors = piece[name]
        if (
            vectors.shape != (len(rows), width)
            or vectors.dtype != np.float32
            or not np.isfinite(vectors).all()
        ):
            raise ValueError(f"its {name} is that of another model")
    if digests.shape != rows.shape or not all(DIGEST.fullmatch(str(digest)) for digest in digests):
        raise ValueError("its digests are invalid")
    if skipped.shape != (count - len(rows),):
        raise ValueError("it lacks pictures")
