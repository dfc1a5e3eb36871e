"""Files that an event writes: those that its answer does not name go at its end, also where it failed, or was cancelled
and goes on in its thread."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path


class Written:
    """What one event has written so far; its methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folders: list[Path] = []
        self._kept: list[Path] | None = None  # once the event has ended

    def add(self, folder: Path) -> None:
        """Note a new folder."""
        with self._lock:
            self._folders.append(folder)

    def end(self, kept: Collection[str]) -> None:
        """The event's answer is given, or will never be; it names these files."""
        with self._lock:
            self._kept = [Path(path) for path in kept]
        self.clear()

    @property
    def has_ended(self) -> bool:
        """Whether the result of the event's thread is no longer awaited."""
        return self._kept is not None

    def clear(self) -> None:
        """Delete what is not kept, once that is known."""
        with self._lock:
            if self._kept is None:
                return
            for folder in self._folders:
                if not any(path.is_relative_to(folder) for path in self._kept):
                    shutil.rmtree(folder, ignore_errors=True)


_current: ContextVar[Written | None] = ContextVar("written", default=None)


def note(folder: Path) -> None:
    """A new folder is the current event's, if there is one."""
    if (written := _current.get()) is not None:
        written.add(folder)


def is_cancelled() -> bool:
    """Whether the current event has ended before the thread that works for it."""
    return (written := _current.get()) is not None and written.has_ended


@contextmanager
def writing() -> Iterator[Callable[[Collection[str]], None]]:
    """While an event runs, in the threads that Gradio starts inside as well.

    Yields:
        A function to call with the files to keep; without that call none is kept.
    """
    written, kept = Written(), []
    token = _current.set(written)
    try:
        yield kept.extend
    finally:
        _current.reset(token)
        written.end(kept)


@contextmanager
def lasting() -> Iterator[None]:
    """What is written within is nobody's answer, and stays."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def clearing() -> Iterator[None]:
    """Around what an event's thread does, which may last longer than the event."""
    written = _current.get()
    try:
        yield
    finally:
        if written is not None:
            written.clear()
