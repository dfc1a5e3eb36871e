"""The descriptors of many pictures, written piece by piece, so that memory does not grow with their number."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from threedsl.arrays import DAMAGE, check_members, check_npy
from threedsl.data.images import load_image
from threedsl.data.listfile import Record
from threedsl.data.transforms import resize_crop
from threedsl.errors import InputError
from threedsl.gallery.pieces import Piece
from threedsl.gallery.records import Box, Records
from threedsl.people import query_box
from threedsl.progress import Report, progress_bar

if TYPE_CHECKING:
    from threedsl.pipeline import ThreeDSL

LOADED_AT_ONCE = 64
ROWS_AT_ONCE = 4096  # of an .npz
ROWS = ("appearance.npy", "shape.npy", "combined.npy")  # in an .npz, read in blocks or not at all
MOST_TEXT_BYTES = 2**32  # of all labels in an .npz; those of a million pictures have some 400 MB


def describe(
    model: ThreeDSL,
    records: Sequence[Record],
    find: bool,
    skip_damaged: bool,
    progress: Report | bool,
    batch_size: int,
) -> tuple[Records, dict[str, Piece], list[str]]:
    """(pictures that could be read, their pieces, a sentence for each that could not); see Gallery.build.

    Raises:
        InputError: a picture cannot be read, or none can.
    """
    kept, skipped = Records(), []
    pieces: dict[str, Piece] = {}
    own_bar = progress_bar("Describing the gallery") if progress is True else nullcontext(progress or None)
    with ThreadPoolExecutor(max_workers=4) as readers, own_bar as report:
        for start in range(0, len(records), LOADED_AT_ONCE):
            chunk = records[start : start + LOADED_AT_ONCE]
            read = readers.map(partial(_read, find=find, size=model.input_size), chunk)
            good = []
            for record, one in zip(chunk, read, strict=True):
                if isinstance(one, InputError):
                    if not skip_damaged:
                        raise one
                    skipped.append(str(one))
                else:
                    good.append((record, *one))
            if good:
                described = model([crop for _, crop, _ in good], batch_size=batch_size, bodies=False)
                _append(pieces, {"appearance": described.appearance, "shape": described.shape})
                kept.extend([record for record, _, _ in good], [box for _, _, box in good])
            if report is not None:
                report(start + len(chunk), len(records))
    if records and not len(kept):
        raise InputError(f"No picture of the gallery can be read; the first: {skipped[0]}")
    return kept, pieces, skipped


def read_npz(path: Path, fingerprint: str) -> tuple[Records, dict[str, Piece]]:
    """(pictures, pieces) of an .npz as `embed` writes it; descriptors are read in blocks.

    Arrays: appearance (N, D_a), shape (N, D_s), path, pid, camid, clothes (N,) text, fingerprint () text, and, if
    there, time (N,) in seconds since 1970.

    Raises:
        InputError: it cannot be read, lacks one of them, they do not belong together, or another model made it.
    """
    again = "write it again with `python -m threedsl embed`"
    try:
        pieces: dict[str, Piece] = {}
        with zipfile.ZipFile(path) as archive, np.load(path, allow_pickle=False) as arrays:
            texts = [member for member in archive.infolist() if member.filename not in ROWS]
            check_members(archive, texts, MOST_TEXT_BYTES)
            labels = [arrays[name].tolist() for name in ("path", "pid", "camid", "clothes")]
            times = arrays["time"].tolist() if "time" in arrays.files else [np.nan] * len(labels[0])
            if str(arrays["fingerprint"]) != fingerprint:
                raise InputError(f"{path} was made with another model; {again}.")
            for name in ("appearance", "shape"):
                _read_rows(archive, name, len(labels[0]), pieces)
        known = [None if np.isnan(time) else float(time) for time in times]
        rows = zip(*labels, known, strict=True)
        records = [Record(Path(str(where)), *map(str, row), time) for where, *row, time in rows]
        return Records(records), pieces
    except InputError:
        raise
    except KeyError as error:
        raise InputError(f"{path} lacks {str(error)[:60]}; {again}.") from None
    except (TypeError, MemoryError, *DAMAGE) as error:
        raise InputError(f"{path} cannot be read ({str(error)[:100]}); {again}.") from None


def _read_rows(archive: zipfile.ZipFile, name: str, count: int, pieces: dict[str, Piece]) -> None:
    with archive.open(f"{name}.npy") as file:
        shape, fortran, dtype = check_npy(file, archive.getinfo(f"{name}.npy").file_size, name)
        if len(shape) != 2 or shape[0] != count or dtype != np.float32 or fortran:
            raise ValueError(f"{name} holds {dtype} numbers of shape {shape} for {count} pictures")
        if not shape[1]:
            pieces[name] = Piece(np.zeros(shape, np.float32))
            return
        for start in range(0, count, ROWS_AT_ONCE):
            rows = min(ROWS_AT_ONCE, count - start)
            block = np.frombuffer(file.read(4 * rows * shape[1]), np.float32).reshape(rows, shape[1])
            if not np.isfinite(block).all():
                raise ValueError(f"{name} contains NaN or infinity")
            _append(pieces, {name: block})


def _append(pieces: dict[str, Piece], rows: dict[str, np.ndarray]) -> None:
    for name, block in rows.items():
        if name not in pieces:
            # An empty piece that stores the columns which the first block uses.
            first = Piece(block)
            pieces[name] = Piece(np.empty((0, first.stored_width), np.float32), first.width, first.columns)
        pieces[name].append(block)


def _read(record: Record, find: bool, size: tuple[int, int]) -> tuple[np.ndarray, Box | None] | InputError:
    """(crop of size, its box or None), or the error, returned so that the pool continues with the other pictures."""
    try:
        image = load_image(record.path)
    except InputError as error:
        return error
    if not find:
        return resize_crop(image, size), None
    box, _ = query_box(image)
    return resize_crop(box.crop(image), size), None if box.whole else (box.x0, box.y0, box.x1, box.y1)
