"""A gallery on disk: records.json, appearance.npy, shape.npy and, if approximate, one FAISS file for each of both.

records.json contains a checksum of every other file, so that a damaged index is refused before it is parsed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from threedsl.arrays import check_npy
from threedsl.data.listfile import Record
from threedsl.errors import InputError
from threedsl.files import check_folder, place_of, settled, whole_folder
from threedsl.gallery import index_kinds
from threedsl.gallery.pieces import MOST_WIDTH, Piece
from threedsl.gallery.places import base_of, portable
from threedsl.gallery.records import LABELS, Records
from threedsl.reading import open_file, read_json

FORMAT = 2
READ = (1, 2)  # 1 had no times, no deleted pictures, no columns left out, and an index of the combined stream
RECORDS, OWN = "records.json", re.compile(r"records\.json|(appearance|shape|combined)\.(npy|faiss)")
START = re.compile(rb'\s*\{\s*"format"\s*:\s*\d')
MOST_HEADER_BYTES = 2**30  # some millions of pictures
BUILD_AGAIN = "build it again with `python -m threedsl index`"
TRIES, PAUSE = 200, 0.01  # for an index being replaced, and the seconds between two


@dataclass
class Saved:
    """The contents of an index folder; the descriptors are memory-mapped."""

    records: Records
    pieces: dict[str, Piece]  # appearance and shape
    fingerprint: str
    kind: str
    shape_share: float
    indices: dict[str, object] = field(default_factory=dict)


def is_saved(folder: str | Path) -> bool:
    """Whether a folder looks like a saved gallery; one whose replacement was interrupted is restored first."""
    records = Path(folder) / RECORDS
    if records.is_file():
        return True
    with settled(Path(folder), RECORDS):
        return records.is_file()


def check_target(folder: str | Path) -> None:
    """Check that a gallery can be saved here, before the work of building it.

    Raises:
        InputError: something else is there, or nothing can be written.
    """
    target = place_of(folder)
    if not _is_header(target / RECORDS):
        with settled(target, RECORDS):
            saved = _is_header(target / RECORDS)
            if not saved and (target.is_file() or (target.is_dir() and any(target.iterdir()))):
                raise InputError(f"{folder} exists and is not a saved index; choose another name.")
    check_folder(target.parent, folder)


def _is_header(path: Path) -> bool:
    """Whether a file is an index's records.json, maybe a damaged one, and not somebody else's, which must stay."""
    with suppress(InputError), open_file(path) as file:
        start = file.read(40)
        return not start or START.match(start) is not None
    return False


def save(folder: str | Path, saved: Saved) -> None:
    """Write a gallery's content to a folder.

    Whatever goes wrong, and whenever the program is killed, the old index or the new one can be loaded. Other files
    there, such as the pictures of an exported gallery, stay.

    Raises:
        InputError: something else is there, or nothing can be written.
    """
    check_target(folder)
    with whole_folder(target := place_of(folder), OWN.fullmatch) as fresh:
        for name, piece in saved.pieces.items():
            _write_piece(piece, fresh / f"{name}.npy")
        for stream, index in saved.indices.items():
            _write_index(index, fresh / f"{stream}.faiss")
        header = {
            "format": FORMAT,
            "fingerprint": saved.fingerprint,
            "kind": saved.kind,
            "shape_share": saved.shape_share,
            "files": {path.name: _checksum(path) for path in sorted(fresh.iterdir())},
            "columns": {
                name: {"width": piece.width, "stored": piece.columns.tolist()}
                for name, piece in saved.pieces.items()
                if piece.columns is not None
            },
            "deleted": np.flatnonzero(saved.records.deleted).tolist(),
        }
        _write_records(header, saved.records, target, fresh / RECORDS)


def _write_piece(piece: Piece, path: Path) -> None:
    shape = (len(piece), piece.stored_width)
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for _, block in piece.blocks():
            file.write(np.ascontiguousarray(block, "<f4"))


def _write_records(header: dict, records: Records, target: Path, path: Path) -> None:
    """The header with a line for each picture, without holding the text of all."""
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(header)[:-1] + ', "records": [')
        for row, (record, box) in enumerate(zip(records, records.boxes, strict=True)):
            labels = {name: getattr(record, name) for name in LABELS}
            line = {"path": portable(record.path, target)} | labels | {"time": record.time, "box": box}
            file.write((",\n" if row else "\n") + json.dumps(line))
        file.write("\n]}\n")


def load(folder: str | Path) -> Saved:
    """Read a gallery in a consistent state: if it is replaced while being read, reading starts again.

    Raises:
        InputError: no index there, a damaged one, or one replaced faster than it can be read.
    """
    folder = Path(folder)
    for _ in range(TRIES):
        if not (folder / RECORDS).is_file():
            _check_is_there(folder)
        before = _identity(folder)
        try:
            return _read(folder)
        except InputError:
            if before is not None and _identity(folder) == before:
                raise
        time.sleep(PAUSE)
    raise InputError(
        f"Index {folder} keeps being replaced while it is read; stop the program that writes it and try again."
    )


def _check_is_there(folder: Path) -> None:
    with settled(folder, RECORDS):
        if not folder.is_dir():
            raise InputError(f"Index {folder} does not exist; create it with `python -m threedsl index`.")
        if not (folder / RECORDS).is_file():
            raise InputError(
                f"{folder} is not a saved index (no {RECORDS}); create it with `python -m threedsl index`."
            )


def _identity(folder: Path) -> tuple | None:
    """An identity that changes whenever the folder is replaced; None if there is none."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_ctime_ns


def _read(folder: Path) -> Saved:
    """Every file is read from the same open handle whose checksum was verified, so that a replacement cannot mix two
    galleries."""
    name = f"Index {folder}"
    header = read_json(folder / RECORDS, name, BUILD_AGAIN, most=MOST_HEADER_BYTES)
    try:
        if header["format"] not in READ:
            raise InputError(
                f"{name} has format {str(header['format'])[:20]}, this program reads {READ[0]} to {READ[-1]}; "
                f"{BUILD_AGAIN}."
            )
        rows, files = header["records"], header["files"]
        columns = header.get("columns", {})
        base = base_of(folder, (row["path"] for row in rows))
        saved = Saved(
            records=Records((_record(row, base) for row in rows), (_box(row["box"]) for row in rows)),
            pieces={
                stream: _piece(_descriptors(folder, f"{stream}.npy", files, len(rows)), columns.get(stream))
                for stream in ("appearance", "shape")
            },
            fingerprint=str(header["fingerprint"]),
            kind=str(header["kind"]),
            shape_share=float(header.get("shape_share", 0.5)),  # absent in older indices
        )
        if not 0 < saved.shape_share < 1:
            raise ValueError("shape_share is out of range")
        saved.records.delete(np.array(header.get("deleted", []), np.int64))
        for stream, piece in saved.pieces.items():
            if f"{stream}.faiss" in files:
                saved.indices[stream] = _read_index(folder, f"{stream}.faiss", files, piece)
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"{name} is damaged ({reason}); {BUILD_AGAIN}.") from None
    return saved


@contextmanager
def _checked(folder: Path, name: str, checksums: dict) -> Iterator[BinaryIO]:
    """A file of the index, open at its start, whose checksum is the recorded one."""
    if name != Path(name).name:
        raise ValueError(f"{name} is outside the index")
    with open_file(folder / name, f"Index {folder} is damaged: {name}", BUILD_AGAIN) as file:
        if _digest(file) != checksums[name]:
            raise ValueError(f"{name} is not what was saved")
        file.seek(0)
        yield file


def _descriptors(folder: Path, name: str, checksums: dict, count: int) -> np.ndarray:
    """(count, D) float32, memory-mapped."""
    with _checked(folder, name, checksums) as file:
        shape, fortran, dtype = check_npy(file, os.fstat(file.fileno()).st_size, name)
        if len(shape) != 2 or shape[0] != count or dtype != np.float32:
            raise ValueError(f"{name} holds {dtype} numbers of shape {shape} for {count} records")
        if 0 in shape:
            return np.zeros(shape, dtype)
        order = "F" if fortran else "C"
        vectors = np.memmap(file, dtype, "r", file.tell(), shape, order)
    # A sum is several times faster than checking every number, and cannot overflow in float64.
    with np.errstate(invalid="ignore"):  # of infinities of both signs
        total = vectors.sum(dtype=np.float64)
    if not np.isfinite(total):
        raise ValueError(f"{name} contains NaN or infinity")
    return vectors


def _piece(vectors: np.ndarray, columns: dict | None) -> Piece:
    if columns is None:
        return Piece(vectors, vectors.shape[1])
    stored, width = np.array(columns["stored"], np.int64), int(columns["width"])
    fits = width <= MOST_WIDTH and stored.shape == vectors.shape[1:]
    if not fits or (np.diff(stored, prepend=-1, append=width) <= 0).any():
        raise ValueError("the stored columns are not those of its descriptors")
    return Piece(vectors, width, stored)


def _write_index(index: object, path: Path) -> None:
    import faiss

    try:
        faiss.write_index(index, str(path))
    except RuntimeError as error:  # FAISS puts the system's reason at the end
        raise OSError(str(error).rpartition(": ")[2].strip() or "FAISS cannot write it") from None


def _read_index(folder: Path, name: str, checksums: dict, piece: Piece) -> object:
    import faiss

    with _checked(folder, name, checksums) as file:
        index = faiss.read_index(faiss.PyCallbackIOReader(file.read))
    if index.ntotal != len(piece):
        raise ValueError(f"{name} holds {index.ntotal} vectors for {len(piece)} records")
    known = isinstance(index, faiss.IndexHNSW | faiss.IndexIVF)
    if isinstance(index, faiss.IndexIVF) and not index_kinds.has_own_rows(index):
        raise ValueError(f"{name} names rows that the gallery does not have")
    if not known or index.d != piece.stored_width or index.metric_type != faiss.METRIC_INNER_PRODUCT:
        raise ValueError(f"{name} is an index of something else")
    return index


def _box(box: object) -> tuple[int, int, int, int] | None:
    if box is None:
        return None
    x0, y0, x1, y1 = map(int, box)
    return x0, y0, x1, y1


def _record(row: dict, base: Path) -> Record:
    path = Path(os.path.normpath(base / row["path"]))
    time = row.get("time")
    return Record(path, *(str(row[name]) for name in LABELS), None if time is None else float(time))


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return _digest(file)


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := file.read(2**20):
        digest.update(block)
    return digest.hexdigest()
