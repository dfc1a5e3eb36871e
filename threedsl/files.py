"""Writing: files and folders that appear whole or not at all, whether a place can be written to, the user's cache."""

import errno
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

from threedsl.errors import InputError
from threedsl.locks import is_abandoned, is_at, locked

WORK = ".work"  # ends the name of a folder that is being written

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a full disk, a used-up quota and a file above the process's size limit."""


def check_folder(folder: Path, name: str | Path) -> None:
    """Make `folder` and try to write in it; `name` is the name of the output in the error sentence.

    Raises:
        InputError: it cannot be made, or nothing can be written in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Permissions alone do not reveal read-only file systems, and do not apply to root.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{name} cannot be written ({error.strerror}); choose another place.") from None


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that replaces `path` when the block ends without an error; its folder is created.

    Raises:
        InputError: the file cannot be written; what was there before stays.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                _keep_mode(path, part)
                yield file
                file.flush()
                _settle(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({reason_of(error)}); free some space or choose another place."
        ) from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all.

    Raises:
        InputError: as `whole_file`.
    """
    with whole_file(path) as file:
        file.write(content)


@contextmanager
def whole_folder(target: Path, is_own: Callable[[str], object] | None = None) -> Iterator[Path]:
    """A new folder to fill, which replaces `target` when the block ends without an error.

    Of a link, what it leads to is replaced. If anything fails before that, `target` stays as it was. A folder cannot be
    replaced in one step: the old one is moved aside first, and `recover_folder` restores it if the program is killed
    between the two renames. Of several writers the last one wins. Leftovers of killed writers are removed.

    is_own: whether a file of this name is the writer's, so that only the new one counts; the other files of the old
        folder go along into the new one, as links to the same files or as copies. Without it, none does.

    Raises:
        InputError: nothing can be written there.
    """
    target = place_of(target)
    with ExitStack() as held:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with locked(target.parent):
                for left in _left_behind(target):
                    if (left / "new").is_dir():
                        _put_back(left / "old", target)
                    shutil.rmtree(left, ignore_errors=True)
                made = tempfile.TemporaryDirectory(
                    prefix=f".{target.name}.", suffix=WORK, dir=target.parent, ignore_cleanup_errors=True
                )
                scratch = Path(held.enter_context(made))
                held.enter_context(locked(scratch))  # marks its writer as alive
            fresh = scratch / "new"
            fresh.mkdir()
            yield fresh
            _settle_folder(fresh)
            with locked(target.parent):  # between another writer's two renames there is nothing to take along
                if is_own:
                    _keep_the_rest(target, fresh, is_own)
                _replace_folder(fresh, target, scratch / "old")
        except OSError as error:
            named = error.filename2 or error.filename  # the second one is what a copy was written to
            if named and not os.path.abspath(str(named)).startswith(str(target.parent)):
                raise  # what the block read, not what it wrote
            raise InputError(
                f"{target} cannot be written ({reason_of(error)}); free some space or choose another place."
            ) from None


def place_of(target: str | Path) -> Path:
    """The absolute path of an output folder: where a link was named, that of what it leads to."""
    return Path(os.path.realpath(target) if os.path.islink(target) else os.path.abspath(target))


def _keep_mode(old: Path, new: Path) -> None:
    """The replacement has the permissions of what it replaces."""
    with suppress(OSError):  # there is nothing to replace
        new.chmod(stat.S_IMODE(old.stat().st_mode))


def reason_of(error: OSError) -> str:
    """Why something could not be written; for a full disk NumPy gives no reason, only how much it wrote."""
    if error.strerror:
        return error.strerror
    text = str(error) or type(error).__name__
    return "No space left on device" if "requested and" in text and "written" in text else text


def _replace_folder(fresh: Path, target: Path, old: Path) -> None:
    """While both `old` and `fresh` are in the work folder, the replacement is not finished."""
    try:  # from before the first rename, since Ctrl-C may come as soon as it is done
        if target.is_dir():
            _keep_mode(target, fresh)
            target.rename(old)
        fresh.rename(target)
    except BaseException:
        _put_back(old, target)
        raise


def _put_back(old: Path, target: Path) -> None:
    if old.is_dir() and not target.exists():
        with suppress(OSError):  # nothing can be written here
            old.rename(target)


def _settle_folder(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    _settle(file.fileno())


def _settle(handle: int) -> None:
    """Wait until a file is on the disk: after a power cut, what replaced another one would be empty otherwise. Network
    drives tell only now that they are full."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno in (*FULL, errno.EIO):
            raise


def reserve(handle: int, size: int) -> None:
    """Take the space of a file that is going to be written through memory, where a full disk ends the process by a
    signal, without a word.

    Raises:
        OSError: there is not enough.
    """
    if hasattr(os, "posix_fallocate") and size:
        try:
            os.posix_fallocate(handle, 0, size)
        except OSError as error:
            if error.errno in FULL:
                raise


def recover_folder(target: Path, complete: str) -> None:
    """Restore the folder that `whole_folder` was replacing when the program was killed; never one that was deleted
    after it had been replaced.

    complete: the name of a file that a complete folder contains.
    """
    target = place_of(target)
    if target.exists() or not any(_works(target)):
        return
    with settled(target, complete):
        pass


@contextmanager
def settled(target: Path, complete: str) -> Iterator[None]:
    """Recover `target` as `recover_folder` does and keep `whole_folder` from replacing it within the block.

    Between the two renames of a replacement there is no folder: who says that something is missing has to look
    within such a block.
    """
    target = place_of(target)
    with locked(target.parent):  # waits for a replacement that is under way
        for left in _left_behind(target):
            unfinished = (left / "old" / complete).is_file() and (left / "new").is_dir()
            if unfinished:
                _put_back(left / "old", target)
        yield


def _keep_the_rest(target: Path, fresh: Path, is_own: Callable[[str], object]) -> None:
    for path in target.iterdir() if target.is_dir() else ():
        if is_own(path.name) or os.path.lexists(fresh / path.name):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, fresh / path.name, symlinks=True, copy_function=_link)
        else:
            _link(path, fresh / path.name)


def _link(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except (OSError, NotImplementedError):  # a file system without links
        shutil.copy2(source, target, follow_symlinks=False)


@contextmanager
def changing(folder: str | Path) -> Iterator[Path]:
    """Keep other processes that change the same folder waiting, from reading it to replacing it with `whole_folder`.

    Readers are not kept waiting. A folder that does not exist is left to the block.

    Yields:
        The folder to read and replace: where a link was named, what it leads to, as otherwise only the link would be.
    """
    folder = Path(os.path.realpath(folder))
    if folder == folder.parent:  # the block locks the parent
        yield folder
        return
    done = False
    while not done:
        with locked(folder) as handle:
            # What was waited for may have been replaced meanwhile; then the lock is that of a folder that is gone.
            done = handle is None or is_at(handle, folder)
            if done:
                yield folder


def _left_behind(target: Path) -> list[Path]:
    """Leftovers of killed writers of `target`; call with its parent locked."""
    return [path for path in _works(target) if is_abandoned(path)]


def _works(target: Path) -> list[Path]:
    pattern = re.compile(rf"\.{re.escape(target.name)}\.[a-z0-9_]{{8}}{re.escape(WORK)}")
    try:
        return [target.parent / name for name in os.listdir(target.parent) if pattern.fullmatch(name)]
    except OSError:
        return []


def cache_folder() -> Path:
    """Where derived files are kept: $THREEDSL_CACHE, else threedsl/ in the user's cache, else in the temporary one."""
    if folder := os.environ.get("THREEDSL_CACHE"):
        return Path(folder)
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "threedsl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return _own_temporary_folder()


@cache
def _own_temporary_folder() -> Path:
    """A folder of this user's alone in the temporary one, where others may have made one of its name before: what is
    cached, such as graphs and descriptors, is believed."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"threedsl-{user}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
    found = folder.lstat()
    open_to_others = hasattr(os, "getuid") and (found.st_uid != user or found.st_mode & 0o022)
    if open_to_others or not stat.S_ISDIR(found.st_mode):
        return Path(tempfile.mkdtemp(prefix=f"{folder.name}-"))
    return folder
