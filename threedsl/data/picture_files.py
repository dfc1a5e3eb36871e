"""Which files are pictures: one rule for folders, zips, lists and single files.

A file whose name ends in one of SUFFIXES, in any case, is a picture; if it is unreadable, reading it says so. Any other
file is a picture if its first bytes say so. Hidden files and debris of operating systems are skipped;
every other file that is not a picture is left out and reported (`about_others`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp"),
        *(".tif", ".tiff", ".mpo", ".heic", ".heif", ".avif"),
    )
)
HEAD = 32  # bytes that identify a format
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
AVIF_BRANDS = (b"avif", b"avis")
CLUTTER = ("thumbs.db", "desktop.ini", "__macosx")
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # bytes of the header that follows a BMP's first 14


def is_picture(path: Path) -> bool:
    """Whether a file counts as a picture, by its name or else by its first bytes."""
    if is_clutter(path.name):
        return False
    return has_picture_name(path.name) or starts_like_picture(_head(path))


def has_picture_name(name: str) -> bool:
    """Whether a file's name ends as a picture's does."""
    return os.path.splitext(name)[1].lower() in SUFFIXES


def starts_like_picture(head: bytes) -> bool:
    """Whether the first HEAD bytes of a file are those of a picture in a format that can be read."""
    if head.startswith(_STARTS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return True
    if head[4:8] == b"ftyp":
        return head[8:12] in HEIF_BRANDS + AVIF_BRANDS
    return head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS


def is_clutter(name: str) -> bool:
    """Whether an operating system or file manager left a file of this name, or it is hidden."""
    return name.startswith(".") or name.lower() in CLUTTER


def folders_below(folder: Path) -> list[Path]:
    """The folder and all folders below it, sorted, without hidden ones and debris and what they hold."""
    found = []
    for parent, inside, _ in os.walk(folder):
        inside[:] = [name for name in inside if not is_clutter(name)]
        found.append(Path(parent))
    return sorted(found)


def other_files(folders: Iterable[Path]) -> list[Path]:
    """The files in these folders, not below them, that are neither pictures nor clutter, in their order."""
    return [
        path
        for folder in folders
        for path in sorted(folder.iterdir())
        if not is_clutter(path.name) and not path.is_dir() and not is_picture(path)
    ]


def about_others(names: Sequence[str], where: str) -> list[str]:
    """A sentence about files that are not pictures, if any. where: "in ROOT"."""
    if not names:
        return []
    some = ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
    are = "files are not pictures" if len(names) > 1 else "file is not a picture"
    return [f"{len(names):,} {are} {where}: {some}."]


def _head(path: Path) -> bytes:
    """The first bytes of an ordinary file; none of pipes and devices, which are not opened."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return b""
        with open(path, "rb") as file:
            return file.read(HEAD)
    except (OSError, ValueError):
        return b""
