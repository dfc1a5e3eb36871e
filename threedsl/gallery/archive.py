"""Untrusted zip files, read without unpacking them: no entry ever becomes a file, so its name is only a label.

Limits on a zip: the number of entries, the unpacked bytes of each and of all, as declared and as really read, and
the compression ratio. Only stored and deflated entries are read; other methods may need gigabytes.
"""

from __future__ import annotations

import hashlib
import mmap
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from threading import Lock

from threedsl.data.images import MAX_BYTES
from threedsl.data.picture_files import is_clutter
from threedsl.errors import InputError

MOST_ZIP_BYTES = 100 * 2**20
MOST_ENTRIES = 5000
MOST_BYTES = 400 * 2**20  # unpacked, all entries together
MOST_RATIO = 200  # unpacked to packed size of an entry of a megabyte or more
LONGEST_NAME, LONGEST_PART = 500, 120  # characters of a path, and of each name in it
MOST_COMPOSED = 2 * LONGEST_NAME  # characters of a path as it is written, with accents of their own
MOST_EXTRA = 2**21  # bytes of all entries' further fields, of which programs write some ten to each
LONGEST_LABEL = 80  # characters of a person, a camera or clothes
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".jar", ".cab", ".iso")
CENTRAL_ENTRY = b"PK\x01\x02"  # starts every entry of a zip's directory
ENCRYPTED = 0x1
_DRIVE = re.compile(r"[A-Za-z]:")
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,  # UnicodeDecodeError among them
    OverflowError,
    NotImplementedError,
    RuntimeError,
    IndexError,
)


@dataclass(frozen=True)
class Entry:
    """A file in a zip; `name` has forward slashes, is composed Unicode (NFC), and leads nowhere outside."""

    name: str
    info: zipfile.ZipInfo


@dataclass
class Archive:
    """An open zip whose entries have been checked; use it as a context manager.

    left_out: a sentence for each entry that is not among `entries`.
    """

    shown: str  # what sentences call it
    file: zipfile.ZipFile
    entries: list[Entry] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    _read: int = 0
    _lock: Lock = field(default_factory=Lock)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_) -> None:
        self.file.close()

    def head(self, entry: Entry, count: int) -> bytes:
        """The first bytes of an entry.

        Raises:
            InputError: it is damaged.
        """
        try:
            with self.file.open(entry.info) as stream:
                return stream.read(count)
        except _DAMAGE:
            raise InputError(
                f"{shorten(entry.name)} is damaged inside {self.shown}; make the zip again."
            ) from None

    def read(self, entry: Entry, most: int = MAX_BYTES) -> bytes:
        """The bytes of an entry; may be called from several threads.

        Raises:
            InputError: it is damaged, larger than `most`, or the total read exceeds MOST_BYTES.
        """
        try:
            with self.file.open(entry.info) as stream:
                data = stream.read(most + 1)
        except _DAMAGE:
            raise InputError(
                f"{shorten(entry.name)} is damaged inside {self.shown}; make the zip again."
            ) from None
        if len(data) > most:
            size = f"{most // 2**20} MB" if most >= 2**20 else f"{most // 2**10} kB"
            raise InputError(f"{shorten(entry.name)} has more than {size}; make it smaller.")
        with self._lock:
            self._read += len(data)
            if self._read > MOST_BYTES:
                raise TooMuch(_too_much(self.shown))
        return data


class TooMuch(InputError):
    """The whole upload is refused, not just one picture."""


def open_archive(path: Path, shown: str) -> Archive:
    """Check a zip's directory without reading its entries.

    Raises:
        InputError: not a zip, damaged, password-protected, too large, or names that lead outside.
    """
    if not path.is_file() or not path.stat().st_size:
        raise InputError(f"{shown} is empty (0 bytes).")
    if path.stat().st_size > MOST_ZIP_BYTES:
        raise InputError(f"{shown} has more than {MOST_ZIP_BYTES // 2**20} MB; leave some pictures out.")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:4] == b"PK\x07\x08" or (data.find(b"PK\x05\x06") < 0 and data[:4] == b"PK\x03\x04"):
            raise InputError(f"{shown} is incomplete or in several parts; make one whole zip.")
        # Counted before the directory is parsed: two million entry objects would exhaust memory, and 100 MB of further
        # fields take Python two minutes.
        count, extra, at = 0, 0, -1
        while count <= MOST_ENTRIES and (at := data.find(CENTRAL_ENTRY, at + 1)) >= 0:
            count, extra = count + 1, extra + int.from_bytes(data[at + 30 : at + 32], "little")
        if count > MOST_ENTRIES:
            raise InputError(f"{shown} contains more than {MOST_ENTRIES:,} files; leave some out.")
        if extra > MOST_EXTRA:
            raise InputError(
                f"{shown} says far more about its files than zips of pictures do; make it again."
            )
    try:
        opened = zipfile.ZipFile(path)
    except _DAMAGE:
        raise InputError(f"{shown} is not a zip file, or is damaged; make it again.") from None
    archive = Archive(shown, opened)
    try:
        _look_through(archive)
    except BaseException:
        opened.close()
        raise
    return archive


def _look_through(archive: Archive) -> None:
    declared, seen = 0, set()
    for info in archive.file.infolist():
        if (
            len(info.orig_filename) > MOST_COMPOSED
        ):  # thirty thousand folders in each take long to look through
            archive.left_out.append(f"{shorten(info.orig_filename)} has too long a name.")
            continue
        name = _safe_name(info, archive.shown)
        if info.is_dir() or not name or _is_clutter(name):
            continue
        if info.flag_bits & ENCRYPTED:
            raise InputError(f"{archive.shown} is protected by a password; make it again without one.")
        if info.file_size >= 2**20 and info.file_size > MOST_RATIO * max(info.compress_size, 1):
            raise InputError(
                f"{archive.shown} unpacks to much more than a zip of pictures does ({shorten(name)}); "
                "make it again from pictures only."
            )
        declared += info.file_size
        if declared > MOST_BYTES:
            raise InputError(_too_much(archive.shown))
        if reason := _unfit(info, name, seen):
            archive.left_out.append(f"{shorten(name)} {reason}.")
            continue
        seen.add(name)
        archive.entries.append(Entry(name, info))


def _safe_name(info: zipfile.ZipInfo, shown: str) -> str:
    """The entry's name as a relative path; "" for nothing but slashes and dots.

    Raises:
        InputError: it leads outside the zip, or contains a NUL.
    """
    # Old Windows programs write backslashes where the format requires slashes.
    raw = info.orig_filename.replace("\\", "/")
    raw = composed(raw)
    parts = [part for part in raw.split("/") if part not in ("", ".")]
    if raw.startswith("/") or "\0" in raw or ".." in parts or (parts and _DRIVE.match(parts[0])):
        raise InputError(
            f"{shown} contains a file whose path leads outside the zip ({shorten(raw)}); make the zip again."
        )
    return "/".join(parts)


def _unfit(info: zipfile.ZipInfo, name: str, seen: set[str]) -> str:
    """Why an entry is skipped, or ""."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "is a link or a device, not a file"
    if name.lower().endswith(ARCHIVES):
        return "is an archive inside the archive; unpack it first"
    if len(name) > LONGEST_NAME or any(len(part) > LONGEST_PART for part in name.split("/")):
        return "has too long a name"
    if name in seen:
        return "is in the zip twice; the first one is used"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "uses an unusual compression method; make the zip again with deflate"
    return ""


def _is_clutter(name: str) -> bool:
    """What operating systems and file managers add to a zip, and everything in folders that are hidden."""
    return any(is_clutter(part) for part in PurePosixPath(name).parts)


def _too_much(shown: str) -> str:
    return f"{shown} unpacks to more than {MOST_BYTES // 2**20} MB; leave some pictures out or make them smaller."


def shorten(name: str, most: int = 60) -> str:
    """An untrusted name made safe for a sentence: printable characters only, shortened to its end if long."""
    clean = "".join(c if c.isprintable() else "?" for c in name[-most:])
    return clean if len(name) <= most else f"…{clean[1:]}"


def composed(text: str) -> str:
    """Names with their accents as one character each, as some systems and programs write them and others do not: by
    this the same names are equal. Longer ones than any path stay: one of 32,000 accents takes seconds, while nothing
    else runs."""
    return unicodedata.normalize("NFC", text) if len(text) <= MOST_COMPOSED else text


def short_label(label: str) -> str:
    """A label of at most LONGEST_LABEL characters; two that only differ behind these stay different people."""
    if len(label) <= LONGEST_LABEL:
        return label
    mark = f"…{hashlib.sha256(label.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    return label[: LONGEST_LABEL - len(mark)] + mark
