"""Untrusted files: opened only if they are ordinary files, read up to a limit; Git LFS pointers are reported.

Everything threedsl reads from outside goes through here, so that a pipe never blocks, a device is never opened, and a
file of any size, or JSON of any depth, ends in one sentence.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import BinaryIO

from threedsl.errors import InputError

POINTER = b"version https://git-lfs.github.com/spec/v1"
LONGEST_POINTER = 1024  # bytes, by Git LFS's specification
MOST_JSON_BYTES = 64 * 2**20


def open_file(
    path: str | Path, name: str | None = None, remedy: str = "check the path", most: int | None = None
) -> BinaryIO:
    """Open an ordinary file for reading; pipes, sockets and devices are refused without waiting for them.

    Args:
        path: the file; symbolic links are followed.
        name: its name in error sentences, "Body model x.npz"; the path by default.
        remedy: what to do if it is missing, "make it with `…`".
        most: bytes; None for any size.

    Raises:
        InputError: it is missing, not an ordinary file, too large, or a Git LFS pointer; with reason and remedy.
    """
    name = str(path) if name is None else name
    file = None
    try:
        # Opening a device may have side effects, so the kind is checked first; the open file is checked again because
        # it may have been replaced, and opening must not wait for a pipe's writer.
        _check_kind(os.stat(path).st_mode, name)
        file = os.fdopen(os.open(path, os.O_RDONLY | _NONBLOCK | _BINARY), "rb")
        status = os.fstat(file.fileno())
        _check_kind(status.st_mode, name)
        if most is not None and status.st_size > most:
            raise InputError(
                f"{name} is {_size(status.st_size)}, more than {_size(most)}; give a smaller one."
            )
        if status.st_size <= LONGEST_POINTER:
            if is_pointer(file.read(len(POINTER))):
                raise InputError(pointer_sentence(name))
            file.seek(0)
    except BaseException as error:
        if file is not None:
            file.close()
        if isinstance(error, InputError):
            raise
        # A path with a NUL in it is a ValueError.
        if isinstance(error, FileNotFoundError | NotADirectoryError | ValueError):
            raise InputError(f"{name} does not exist; {remedy}.") from None
        if isinstance(error, OSError):
            raise InputError(f"{name} cannot be read ({error.strerror or error}).") from None
        raise
    return file


def read_file(path: str | Path, most: int, name: str | None = None, remedy: str = "check the path") -> bytes:
    """The bytes of an ordinary file of at most `most` bytes.

    Raises:
        InputError: as `open_file`.
    """
    name = str(path) if name is None else name
    with open_file(path, name, remedy, most) as file:
        try:
            data = file.read(most + 1)
        except OSError as error:
            raise InputError(f"{name} cannot be read ({error.strerror}).") from None
    if len(data) > most:  # it grew, or its file system does not report its size
        raise InputError(f"{name} is more than {_size(most)}; give a smaller one.")
    return data


def read_json(
    path: str | Path,
    name: str | None = None,
    remedy: str = "copy it again",
    missing: str = "check the path",
    most: int = MOST_JSON_BYTES,
) -> object:
    """The contents of a JSON file of at most `most` bytes, in UTF-8 with or without a byte-order mark.

    Args:
        remedy: what to do if it is damaged. missing: what to do if it does not exist.

    Raises:
        InputError: as `open_file`; not JSON, nested too deeply, or a number of thousands of digits.
    """
    name = str(path) if name is None else name
    return parse_json(read_file(path, most, name, missing), name, remedy)


def read_object(path: str | Path, remedy: str = "copy it again", missing: str = "check the path") -> dict:
    """As `read_json`, for a file that holds one JSON object."""
    content = read_json(path, remedy=remedy, missing=missing)
    if not isinstance(content, dict):
        raise InputError(f"{path} is damaged (not a JSON object); {remedy}.")
    return content


def parse_json(data: bytes, name: str, remedy: str = "copy it again") -> object:
    """The contents of JSON in UTF-8; the caller has checked its size.

    Raises:
        InputError: not JSON, nested too deeply, or a number of thousands of digits.
    """
    try:
        return json.loads(data.decode("utf-8-sig"))
    except RecursionError:
        reason = "nested too deeply"
    except UnicodeDecodeError:
        reason = "not text in UTF-8"
    except json.JSONDecodeError as error:
        reason = str(error)
    except ValueError:  # Python's own limit on digits
        reason = "a number has too many digits"
    raise InputError(f"{name} is damaged (not valid JSON: {reason}); {remedy}.")


def is_pointer(data: bytes) -> bool:
    """Whether these are the first bytes of a Git LFS pointer, which stands for a file that was not downloaded."""
    return data.startswith(POINTER)


def pointer_sentence(name: str) -> str:
    """The error sentence for a Git LFS pointer."""
    return (
        f"{name} is a Git LFS pointer, not the file itself; run `git lfs pull` where it was cloned, or download the "
        "file."
    )


def is_ordinary(path: str | Path) -> bool:
    """Whether there is a file that can be read without waiting: no folder, pipe, socket or device."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


_NONBLOCK = getattr(os, "O_NONBLOCK", 0)  # Windows has none, and no pipes among its files
_BINARY = getattr(os, "O_BINARY", 0)


def _check_kind(mode: int, name: str) -> None:
    if stat.S_ISDIR(mode):
        raise InputError(f"{name} is a folder, not a file.")
    if not stat.S_ISREG(mode):
        kind = "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
        raise InputError(f"{name} is {kind}, not an ordinary file; copy its contents into a file first.")


def _size(count: int) -> str:
    return f"{count / 2**20:.0f} MB" if count >= 2**20 else f"{count / 2**10:.0f} kB"
