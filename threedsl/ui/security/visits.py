"""Which pages are open, and what Gradio remembers of each visit. A made-up session is dropped first."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from gradio.state_holder import SessionState, StateHolder

from threedsl.errors import InputError
from threedsl.ui.security import limits
from threedsl.ui.security.weight import weight

TOO_MANY = "This page is open too many times; close some of the copies and reload it."


class OpenPages:
    """Sessions whose page tells by its heartbeat that it is open; its methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()

    def __contains__(self, session: object) -> bool:
        return session in self._sessions

    @contextmanager
    def opened(self, session: str, address: str) -> Iterator[None]:
        """Count a page as open.

        Raises:
            InputError: there are too many, in all or from this address.
        """
        with self._lock:
            crowded = self._sessions.total() >= limits.MOST_OPEN_PAGES
            mine = self._addresses[address] >= limits.MOST_OPEN_PAGES_PER_ADDRESS
            if crowded or (mine and not limits.addresses_are_shared()):
                raise InputError(TOO_MANY)
            self._sessions[session] += 1
            self._addresses[address] += 1
        try:
            yield
        finally:
            with self._lock:
                for counter, key in ((self._sessions, session), (self._addresses, address)):
                    counter[key] -= 1
                    if not counter[key]:
                        del counter[key]


class Running:
    """Events that run, by visit, so that one whose visit ends before it does can tell; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._visits: dict[object, str | None] = {}  # of each event
        self._ended: set[object] = set()

    @contextmanager
    def running(self, session: str | None) -> Iterator[Callable[[], bool]]:
        """Count an event as running; what is yielded tells whether its visit has ended since."""
        event = object()
        with self._lock:
            self._visits[event] = session
        try:
            yield lambda: event in self._ended
        finally:
            with self._lock:
                del self._visits[event]
                self._ended.discard(event)

    def end(self, session: str) -> None:
        """The visit ends: whatever runs for it now leaves nothing behind."""
        with self._lock:
            self._ended.update(event for event, visit in self._visits.items() if visit == session)


class Visit(SessionState):
    """What Gradio remembers of a visit, without the description of the page as the visitor sees it: that is for deep
    links, which do not exist here, and making one holds up all requests for a tenth of a second."""

    def __init__(self, blocks: Any):
        super().__init__(SimpleNamespace(default_config=blocks.default_config, blocks=()))

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Nothing is kept of what components show."""


class States(StateHolder):
    """Gradio's memory of visits; where it is full, those without an open page go first, so that calls with made-up
    sessions push out each other and no visitor: the least recently used of them where there are too many, and after
    them the largest where they take too much memory."""

    def __init__(self, is_open: Callable[[str], bool], capacity: int = limits.MOST_SESSIONS):
        super().__init__()
        self.capacity = capacity
        self._is_open = is_open
        self._weights: Counter[str] = Counter()

    def __getitem__(self, session_id: str) -> Visit:
        """A session, which is new where it is not known."""
        if session_id not in self.session_data:
            self.session_data[session_id] = Visit(self.blocks)
        return super().__getitem__(session_id)

    def update(self, session_id: str) -> None:
        """Count a session as just used, and forget others where there are too many."""
        with self.lock:
            if session_id in self.session_data:
                self.session_data.move_to_end(session_id)
            while len(self.session_data) > self.capacity:
                others = [session for session in self.session_data if session != session_id]
                if not others:
                    return
                self._drop(next((one for one in others if not self._is_open(one)), others[0]))

    def weigh(self, session_id: str | None) -> None:
        """Measure what an event has left of a session, and forget others where all of them take too much memory."""
        state = self.session_data.get(session_id)
        if state is None:
            return
        shown = [config.get("props", {}).get("value") for config in list(state.config_values.values())]
        found = weight([dict(state.state_data), shown])
        with self.lock:
            if session_id in self.session_data:
                self._weights[session_id] = found
            while self._weights.total() > limits.MOST_STATE_BYTES:
                others = [session for session in self.session_data if session != session_id]
                if not others:
                    return
                closed = next((one for one in others if not self._is_open(one)), None)
                self._drop(closed or max(others, key=self._weights.__getitem__))

    def drop(self, session_id: str | None) -> None:
        """Forget one session now."""
        with self.lock:
            self._drop(session_id)

    def _drop(self, session_id: str | None) -> None:
        self.session_data.pop(session_id, None)
        self.time_last_used.pop(session_id, None)
        self._weights.pop(session_id, None)
