"""Recognising a picture by its file's contents, whatever its path: copies, links, and files listed twice."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threedsl.data.images import MAX_BYTES
from threedsl.data.listfile import Record
from threedsl.errors import InputError
from threedsl.reading import is_ordinary, read_file


def content_ids(paths: Sequence[Path]) -> NDArray[np.int64]:
    """(N,) numbers that are equal where two files have the same contents.

    Only files of equal size are read, each once, whatever number of links there are to it.

    Raises:
        InputError: a file is missing or cannot be read.
    """
    states = [_state(path) for path in paths]
    files: dict[int, set[tuple[int, int]]] = {}  # by size
    for size, *node, _ in states:
        files.setdefault(size, set()).add(tuple(node))
    alone = {size for size, nodes in files.items() if len(nodes) == 1}
    unread = {
        (path, *state): None for path, state in zip(paths, states, strict=True) if state[0] not in alone
    }
    with ThreadPoolExecutor(max_workers=4) as readers:
        digests = dict(zip(unread, readers.map(lambda key: digest_of(*key), unread), strict=True))
    numbers: dict[object, int] = {}
    keys = (digests.get((path, *state), state[0]) for path, state in zip(paths, states, strict=True))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def sha256_of(path: Path) -> bytes:
    """The digest of a picture's file, read once as long as it does not change.

    Raises:
        InputError: it is missing or cannot be read.
    """
    return digest_of(path, *_state(path))


@lru_cache(maxsize=2**18)
def digest_of(path: Path, size: int, device: int, node: int, changed: int) -> bytes:
    """The sha256 of a file in the state that the numbers describe."""
    return hashlib.sha256(read_file(path, MAX_BYTES, f"Picture {path}")).digest()


def copies_among(path: str | Path, others: Sequence[Path]) -> set[Path]:
    """Those of the other files that are the same picture as this one; files that are gone are not."""
    there = [other for other in dict.fromkeys(others) if is_ordinary(other)]
    if not is_ordinary(path):
        return set()
    ids = content_ids([Path(path), *there])
    return {other for other, number in zip(there, ids[1:], strict=True) if number == ids[0]}


def repeated(records: Sequence[Record], ids: NDArray[np.int64], name: str) -> list[str]:
    """Sentences about pictures that a list contains more than once, as copies or by name.

    ids: (N,) of `content_ids`. name: what sentences call the list.
    """
    first: dict[int, dict[str, Record]] = {}  # by content, then by person
    same, other = [], []
    for record, number in zip(records, ids.tolist(), strict=True):
        people = first.setdefault(number, {})
        if record.pid in people:
            same.append((record, people[record.pid]))
        elif people:
            other.append((record, next(iter(people.values()))))
        people.setdefault(record.pid, record)
    sentences = []
    if same:
        again, before = same[0]
        sentences.append(
            f"{_counted(len(same))} in {name} more than once (first {again.path}, the same as {before.path}); "
            "each copy counts."
        )
    if other:
        again, before = other[0]
        sentences.append(
            f"{_counted(len(other))} in {name} under two identities (first {again.path} as {again.pid or 'unknown'}, "
            f"the same as {before.path} as {before.pid or 'unknown'}); correct the labels."
        )
    return sentences


def _counted(number: int) -> str:
    return "1 picture is" if number == 1 else f"{number:,} pictures are"


def _state(path: Path) -> tuple[int, int, int, int]:
    """(size, device, inode, time of the last change)."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its path contains a NUL"
        raise InputError(f"Picture {path} cannot be read ({reason}).") from None
    return status.st_size, status.st_dev, status.st_ino, status.st_mtime_ns
