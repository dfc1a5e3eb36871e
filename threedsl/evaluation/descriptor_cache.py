"""Descriptors of many pictures, cached for the user by picture content and model.

A picture's key is the sha256 of its file, so a renamed or copied picture is known and a changed one is not. Descriptors
are in files of up to SHARD pictures, one folder per model: `descriptors/<fingerprint, 32 digits>[-mirror][-onnx]-
<VERSION>/<random>.npz`, where -mirror marks averages with mirror images and -onnx what onnxruntime computed. Files
are written whole and as soon as they are full, so that a stopped run resumes where it left off, and several runs may
work at the same time. A damaged file is deleted and its descriptors are recomputed. The cache never grows above LIMIT
bytes: the least recently used files are deleted first.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import time
import zipfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from threedsl.data.contents import sha256_of
from threedsl.descriptors import Descriptors
from threedsl.errors import InputError
from threedsl.files import whole_file
from threedsl.progress import Report, progress_bar

if TYPE_CHECKING:
    from threedsl.pipeline import ThreeDSL

VERSION = 2  # raise it when reading or resizing changes, so that old descriptors are recomputed
SHARD = 1024  # pictures per file, and between two writes
LIMIT = 4 * 2**30  # bytes of all models; about 760,000 pictures of the shipped one
DIGEST = hashlib.sha256().digest_size
ABANDONED = 86_400  # seconds after which the unfinished file of a run that was killed is removed
# What NumPy and zipfile raise for a file that is cut off or altered: the last one for a compression they do not know,
# which is what a flipped byte in a header looks like.
DAMAGE = (
    ValueError,
    KeyError,
    IndexError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
)


class DescriptorCache:
    """The folder of one model's descriptors. It never fails: what cannot be cached is recomputed next time."""

    def __init__(self, root: Path, fingerprint: str, mirror: bool, backend: str = "torch"):
        self.root, self.mirror = root, mirror
        own = "" if backend == "torch" else f"-{backend}"  # another runtime rounds otherwise
        self.folder = root / f"{fingerprint[:32]}{'-mirror' if mirror else ''}{own}-{VERSION}"
        self.trouble = ""  # why nothing could be cached, if so

    def find(self, wanted: set[bytes]) -> dict[bytes, tuple[np.ndarray, np.ndarray]]:
        """The wanted pictures that are cached: digest -> (appearance, shape)."""
        found: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
        for path in sorted(self.folder.glob("*.npz")):
            try:
                found |= _read_shard(path, wanted)
            except DAMAGE:
                _remove(path)
            except OSError as error:
                # A broken zip makes the reader seek to invalid offsets; other errors, such as too many open
                # files or a lost network drive, do not mean that the file is bad.
                if error.errno in (None, errno.EINVAL):
                    _remove(path)
        return found

    def keep(self, digests: Sequence[bytes], appearance: np.ndarray, shape: np.ndarray) -> None:
        """Write one file."""
        if not digests:
            return
        try:
            with whole_file(self.folder / f"{secrets.token_hex(8)}.npz") as file:
                keys = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, DIGEST)
                np.savez(file, digests=keys, appearance=appearance, shape=shape)
            self._make_room()
        except InputError as error:
            self.trouble = f"descriptors are not kept: {error}"

    def _make_room(self) -> None:
        files = []
        for path in self.root.glob("*/*"):
            with suppress(OSError):  # another run may have removed it
                status = path.stat()
                if path.suffix == ".npz":
                    files.append((status.st_mtime, status.st_size, path))
                elif path.suffix == ".part" and status.st_mtime < time.time() - ABANDONED:
                    _remove(path)
        surplus = sum(size for _, size, _ in files) - LIMIT
        for _, size, path in sorted(files)[:-1]:
            if surplus <= 0:
                break
            _remove(path)
            surplus -= size


def describe(
    model: ThreeDSL,
    paths: Sequence[Path],
    cache: DescriptorCache | None = None,
    mirror: bool = False,
    batch_size: int = 32,
    progress: bool = True,
) -> Descriptors:
    """Descriptors of N person crops in the order of `paths`; each distinct content is computed once.

    Args:
        cache: cache of this model's descriptors; None for no cache.
        mirror: average those of each picture and of its mirror image.
        progress: draw bars on stderr after two seconds.

    Raises:
        InputError: a picture cannot be read, or was changed between its digest and its decoding: under the digest of
            what it was, the cache would have the descriptors of what it became.
        ValueError: the cache has the other kind of descriptors.
    """
    if cache is not None and cache.mirror != mirror:
        raise ValueError("the cache and the call differ in `mirror`")
    digests = _digests(paths, progress)
    first = dict(zip(reversed(digests), reversed(paths), strict=True))
    found = cache.find(set(first)) if cache else {}
    missing = [digest for digest in first if digest not in found]
    with progress_bar("Processing the pictures") if progress else nullcontext() as bar:
        for start in range(0, len(missing), SHARD):
            chunk = missing[start : start + SHARD]
            output = model(
                [first[digest] for digest in chunk],
                batch_size=batch_size,
                bodies=False,
                progress=bar and _further(bar, start, len(missing)),
                mirror=mirror,
            )
            same = [_is_still(first[digest], digest) for digest in chunk]
            if cache:
                cache.keep(list(compress(chunk, same)), output.appearance[same], output.shape[same])
            if not all(same):
                changed = first[chunk[same.index(False)]]
                raise InputError(
                    f"Picture {changed} was changed or deleted while it was described; start the command again."
                )
            found |= dict(zip(chunk, zip(output.appearance, output.shape, strict=True), strict=True))
    appearance, shape = (np.stack([found[digest][part] for digest in digests]) for part in (0, 1))
    return Descriptors(appearance, shape, model.fingerprint, model.config.shape_share)


def _further(bar: Report, start: int, total: int) -> Report:
    return lambda done, _: bar(start + done, total)


def _digests(paths: Sequence[Path], progress: bool) -> list[bytes]:
    """The sha256 of every file."""
    digests = []
    with (
        ThreadPoolExecutor(max_workers=4) as readers,
        progress_bar("Reading the pictures") if progress else nullcontext() as bar,
    ):
        for digest in readers.map(sha256_of, paths):
            digests.append(digest)
            if bar:
                bar(len(digests), len(paths))
    return digests


def _is_still(path: Path, digest: bytes) -> bool:
    try:
        return sha256_of(path) == digest
    except InputError:
        return False


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _read_shard(path: Path, wanted: set[bytes]) -> dict[bytes, tuple[np.ndarray, np.ndarray]]:
    """The wanted descriptors of one file. Raises one of DAMAGE; zip files carry a checksum of every array."""
    with np.load(path, allow_pickle=False) as file:
        keys = [row.tobytes() for row in file["digests"]]
        rows = [row for row, key in enumerate(keys) if key in wanted]
        if not rows:
            return {}
        arrays = [np.asarray(file[name], np.float32) for name in ("appearance", "shape")]
    if any(array.ndim != 2 or len(array) != len(keys) or not np.isfinite(array).all() for array in arrays):
        raise ValueError("these are no descriptors")
    with suppress(OSError):
        os.utime(path)  # in use: the last to be removed
    appearance, shape = (array[rows] for array in arrays)
    return {keys[row]: (appearance[i], shape[i]) for i, row in enumerate(rows)}
