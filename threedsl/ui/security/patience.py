"""How long the server waits for what a client sends, a request's head, its body and the next piece of it, and for a
client to take an answer; how much it keeps of what is sent too early; and how small the chunks of a body may be."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

from starlette.types import Message, Receive
from uvicorn.protocols.http.h11_impl import H11Protocol, h11

from threedsl.errors import InputError
from threedsl.ui.security import limits
from threedsl.ui.security.connections import REFUSAL, Connections

MOST_HEAD_BYTES = 64 * 2**10  # of a request's head, as uvicorn bounds it
SMALL = (
    f"The request's body comes in chunks of less than {limits.LEAST_CHUNK_BYTES} bytes; send larger ones, or the body "
    "with a Content-Length."
)
# h11's own pattern shares a run of spaces out between those before a value and those after it in every possible way, so
# that one of 64 kB before a byte that no value may hold takes half a minute of everybody's time. The same lines match
# this one, by which all spaces at the beginning are before the value.
HEADER = re.compile(
    rb"(?P<field_name>[-!#$%&'*+.^_`|~0-9a-zA-Z]+):[ \t]*(?![ \t])"
    rb"(?P<field_value>(?:[^\x00\s]+(?:[ \t]+[^\x00\s]+)*)?)[ \t]*"
)
h11._readers.header_field_re = HEADER  # h11 offers no way to choose it


class TooSlow(InputError):
    """A body that stalls, or takes too long in all."""


def in_time(receive: Receive) -> Receive:
    """A `receive` for the body of one request, which does not wait for ever; the time begins now.

    It raises TooSlow.
    """
    end = time.monotonic() + limits.MOST_BODY_SECONDS

    async def timed() -> Message:
        left = end - time.monotonic()
        try:
            return await asyncio.wait_for(receive(), max(0.0, min(left, limits.MOST_STALL_SECONDS)))
        except (TimeoutError, asyncio.TimeoutError):
            long = left <= limits.MOST_STALL_SECONDS
            words = f"took longer than {limits.MOST_BODY_SECONDS // 60} minutes"
            stalled = f"stalled for {limits.MOST_STALL_SECONDS} seconds"
            raise TooSlow(f"The request {words if long else stalled}; send it again.") from None

    return timed


class LargeChunks(h11.Connection):
    """One side of HTTP that takes chunks of at least LEAST_CHUNK_BYTES on average, after the first few of a body: each
    chunk costs as much as a small request, while nobody else is answered."""

    too_small = False

    def next_event(self) -> Any:
        """As h11's.

        Raises:
            h11.RemoteProtocolError: also where the chunks are too small.
        """
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = self._bytes = 0
        elif isinstance(event, h11.Data) and event.chunk_start:
            self._chunks += 1
        if isinstance(event, h11.Data):
            self._bytes += len(event.data)
            spare = self._chunks - limits.FREE_CHUNKS
            if event.chunk_end and spare * limits.LEAST_CHUNK_BYTES > self._bytes:
                self.too_small = True
                raise h11.RemoteProtocolError(SMALL)
        return event


def bound_connections(config: Any, connections: Connections) -> None:
    """Make a server, by its uvicorn.Config, speak the protocol below and no other: a connection that became a
    websocket, where a library for those is installed, would be counted for ever."""
    config.http_protocol_class = with_limits(connections)
    config.ws_protocol_class = None


def with_limits(connections: Connections) -> type:
    """uvicorn's protocol class that also ends a connection whose request's head does not arrive in time, whose client
    takes nothing of an answer or sends much before it has the answer to what it sent, and one that is one too many.
    uvicorn itself would wait for ever, and keep everything.

    It is always h11's, which bounds a request's head and whose buffer can be measured.
    """

    class InTime(H11Protocol):
        _late: asyncio.TimerHandle | None = None
        _stuck: asyncio.TimerHandle | None = None
        _address: str | None = None  # that the connection is counted under

        def __init__(self, *arguments: Any, **options: Any):
            super().__init__(*arguments, **options)
            self.conn = LargeChunks(h11.SERVER, MOST_HEAD_BYTES)

        def send_400_response(self, msg: str) -> None:
            if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):  # in the middle of an answer
                return self.transport.abort()
            super().send_400_response(SMALL if self.conn.too_small else msg)

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            peer = transport.get_extra_info("peername")
            address = str(peer[0]) if isinstance(peer, tuple | list) else ""
            if connections.open(address):
                self._address = address
                return self._watch()
            transport.write(REFUSAL)
            transport.close()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            # It reads on whenever an answer asks whether its client is still there, which some do all the time.
            if len(self.conn.trailing_data[0]) > limits.MOST_EARLY_BYTES:
                self.transport.abort()
            self._watch()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._wait_for_client()
            connections.wait(self.transport, self._address or "")

        def resume_writing(self) -> None:
            self._stop_waiting()
            connections.go_on(self.transport)
            super().resume_writing()

        def connection_lost(self, error: Exception | None) -> None:
            self._stop_watch()
            self._stop_waiting()
            connections.go_on(self.transport)
            if self._address is not None:
                connections.close(self._address)
                self._address = None
            super().connection_lost(error)

        def _watch(self) -> None:
            """Start the clock where a head is awaited; a head that comes in pieces does not start it again."""
            if self.cycle is not None and not self.cycle.response_complete:
                self._stop_watch()
            elif self._late is None:
                self._late = self.loop.call_later(limits.MOST_HEAD_SECONDS, self._end)

        def _stop_watch(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

        def _end(self) -> None:
            self._late = None
            if (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing():
                self.transport.close()

        def _wait_for_client(self) -> None:
            left = self.transport.get_write_buffer_size()
            self._stuck = self.loop.call_later(limits.MOST_UNTAKEN_SECONDS, self._end_unread, left)

        def _stop_waiting(self) -> None:
            if self._stuck is not None:
                self._stuck.cancel()
                self._stuck = None

        def _end_unread(self, before: int) -> None:
            """End the connection where nothing was taken since so many bytes were left."""
            if self.transport.get_write_buffer_size() >= before:
                return self.transport.abort()
            self._wait_for_client()

    return InTime
