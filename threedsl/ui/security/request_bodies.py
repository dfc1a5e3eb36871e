"""Calls' bodies, which are held in memory until they are answered: how many bytes of them there may be at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.requests import Request
from starlette.types import Message, Receive, Scope

from threedsl.errors import InputError
from threedsl.ui.security import limits

LARGE = f"A call may have {limits.MOST_CALL_BYTES // 2**20} MB at most; upload pictures first."
BUSY = "The server is receiving too many large calls right now; try again in a minute."


class Busy(InputError):
    """There is no room for another call."""


class RequestBodies:
    """What is held, by the address it comes from; used by the event loop's thread alone."""

    def __init__(self) -> None:
        self._bytes: Counter[str] = Counter()

    @property
    def held(self) -> int:
        """Bytes of all bodies."""
        return self._bytes.total()

    @contextmanager
    def receiving(self, address: str) -> Iterator[Callable[[int], None]]:
        """Count a body while it is in memory.

        Yields:
            A function to call with the number of bytes that came. It raises Busy where there is no room.
        """
        mine = 0

        def take(count: int) -> None:
            nonlocal mine
            theirs = self._bytes[address] + count > limits.MOST_ADDRESS_BODY_BYTES
            if self.held + count > limits.MOST_BODY_BYTES or (theirs and not limits.addresses_are_shared()):
                raise Busy(BUSY)
            self._bytes[address] += count
            mine += count

        try:
            yield take
        finally:
            self._bytes[address] -= mine
            if self._bytes[address] <= 0:
                del self._bytes[address]


async def read_body(request: Request, most: int, take: Callable[[int], None]) -> bytes:
    """The whole body, of which `take` counts every piece.

    Raises:
        InputError: it has more than `most` bytes, or there is no room for it; ClientDisconnect.
    """
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > most:
            raise InputError(LARGE)
        take(len(part))
        parts.append(part)
    return b"".join(parts)


def with_length(scope: Scope, length: int) -> Scope:
    """The scope of a request whose body has another length now."""
    headers = [pair for pair in scope["headers"] if pair[0] not in (b"content-length", b"transfer-encoding")]
    return {**scope, "headers": [*headers, (b"content-length", str(length).encode())]}


def replaying(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, and then whatever comes next, such as the disconnection."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
