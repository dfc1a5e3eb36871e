"""Which pages are open, and what Gradio remembers of each visit. A made-up session is dropped first."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from gradio.state_holder import SessionState, StateHolder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from threedsl.errors import InputError
from threedsl.ui.security import limits
from threedsl.ui.security.weight import weight

TOO_MANY = "This page is open too many times; close some of the copies and reload it."
BEATS = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/event-stream; charset=utf-8")],
}
BEAT_SECONDS = 15.0  # between two beats
LOOK_SECONDS = 5.0  # between two looks at how long a page has been silent


@dataclass
class OpenPage:
    """The page of one visit; `closed` once the visit ends."""

    address: str
    sign: float  # seconds of the clock at which it was last heard of
    connections: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task | None = None

    def silence(self, now: float) -> float:
        """Seconds for which nothing was heard of it."""
        return 0.0 if self.connections else now - self.sign


class OpenPages:
    """Pages that are open: by the heartbeat, a request that is answered as long as the page is there, and where that
    breaks, as on a phone that sleeps, by keep-alives. A visit ends once its page says that it is being closed, or
    after MOST_SILENT_SECONDS without either. For the server's event loop alone, except `in`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.losing: Callable[[], Callable[[str], bool]] = lambda: lambda session: False
        """Gives what tells whether a visit would lose anything; asked once for all visits."""
        self._clock = clock
        self._pages: dict[str, OpenPage] = {}
        self._connections: Counter[str] = Counter()  # of each address

    def __contains__(self, session: object) -> bool:
        page = self._pages.get(session)
        return page is not None and page.silence(self._clock()) < limits.SIGN_SECONDS

    async def follow(
        self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, session: str, address: str
    ) -> None:
        """Answer a heartbeat for as long as it lasts. Gradio's own, which ends the visit when it ends, lasts longer.

        Raises:
            InputError: too many pages are open, in all or from this address.
        """
        crowded = self._connections.total() >= limits.MOST_OPEN_PAGES
        mine = self._connections[address] >= limits.MOST_OPEN_PAGES_PER_ADDRESS
        if crowded or (mine and not limits.addresses_are_shared()):
            raise InputError(TOO_MANY)
        page = self._pages.get(session)
        if page is None or page.closed.is_set():
            page = self._pages[session] = OpenPage(address, self._clock())
            page.task = asyncio.create_task(self._visit(session, page, app, scope))
            self._end_the_most_silent(address)
        page.connections += 1
        self._connections[address] += 1
        try:
            await beat(page.closed, receive, send)
        finally:
            page.connections -= 1
            page.sign = self._clock()
            self._connections -= Counter({address: 1})
            self._end_the_most_silent(page.address)
        if page.closed.is_set():
            await page.task

    def heard_of(self, session: str) -> bool:
        """Note a keep-alive; whether there is such a visit."""
        page = self._pages.get(session)
        if page is None or page.closed.is_set():
            return False
        page.sign = self._clock()
        return True

    def close(self, session: str) -> bool:
        """End a visit now; whether there was one."""
        page = self._pages.get(session)
        if page is not None:
            page.closed.set()
        return page is not None

    async def _visit(self, session: str, page: OpenPage, app: ASGIApp, scope: Scope) -> None:
        """Gradio's heartbeat, whose answer goes nowhere, until the page is closed or silent for too long."""

        async def until_closed() -> Message:
            while page.silence(self._clock()) < limits.MOST_SILENT_SECONDS:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(page.closed.wait(), LOOK_SECONDS)
                    break
            page.closed.set()
            return {"type": "http.disconnect"}

        async def unheard(message: Message) -> None:
            pass

        try:
            await app(scope, until_closed, unheard)
        finally:
            page.closed.set()
            if self._pages.get(session) is page:
                del self._pages[session]

    def _end_the_most_silent(self, address: str) -> None:
        """Where pages with and without a connection are too many, one of those without goes; first those of visits that
        lose nothing, for a caller who opens and leaves hundreds of pages should not end the visits of others."""
        there = {name: page for name, page in self._pages.items() if not page.closed.is_set()}
        mine = {name: page for name, page in there.items() if page.address == address}
        for pages, most in ((there, limits.MOST_OPEN_PAGES), (mine, limits.MOST_OPEN_PAGES_PER_ADDRESS)):
            if len(pages) <= most or (pages is mine and limits.addresses_are_shared()):
                continue
            loses = self.losing()
            silent = [name for name, page in pages.items() if not page.connections]
            if silent:
                pages[min(silent, key=lambda name: (loses(name), pages[name].sign))].closed.set()


async def beat(closed: asyncio.Event, receive: Receive, send: Send) -> None:
    """Say every few seconds that the server is there, until the client is gone or the visit ends."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    ends = [asyncio.ensure_future(gone()), asyncio.ensure_future(closed.wait())]
    try:
        await send(BEATS)
        while not any(end.done() for end in ends):
            await send({"type": "http.response.body", "body": b"data: ALIVE\n\n", "more_body": True})
            await asyncio.wait(ends, timeout=BEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        await send({"type": "http.response.body"})
    finally:
        for end in ends:
            end.cancel()


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
