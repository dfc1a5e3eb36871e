"""A folder private to this process, in a place where others may write, and removal of those of dead processes."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import stat
import tempfile
from collections import deque
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where leftovers are recognised by age alone
    fcntl = None

LOCK = ".lock"  # behind a folder's name: a file that its process holds locked, which ends with the process

FEW = 8  # files that an event loop's thread deletes itself, at a time

_locks: dict[Path, int] = {}  # file descriptors, kept open as long as this process runs


def own_folder() -> Path:
    """Make a folder for this process alone, below GRADIO_TEMP_DIR or else the temporary folder; its path.

    It is next to those of earlier processes of this user, in a folder that no other user may enter. Where another user
    already made one of that name, or a link, a folder with an unpredictable name is used instead.
    """
    base = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir()).resolve()
    base.mkdir(parents=True, exist_ok=True)
    name = f"threedsl-page-{_user()}"
    parent = base / name
    if not _owned(parent):
        parent = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=base))
    folder = parent / secrets.token_hex(8)
    _lock(folder)
    folder.mkdir(mode=0o700)
    return folder


def delete_leftovers(folder: Path, limit: float) -> None:
    """Delete what processes that ended left: next to `folder`, and in folders that `own_folder` made instead.

    limit: seconds since 1970; a folder that has no lock is a leftover if it was last changed before.
    """
    parents = {folder.parent, *folder.parent.parent.glob(f"threedsl-page-{_user()}*")}
    for parent in parents:
        if not _is_ours(parent):
            continue
        try:
            places = list(parent.iterdir())
        except FileNotFoundError:  # another page deleted it in between
            continue
        for place in places:
            if place == folder or place in _locks or place.suffix == LOCK:
                continue
            if place.is_dir() and not place.is_symlink() and _is_left(place, limit):
                shutil.rmtree(place, ignore_errors=True)
                _lock_of(place).unlink(missing_ok=True)
        for lock in parent.glob(f"*{LOCK}"):
            place = lock.with_suffix("")
            if place not in _locks and not place.exists() and _is_free(lock):
                lock.unlink(missing_ok=True)
        if parent != folder.parent:
            with suppress(OSError):  # not empty, or another page was faster
                parent.rmdir()


def remove(folder: Path) -> None:
    """Delete this process's folder at its end."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder in _locks:
        os.close(_locks.pop(folder))
        _lock_of(folder).unlink(missing_ok=True)


class Removed:
    """Files below `root` that have no owner any more; for any thread. Each caller helps to delete them, but
    an event loop's, for which everybody waits, leaves all but a few to another one."""

    def __init__(self, root: Path):
        self._root = root
        self._paths: deque[str] = deque()
        self._handed_over = False

    def append(self, path: str) -> None:
        """Delete it with the next `delete`."""
        self._paths.append(path)

    def delete(self) -> None:
        """Delete what is left now."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no event loop's thread
            self._delete(len(self._paths) + FEW)
            return
        if len(self._paths) <= FEW:
            self._delete(FEW)
        elif not self._handed_over:
            self._handed_over = True
            loop.run_in_executor(None, self._delete_for_others)

    def _delete(self, most: int) -> None:
        with suppress(IndexError):  # another thread took the last one
            for _ in range(most):
                delete_file(self._paths.popleft(), self._root)

    def _delete_for_others(self) -> None:
        try:
            while self._paths:
                self._delete(len(self._paths))
        finally:
            self._handed_over = False


def delete_file(path: str, root: Path) -> None:
    """Delete a file below `root`, and the up to two folders around it where nothing else is in them."""
    with suppress(OSError):  # the sweep was faster
        os.unlink(path)
    for folder in list(Path(path).parents)[:2]:  # of an upload: that of its content, and its own random one
        if not folder.is_relative_to(root) or folder == root:
            return
        try:
            folder.rmdir()
        except OSError:  # not empty
            return


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _owned(folder: Path) -> bool:
    """Whether the folder is, or now is, this user's alone."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    if not _is_ours(folder):
        return False
    if hasattr(os, "fchmod"):  # earlier versions let others look inside
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            os.fchmod(descriptor, 0o700)
        finally:
            os.close(descriptor)
    return True


def _is_ours(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == os.getuid())


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + LOCK)


def _lock(folder: Path) -> None:
    if fcntl is None:
        return
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    new = folder.with_name(
        folder.name + ".new"
    )  # no lock that others see is ever free while its process lives
    descriptor = os.open(new, flags, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    new.rename(_lock_of(folder))
    _locks[folder] = descriptor


def _is_left(folder: Path, limit: float) -> bool:
    lock = _lock_of(folder)
    if fcntl is not None and lock.is_file():
        return _is_free(lock)
    try:
        return folder.lstat().st_mtime < limit
    except FileNotFoundError:
        return False


def _is_free(lock: Path) -> bool:
    """Whether the process that held a lock has ended."""
    if fcntl is None:
        return False
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
