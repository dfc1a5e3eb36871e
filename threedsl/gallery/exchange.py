"""A gallery as one zip: its saved index as threedsl.gallery.storage writes it, and a thumbnail of every picture.

    records.json            the index's header; each record also has `name`, and the header `title`
    appearance.npy, shape.npy
    thumbnails/00000.jpg …  in the order of the records, whose `path` names them

Unpacked, it is an index that `python -m threedsl search --gallery FOLDER` reads.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from threedsl.arrays import npy_header
from threedsl.data.images import Limits, load_image
from threedsl.data.listfile import Record
from threedsl.errors import InputError
from threedsl.files import whole_file
from threedsl.gallery.archive import LONGEST_LABEL, LONGEST_NAME, Archive, Entry, TooMuch
from threedsl.gallery.gallery import Gallery
from threedsl.gallery.storage import RECORDS

FORMAT = 1  # of an index with whole descriptors and nothing deleted
DESCRIPTORS = ("appearance", "shape")
MOST_HEADER_BYTES = 2 * 2**20
MOST_THUMBNAIL_BYTES = 2**18
MOST_THUMBNAIL_PIXELS = 2**16  # twice what the page makes; they are in memory together
UNIT = 1e-3  # how far a descriptor's length may be from 1


@dataclass(frozen=True)
class Exported:
    """The contents of an exported gallery."""

    title: str
    gallery: Gallery
    thumbnails: list[np.ndarray]  # RGB uint8 (H, W, 3), in the order of the gallery


def is_exported(archive: Archive) -> bool:
    """Whether a zip claims to be an exported gallery."""
    names = {entry.name for entry in archive.entries}
    return RECORDS in names and "appearance.npy" in names


def most_pictures_in(archive: Archive) -> int:
    """How many pictures an exported gallery can hold at most: each has a thumbnail."""
    return len({entry.name for entry in archive.entries if entry.name.startswith("thumbnails/")})


def write_exported(path: Path, title: str, gallery: Gallery, thumbnails: Sequence[bytes]) -> None:
    """Write a flat gallery and its thumbnails (JPEG) to a zip that appears whole or not at all."""
    arrays = {f"{name}.npy": _npy(getattr(gallery, name)) for name in DESCRIPTORS}
    header = {
        "format": FORMAT,
        "title": title,
        "fingerprint": gallery.fingerprint,
        "kind": "flat",
        "shape_share": gallery.shape_share,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in arrays.items()},
        "records": [
            {
                "name": record.path.as_posix(),
                "path": f"thumbnails/{i:05d}.jpg",
                "pid": record.pid,
                "camid": record.camid,
                "clothes": record.clothes,
                "box": None,
            }
            for i, record in enumerate(gallery.records)
        ],
    }
    with whole_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(RECORDS, json.dumps(header, indent=1, ensure_ascii=False) + "\n")
        for name, data in arrays.items():
            archive.writestr(name, data, zipfile.ZIP_STORED)  # float32 noise does not compress
        for i, thumbnail in enumerate(thumbnails):
            archive.writestr(f"thumbnails/{i:05d}.jpg", thumbnail, zipfile.ZIP_STORED)


def read_exported(
    archive: Archive, fingerprint: str, widths: tuple[int, int], most: int, shape_share: float = 0.5
) -> Exported:
    """Read an exported gallery, trusting nothing it declares.

    Args:
        fingerprint: that of the running model; an index from another one is refused.
        widths: that model's D_a and D_s.
        most: maximum number of pictures.
        shape_share: that model's, for galleries exported before it was written into the header.

    Raises:
        InputError: from another model, damaged, too large, or not in the format of `write_exported`.
    """
    entries = {entry.name: entry for entry in archive.entries}
    try:
        header = json.loads(archive.read(entries[RECORDS], MOST_HEADER_BYTES))
        if header["format"] != FORMAT:
            raise InputError(f"{archive.shown} has another format version; export it again.")
        if header["fingerprint"] != fingerprint:
            raise InputError(
                f"{archive.shown} was made with another model, whose descriptors cannot be compared; "
                "build the gallery again from its pictures."
            )
        if header["kind"] != "flat":
            raise InputError(f"{archive.shown} is an approximate index; only flat ones are imported here.")
        rows = header["records"]
        if not isinstance(rows, list) or not 1 <= len(rows) <= most:
            raise InputError(f"{archive.shown} contains no pictures or more than {most}; leave some out.")
        records = [_record(row) for row in rows]
        arrays = [
            _descriptors(archive, entries[f"{name}.npy"], header["files"], (len(rows), width))
            for name, width in zip(DESCRIPTORS, widths, strict=True)
        ]
        thumbnails = [
            _thumbnail(
                archive.read(entries[f"thumbnails/{i:05d}.jpg"], MOST_THUMBNAIL_BYTES), f"thumbnail {i}"
            )
            for i in range(len(rows))
        ]
        title = header["title"] if isinstance(header.get("title"), str) else ""
        share = _share(header.get("shape_share", shape_share))
    except TooMuch:
        raise
    except InputError as error:
        if str(error).startswith(archive.shown):
            raise
        raise InputError(f"{archive.shown} is damaged ({_first_line(error)}); export it again.") from None
    except KeyError as error:
        raise InputError(f"{archive.shown} lacks {str(error)[:60]}; export the gallery again.") from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{archive.shown} is damaged ({_first_line(error)}); export it again.") from None
    gallery = Gallery(records, *arrays, fingerprint, shape_share=share)
    return Exported(title, gallery, thumbnails)


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array, np.float32), allow_pickle=False)
    return buffer.getvalue()


def _descriptors(archive: Archive, entry: Entry, checksums: dict, shape: tuple[int, int]) -> np.ndarray:
    """(N, D) float32 unit vectors; the file's header is checked before anything is allocated, since it
    could ask for any amount of memory."""
    data = archive.read(entry, 2**20 + 4 * shape[0] * shape[1])
    if hashlib.sha256(data).hexdigest() != checksums[entry.name]:
        raise ValueError(f"{entry.name} is not what was exported")
    stream = io.BytesIO(data)
    found, fortran, dtype = npy_header(stream, entry.name)
    rest = len(data) - stream.tell()
    if found != shape or fortran or dtype != np.dtype("<f4") or rest != 4 * shape[0] * shape[1]:
        raise ValueError(f"{entry.name} does not hold {shape[0]} x {shape[1]} numbers")
    vectors = np.frombuffer(data, "<f4", offset=stream.tell()).reshape(shape).astype(np.float32)
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    if not np.all(np.abs(lengths - 1) < UNIT):  # false for NaN as well
        raise ValueError(f"{entry.name} holds something other than descriptors")
    return vectors


def _thumbnail(data: bytes, name: str) -> np.ndarray:
    return load_image(data, name, Limits(pixels=MOST_THUMBNAIL_PIXELS))


def _share(value: object) -> float:
    if type(value) not in (int, float) or not 0 < value < 1:  # false for NaN as well
        raise ValueError("shape_share is no number between 0 and 1")
    return value


def _record(row: dict) -> Record:
    name, *labels = (row[key] for key in ("name", "pid", "camid", "clothes"))
    longest = (LONGEST_NAME, *[LONGEST_LABEL] * len(labels))
    for text, most in zip((name, *labels), longest, strict=True):
        if not isinstance(text, str) or len(text) > most or not text.isprintable():
            raise ValueError("a name is not text, too long or not printable")
    path = PurePosixPath(name)
    if not path.name or path.is_absolute() or ".." in path.parts or "\\" in name:
        raise ValueError("a picture's name leads outside")
    return Record(Path(name), *labels)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:80].rstrip(".")
