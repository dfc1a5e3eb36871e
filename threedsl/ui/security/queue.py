"""Gradio's queue, shared out fairly: no visitor fills it alone, and visitors with nothing running come first. Unfetched
answers are bounded."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from gradio.queueing import Event, Queue
from gradio.utils import LRUCache
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from threedsl.ui.security import limits
from threedsl.ui.security.tools import is_of_tools
from threedsl.ui.security.weight import weight

FULL = f"{limits.MOST_WAITING} requests are already waiting; try again in a minute."
YOURS = "You have too many requests waiting; try again once some of them have been answered."
KEPT_SESSIONS = 1000  # whose events are remembered at least
KEPT_RECORDS = 100  # of finished events; Gradio makes a table of all of them after each
LEAST_MESSAGE = 2048  # bytes of memory per message, on top of its content
NO_EVENT = "This page has no such event; reload it."

log = logging.getLogger(__name__)


class Outbox(asyncio.Queue):
    """The next messages of a session, and the memory they take in bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0
        self.address = ""  # of the latest call
        self._asked = -float("inf")

    @property
    def is_read(self) -> bool:
        """Whether somebody reads the session's stream: it asks again every ten seconds."""
        return time.monotonic() - self._asked < limits.UNREAD_SECONDS

    async def get(self) -> Any:
        """The next message."""
        self._asked = time.monotonic()
        return await super().get()

    def _put(self, message: Any) -> None:
        size = LEAST_MESSAGE + weight(getattr(message, "output", None))
        self.bytes += size
        super()._put((message, size))

    def _get(self) -> Any:
        message, size = super()._get()
        self.bytes -= size
        return message


class Outboxes(LRUCache):
    """Those of all sessions. Gradio keeps the latest 2,000 and everything that is in them, although a call whose answer
    nobody wants leaves it there for good; here those that are being read stay, and the others are bounded."""

    def __setitem__(self, session: str, _: Any) -> None:
        if session not in self and len(self) >= self.max_size:
            del self[next((one for one, box in self.items() if not box.is_read), next(iter(self)))]
        super().__setitem__(session, Outbox())

    def drop_unread(self) -> list[str]:
        """Forget the oldest answers, first of the address with the most and first unread ones, until the
        rest is within the limit; of which sessions."""
        dropped = []
        while sum(box.bytes for box in self.values()) > limits.MOST_UNREAD_BYTES:
            full = {session: box for session, box in self.items() if box.bytes}
            unread = {session: box for session, box in full.items() if not box.is_read} or full
            held: Counter[str] = Counter()
            for box in unread.values():
                held["" if limits.addresses_are_shared() else box.address] += box.bytes
            most = max(held, key=held.__getitem__)
            dropped.append(next(one for one, box in unread.items() if most in ("", box.address)))
            del self[dropped[-1]]
        return dropped


class FairQueue(Queue):
    """Bounded for each visit and each client address; the sentences are for visitors."""

    @classmethod
    def take_over(cls, queue: Queue) -> None:
        """Make Gradio's queue, which it offers no way to choose, one of these before it is used."""
        queue.__class__ = cls
        queue.ANALYTICS_MAX_EVENTS = KEPT_RECORDS
        queue.pending_messages_per_session = Outboxes(queue.pending_messages_per_session.max_size)

    async def push(self, body: Any, request: Any, username: str | None) -> tuple[bool, Any, str]:
        """Queue a call; (False, sentence, kind) where it is refused."""
        if not runs_here(self.blocks, body.fn_index):
            return False, NO_EVENT, "error"
        waiting = [event for queue in self.event_queue_per_concurrency_id.values() for event in queue.queue]
        session, address = body.session_hash, address_of(request)
        visit = sum(session is not None and event.session_hash == session for event in waiting)
        client = sum(address_of(event.request) == address for event in waiting)
        crowded = client >= limits.MOST_WAITING_PER_ADDRESS and not limits.addresses_are_shared()
        most = (
            limits.MOST_WAITING_BY_TOOLS
            if is_of_tools(self.blocks, session)
            else limits.MOST_WAITING_PER_VISIT
        )
        if visit >= most or crowded:
            return False, YOURS, "queue_full"
        self._forget_delivered()
        done, sentence, kind = await super().push(body, request, username)
        if (box := self.pending_messages_per_session.get(body.session_hash)) is not None:
            box.address = address
            self.pending_messages_per_session.move_to_end(body.session_hash)
        return done, FULL if kind == "queue_full" else sentence, kind

    def send_message(self, event: Event, event_message: Any) -> None:
        """As Gradio's, where anybody may still read it."""
        if event.session_hash not in self.pending_messages_per_session:
            return
        super().send_message(event, event_message)
        if getattr(event_message, "output", None):
            for session in self.pending_messages_per_session.drop_unread():
                self.pending_event_ids_session.pop(session, None)

    def forget_call(self, event_id: str) -> None:
        """Nothing more comes of a call without a session that was answered; Gradio would let a second request for its
        answer wait for ever."""
        if not self.pending_event_ids_session.get(event_id):
            self.pending_messages_per_session.pop(event_id, None)

    def _forget_delivered(self) -> None:
        """Gradio keeps a set for every session that ever asked; those of calls that were answered go here."""
        pending = self.pending_event_ids_session
        if len(pending) > 2 * KEPT_SESSIONS:
            for session in list(pending)[:-KEPT_SESSIONS]:
                if not pending[session] or session not in self.pending_messages_per_session:
                    del pending[session]

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """Next event: of those that wait, the first of the visit, then of the address, that has the fewest running."""
        running = [event for job in self.active_jobs if job for event in job]
        visits = Counter(event.session_hash for event in running)
        clients = Counter(address_of(event.request) for event in running)
        for queue in self.event_queue_per_concurrency_id.values():
            # Stable: the first to come stays first among equals.
            queue.queue.sort(
                key=lambda event: (visits[event.session_hash], clients[address_of(event.request)])
            )
        return super().get_events()


class Noting:
    """A `send` that notes whether an answer has begun."""

    def __init__(self, send: Send):
        self.started = False
        self._send = send

    async def __call__(self, message: Message) -> None:
        self.started = True
        await self._send(message)


async def answer_stream(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Pass a request for a session's answers on to Gradio. Where another request of the session ended, or the answers
    were dropped, it ends with an exception, which goes no further."""
    noting = Noting(send)
    try:
        await app(scope, receive, noting)
    except Exception as error:
        if not noting.started or not all(isinstance(one, HTTPException | KeyError) for one in _each(error)):
            raise
        log.info("the answers of a session are no longer there: %r", error)
        with suppress(Exception):  # the client may have disconnected
            await send({"type": "http.response.body", "body": b""})


def _each(error: BaseException) -> Iterator[BaseException]:
    """The errors in a group, or the one; Starlette puts another one around those that come after an answer began."""
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, HTTPException):
        error = error.__cause__
    inside = getattr(error, "exceptions", None)
    if inside is None:
        yield error
    for one in inside or ():
        yield from _each(one)


def runs_here(page: Any, number: Any) -> bool:
    """Whether a page has an event of this number that does anything on the server; others run in the browser alone."""
    return number in page.fns and page.fns[number].fn is not None


def address_of(request: Any) -> str:
    """The client's address of a Starlette or Gradio request, "" where it has none."""
    client = getattr(request, "client", None)
    return getattr(client, "host", None) or ""
