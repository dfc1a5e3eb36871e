"""Calls' bodies, which are held in memory until they are answered: how many bytes of them there may be at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from threedsl.errors import InputError
from threedsl.ui.security import limits

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
