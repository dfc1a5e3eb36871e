"""Gradio's queue, shared out fairly: no visitor fills it alone, and visitors with nothing running come first."""

from __future__ import annotations

from collections import Counter
from typing import Any

from gradio.queueing import Event, Queue

from threedsl.ui.security import limits
from threedsl.ui.security.tools import is_of_tools

FULL = f"{limits.MOST_WAITING} requests are already waiting; try again in a minute."
YOURS = "You have too many requests waiting; try again once some of them have been answered."
KEPT_SESSIONS = 1000  # whose events are remembered at least
KEPT_RECORDS = 100  # of finished events; Gradio makes a table of all of them after each
NO_EVENT = "This page has no such event; reload it."


class FairQueue(Queue):
    """Bounded for each visit and each client address; the sentences are for visitors."""

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
        done, told, kind = await super().push(body, request, username)
        return done, FULL if kind == "queue_full" else told, kind

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


def runs_here(page: Any, number: Any) -> bool:
    """Whether a page has an event of this number that does anything on the server; others run in the browser alone."""
    return number in page.fns and page.fns[number].fn is not None


def address_of(request: Any) -> str:
    """The client's address of a Starlette or Gradio request, "" where it has none."""
    client = getattr(request, "client", None)
    return getattr(client, "host", None) or ""
