"""Who owns each file on disk: uploads, and files written as answers. A path that is not in here is not read.

An upload's path holds 128 random bits, so whoever names it sent the file or learned it from the sender. The first visit
that uses it owns it from then on. A call without a session may use what came from its own address.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from threedsl.errors import InputError
from threedsl.ui.errors import DISK_FULL
from threedsl.ui.own_folder import Removed
from threedsl.ui.security import limits
from threedsl.ui.security.caller import Caller

LEAST_COST = 2**16  # bytes that a file counts in addition to its size
GONE = "This file was not uploaded by you, or it has since been deleted; add it again."
NO_ROOM = "The server has no room for more uploads right now; try again in a few minutes."
YOUR_LIMIT = (
    f"Your uploads would take more than {limits.MOST_VISIT_BYTES // 2**30} GB; delete your data and add less."
)


@dataclass
class Entry:
    """A file that visitors may name or fetch."""

    size: int  # bytes that it takes of the disk
    address: str
    made: float  # seconds of the ledger's clock
    upload: bool
    sessions: set[str] = field(default_factory=set)  # the visits it belongs to


class Ledger:
    """All files of visitors below `folder`; its methods may be called from any thread."""

    def __init__(
        self,
        folder: Path,
        examples: Callable[[], Collection[str]] = frozenset,
        clock: Callable[[], float] = time.monotonic,
    ):
        """examples: gives the paths of the page's own files, which everyone may name and fetch."""
        self.folder = folder
        self.examples = examples
        self._clock = clock
        self._lock = threading.RLock()
        self._entries: dict[str, Entry] = {}
        self._removed = Removed(folder)
        # By ("all", ""), ("session", …) and ("address", …), and of each the answers by ("answers of", "all", "") …
        self._bytes: Counter[tuple[str, ...]] = Counter()

    def new_folder(self) -> Path:
        """Where the next upload goes: below a name that cannot be guessed. The writer creates it."""
        return self.folder / "uploads" / secrets.token_hex(16)

    def check_room(self, address: str, count: int) -> None:
        """Raises InputError, with the reason, where so many more bytes from this address do not fit."""
        with self._changing():
            mine = 0 if limits.addresses_are_shared() else self._bytes["address", address]
            if mine + count > limits.MOST_VISIT_BYTES:
                raise InputError(YOUR_LIMIT)
            if self._bytes["all", ""] + count > limits.MOST_TEMP_BYTES:
                self._make_room(count)
            if shutil.disk_usage(_existing(self.folder)).free - count < limits.LEAST_FREE_BYTES:
                raise InputError(DISK_FULL)

    @contextmanager
    def receiving(self, address: str) -> Iterator[Callable[[int], None]]:
        """Count what an upload brings while it comes.

        Yields:
            A function to call with the number of bytes that came. It raises InputError when they are too many.
        """
        taken = 0
        keys = [("all", ""), ("address", address)]

        def take(count: int) -> None:
            nonlocal taken
            with self._lock:
                self.check_room(address, count)
                taken += count
                for key in keys:
                    self._bytes[key] += count

        try:
            yield take
        finally:
            with self._lock:
                for key in keys:
                    self._count(key, -taken)

    def uploaded(self, path: str, address: str) -> None:
        """Note a file that came from this address."""
        self._add(path, Entry(_cost(path), address, self._clock(), upload=True))

    def all_uploaded(self, paths: Collection[str], address: str) -> None:
        """Note all files of one upload."""
        for path in paths:
            self.uploaded(path, address)

    def answered(self, paths: Collection[str], caller: Caller) -> None:
        """Record files that were written for a caller, whose oldest answers go where there are too many; those outside
        the folder, and the page's own, are left alone."""
        mine = self.examples()
        written = {
            path
            for path in paths
            if path not in mine and Path(path).is_relative_to(self.folder) and os.path.isfile(path)
        }
        if not written:
            return
        with self._changing():
            for path in written:
                if path not in self._entries:
                    self._add(path, Entry(_cost(path), caller.address, self._clock(), upload=False))
                self._own(self._entries[path], caller.session)
            self._drop_old_answers(caller, written)

    def use(self, path: str, caller: Caller) -> int:
        """Claim a file for the caller's visit; its size in bytes.

        Raises:
            InputError: it is unknown, another visit's, or gone; the words are the same. Or the visit has too much.
        """
        if path in self.examples():
            return os.path.getsize(path)
        with self._lock:
            entry = self._entries.get(path)
            if entry is None or not self._may_use(entry, caller) or not _is_file(path):
                raise InputError(GONE)
            if caller.session and caller.session not in entry.sessions:
                if self._bytes["session", caller.session] + entry.size > limits.MOST_VISIT_BYTES:
                    raise InputError(YOUR_LIMIT)
                self._own(entry, caller.session)
            return os.path.getsize(path)

    def serves(self, path: str) -> bool:
        """Whether whoever knows this path may fetch the file."""
        with self._lock:
            known = path in self._entries
        return (known or path in self.examples()) and _is_file(path)

    def forget(self, session: str | None) -> None:
        """Delete everything of a visit, except what another one has as well."""
        with self._changing():
            for path in [path for path, entry in self._entries.items() if session in entry.sessions]:
                self._disown(path, session)

    def delete(self, path: str) -> None:
        """Delete one file now."""
        with self._changing():
            if path in self._entries:
                self._remove(path)

    def prune(self) -> None:
        """Forget files that the sweep deleted, and delete uploads that no event ever named."""
        with self._lock:
            known = list(self._entries)
        gone = {path for path in known if not os.path.lexists(path)}
        with self._changing():
            limit = self._clock() - limits.UNTOUCHED_UPLOAD_SECONDS
            for path, entry in list(self._entries.items()):
                if path in gone or (self._untouched(entry) and entry.made < limit):
                    self._remove(path)

    def bytes_of(self, session: str) -> int:
        """What a visit has on disk."""
        with self._lock:
            return self._bytes["session", session]

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the lock; what is removed meanwhile is deleted from the disk after that, as others would wait for it."""
        try:
            with self._lock:
                yield
        finally:
            self._removed.delete()

    def _may_use(self, entry: Entry, caller: Caller) -> bool:
        if caller.session is None:
            return not entry.sessions and entry.address == caller.address
        return caller.session in entry.sessions or self._untouched(entry)

    @staticmethod
    def _untouched(entry: Entry) -> bool:
        return entry.upload and not entry.sessions

    def _add(self, path: str, entry: Entry) -> None:
        with self._lock:
            if path in self._entries:  # one upload may hold the same file twice
                return
            self._entries[path] = entry
            self._change(entry, ("all", ""), entry.size)
            self._change(entry, ("address", entry.address), entry.size)

    def _own(self, entry: Entry, session: str | None) -> None:
        if session and session not in entry.sessions:
            entry.sessions.add(session)
            self._change(entry, ("session", session), entry.size)

    def _disown(self, path: str, session: str | None) -> None:
        """Of one visit no longer; it is deleted if it was the only one."""
        entry = self._entries[path]
        if session in entry.sessions:
            entry.sessions.discard(session)
            self._change(entry, ("session", session), -entry.size)
        if not entry.sessions:
            self._remove(path)

    def _drop_old_answers(self, caller: Caller, new: Collection[str]) -> None:
        """Delete the oldest answers, except the `new` ones, until the caller's fit, and all together; where the disk
        is full, all older ones of the caller."""
        bounds: dict[tuple[str, str], int] = {}
        if caller.session:
            bounds["session", caller.session] = limits.MOST_VISIT_ANSWER_BYTES
        if not limits.addresses_are_shared():
            bounds["address", caller.address] = limits.MOST_ADDRESS_ANSWER_BYTES
        if bounds and shutil.disk_usage(self.folder).free < limits.LEAST_FREE_BYTES:
            bounds[next(iter(bounds))] = 0
        for key, most in [*bounds.items(), (("all", ""), limits.MOST_ANSWER_BYTES)]:
            answers = ("answers of", *key)
            if self._bytes[answers] <= most:
                continue
            old = [one for one, entry in self._entries.items() if not entry.upload and _counts(entry, key)]
            for path in (one for one in old if one not in new):  # in the order they came
                if self._bytes[answers] <= most:
                    break
                if key[0] == "session":
                    self._disown(path, caller.session)
                else:
                    self._remove(path)

    def _change(self, entry: Entry, key: tuple[str, str | None], change: int) -> None:
        self._count(key, change)
        if not entry.upload:
            self._count(("answers of", *key), change)

    def _remove(self, path: str) -> None:
        entry = self._entries.pop(path)
        for key in [("all", ""), ("address", entry.address), *(("session", s) for s in entry.sessions)]:
            self._change(entry, key, -entry.size)
        self._removed.append(path)

    def _count(self, key: tuple[str, ...], change: int) -> None:
        self._bytes[key] += change
        if self._bytes[key] <= 0:
            del self._bytes[key]

    def _make_room(self, count: int) -> None:
        """Delete the oldest uploads that no event named, until so many bytes fit; none where they would not."""
        limit = self._clock() - limits.MAKE_ROOM_SECONDS
        least = self._bytes["all", ""] + count - limits.MOST_TEMP_BYTES
        freed, spare = 0, []
        for path, entry in self._entries.items():  # in the order they came
            if entry.made >= limit or freed >= least + limits.MOST_TEMP_BYTES // 128:  # asked by every piece
                break
            if self._untouched(entry):
                spare.append(path)
                freed += entry.size
        if freed < least:
            raise InputError(NO_ROOM)
        for path in spare:
            self._remove(path)


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def _counts(entry: Entry, key: tuple[str, str | None]) -> bool:
    """Whether an entry is among those that a key of the ledger's counts stands for."""
    kind, name = key
    return kind == "all" or (name in entry.sessions if kind == "session" else name == entry.address)


def _cost(path: str) -> int:
    """Bytes that a file takes of the disk, and more: many tiny ones fill it too, and the memory that knows them."""
    return os.path.getsize(path) + LEAST_COST


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())
