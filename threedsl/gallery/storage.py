"""A gallery on disk: records.json, appearance.npy, shape.npy and, if approximate, one FAISS file a stream.

records.json carries a checksum of every other file, so that a damaged index is refused before it is parsed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from threedsl.data.listfile import Record
from threedsl.errors import InputError
from threedsl.files import check_folder
from threedsl.gallery import engines

if TYPE_CHECKING:
    from threedsl.gallery.gallery import Gallery

FORMAT = 1
RECORDS = "records.json"


@dataclass
class Saved:
    """What a folder holds; the descriptors are memory-mapped."""

    records: list[Record]
    boxes: list
    appearance: np.ndarray
    shape: np.ndarray
    fingerprint: str
    kind: str
    shape_share: float
    indices: dict[str, object] = field(default_factory=dict)


def is_saved(folder: str | Path) -> bool:
    """Whether a folder looks like a saved gallery; one whose replacement was cut short is put back first."""
    target = Path(folder).absolute()
    old = _set_aside(target)
    if not target.exists() and (old / RECORDS).is_file():
        old.rename(target)
    return (target / RECORDS).is_file()


def check_target(folder: str | Path) -> None:
    """Whether a gallery can be saved here, to be asked before the work of describing it.

    Raises:
        InputError: something else is there, or nothing can be written.
    """
    target = Path(folder).absolute()
    if not is_saved(target) and (target.is_file() or (target.is_dir() and any(target.iterdir()))):
        raise InputError(f"{folder} exists and is no saved index; choose another name.")
    check_folder(target.parent, folder)


def save(folder: str | Path, gallery: Gallery, indices: dict[str, object]) -> None:
    """Write into a temporary folder beside the target and put it in place at the end.

    Whatever goes wrong, and whenever the program is killed, the old index or the new one can be loaded.

    Raises:
        InputError: something else is there, or nothing can be written.
    """
    check_target(folder)
    target = Path(folder).absolute()
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        fresh = Path(scratch) / "new"
        fresh.mkdir()
        np.save(fresh / "appearance.npy", gallery.appearance, allow_pickle=False)
        np.save(fresh / "shape.npy", gallery.shape, allow_pickle=False)
        for stream, index in indices.items():
            import faiss

            faiss.write_index(index, str(fresh / f"{stream}.faiss"))
        header = {
            "format": FORMAT,
            "fingerprint": gallery.fingerprint,
            "kind": gallery.kind,
            "shape_share": gallery.shape_share,
            "files": {path.name: _checksum(path) for path in sorted(fresh.iterdir())},
            "records": [
                asdict(record) | {"path": _portable(record.path, target), "box": box}
                for record, box in zip(gallery.records, gallery.boxes, strict=True)
            ],
        }
        (fresh / RECORDS).write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")
        _swap(fresh, target)


def _swap(fresh: Path, target: Path) -> None:
    """Put a folder in another's place. A folder cannot be replaced at a stroke, so the old one steps aside to where
    is_saved finds it again if this is killed in between."""
    old = _set_aside(target)
    shutil.rmtree(old, ignore_errors=True)
    if target.is_dir():
        target.rename(old)
    try:
        fresh.rename(target)
    except BaseException:
        if old.is_dir() and not target.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _set_aside(target: Path) -> Path:
    return target.parent / f".{target.name}.old"


def load(folder: str | Path) -> Saved:
    """Raises InputError: no index there, or a damaged one."""
    folder = Path(folder)
    if not is_saved(folder):
        if not folder.is_dir():
            raise InputError(f"Index {folder} does not exist; make it with `python -m threedsl index`.")
        raise InputError(
            f"{folder} is no saved index (no {RECORDS}); make it with `python -m threedsl index`."
        )
    try:
        header = json.loads((folder / RECORDS).read_text(encoding="utf-8"))
        if header["format"] != FORMAT:
            raise InputError(
                f"Index {folder} has format {header['format']}, this program reads {FORMAT}; build it again."
            )
        for name, checksum in header["files"].items():
            if name != Path(name).name or _checksum(folder / name) != checksum:
                raise ValueError(f"{name} is not what was saved")
        saved = Saved(
            records=[_record(row, folder) for row in header["records"]],
            boxes=[None if row["box"] is None else tuple(map(int, row["box"])) for row in header["records"]],
            appearance=np.load(folder / "appearance.npy", mmap_mode="r", allow_pickle=False),
            shape=np.load(folder / "shape.npy", mmap_mode="r", allow_pickle=False),
            fingerprint=str(header["fingerprint"]),
            kind=str(header["kind"]),
            shape_share=float(header.get("shape_share", 0.5)),  # not said before it could be chosen
        )
        if not 0 < saved.shape_share < 1:
            raise ValueError("shape_share is no share")
        if not len(saved.records) == len(saved.appearance) == len(saved.shape):
            raise ValueError("records and descriptors differ in number")
        saved.indices = _read_indices(folder, header["files"])
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise InputError(
            f"Index {folder} is damaged ({error}); build it again with `python -m threedsl index`."
        ) from None
    return saved


def _read_indices(folder: Path, names: dict) -> dict[str, object]:
    indices = {}
    for name in names:
        if name.endswith(".faiss"):
            import faiss

            indices[name.removesuffix(".faiss")] = engines.tune(faiss.read_index(str(folder / name)))
    return indices


def _record(row: dict, folder: Path) -> Record:
    path = Path(os.path.normpath(folder / row["path"]))
    return Record(path, str(row["pid"]), str(row["camid"]), str(row["clothes"]))


def _portable(path: Path, target: Path) -> str:
    """Relative to the index where picture and index share a folder, so that both can move; else absolute."""
    path = path.absolute()
    return (
        Path(os.path.relpath(path, target)).as_posix()
        if path.is_relative_to(target.parent)
        else path.as_posix()
    )


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
