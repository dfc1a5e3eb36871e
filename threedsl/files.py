"""Places that are written to: whether one can be, files that appear whole or not at all, and the user's cache."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from threedsl.errors import InputError


def check_folder(folder: Path, name: str | Path) -> None:
    """Make `folder` and try to write in it; `name` is what the error sentence calls the thing to be written.

    Raises:
        InputError: it cannot be made, or nothing can be written in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Permissions alone would not tell of read-only file systems, and say nothing to root.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{name} cannot be written ({error.strerror}); choose another place.") from None


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of `path` when the block ends without an error; its folder is made.

    Raises:
        InputError: the file cannot be written; what was there before stays.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                yield file
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path} cannot be written ({reason}); free the place or choose another.") from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all.

    Raises:
        InputError: as `whole_file`.
    """
    with whole_file(path) as file:
        file.write(content)


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
        return Path(tempfile.gettempdir()) / "threedsl"
