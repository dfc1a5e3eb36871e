"""Folder locks, which leave no file behind and end with the process that holds them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

ABANDONED = 86_400  # seconds after which a folder counts as abandoned where folders cannot be locked

_held = threading.local()  # the folders that this thread holds


@contextmanager
def locked(folder: Path) -> Iterator[int | None]:
    """Wait for the lock of an existing folder and hold it; threads of one process exclude each other too, and a thread
    that holds it already goes on: it would wait for itself, for ever.

    Yields the open folder, None where there is nothing to lock.

    Where folders cannot be locked (Windows, some network drives) it locks nothing.
    """
    with _opened(folder) as handle:
        if handle is None:
            yield None
            return
        own = _held.__dict__.setdefault("folders", set())
        status = os.fstat(handle)
        folder_id = status.st_dev, status.st_ino
        if folder_id in own:
            yield handle
            return
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        own.add(folder_id)
        try:
            yield handle
        finally:
            own.discard(folder_id)


@contextmanager
def held_alone(folder: Path) -> Iterator[bool]:
    """Hold the lock of an existing folder unless somebody does; yields whether it was free."""
    with _opened(folder) as handle:
        alone = True
        if handle is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                alone = False
            except OSError:  # a file system without locks
                pass
        yield alone


def is_at(handle: int, folder: Path) -> bool:
    """Whether an open folder is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(handle), folder.stat())
    except OSError:
        return False


def is_abandoned(folder: Path) -> bool:
    """Whether the process that locked a folder is gone."""
    if fcntl is None:
        with suppress(OSError):
            return folder.stat().st_mtime < time.time() - ABANDONED
        return False
    with _opened(folder, os.O_NOFOLLOW) as handle:  # a link is no leftover
        if handle is None:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


@contextmanager
def _opened(folder: Path, flags: int = 0) -> Iterator[int | None]:
    """The open folder; None for anything else, such as a pipe, whose opening would wait for its writer."""
    handle = None
    if fcntl is not None:
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | flags)
    try:
        yield handle
    finally:
        if handle is not None:
            os.close(handle)  # and with it the lock
