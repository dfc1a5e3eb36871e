"""How many connections are open, and how much of their answers waits in memory: a client that only opens them, or takes
no answers, could otherwise use up the file descriptors or the memory."""

from __future__ import annotations

import asyncio
import os
from collections import Counter

from threedsl.ui.security import limits

# file descriptors per connection: itself, the upload it brings, and room for the rest of the page
RESERVED = 4
FULL = "Too many connections are open; close some, or try again in a minute."
_TOLD = (
    f"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(FULL)}\r\n"
    f"Connection: close\r\n\r\n{FULL}"
)
REFUSAL = _TOLD.encode()


class Connections:
    """The open ones, by the address they come from; used by the event loop's thread alone."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._waiting: dict[asyncio.Transport, str] = {}  # those whose client takes less than is written
        self._most = allow_many_files() // RESERVED

    def open(self, address: str) -> bool:
        """Count one more; False, and nothing is counted, where there are too many, in all or from this address."""
        mine = self._open[address] >= limits.MOST_CONNECTIONS_PER_ADDRESS
        if self._open.total() >= min(limits.MOST_CONNECTIONS, self._most) or (
            mine and not _come_through_proxies()
        ):
            return False
        self._open[address] += 1
        return True

    def close(self, address: str) -> None:
        """Count one less."""
        self._open[address] -= 1
        if self._open[address] <= 0:
            del self._open[address]

    def wait(self, transport: asyncio.Transport, address: str) -> None:
        """Note that the client of a connection has to take what was written. Where all of these leave too much, the one
        with the most ends, first of the address with the most."""
        self._waiting[transport] = address
        while True:
            left = {one: one.get_write_buffer_size() for one in self._waiting}
            if sum(left.values()) <= limits.MOST_UNSENT_BYTES:
                return
            of_address: Counter[str] = Counter()
            for one, size in left.items():
                of_address["" if _come_through_proxies() else self._waiting[one]] += size
            most = max(of_address, key=of_address.__getitem__)
            largest = max((one for one in left if most in ("", self._waiting[one])), key=left.__getitem__)
            del self._waiting[largest]
            largest.abort()

    def go_on(self, transport: asyncio.Transport) -> None:
        """The client took most of it, or is gone."""
        self._waiting.pop(transport, None)


def _come_through_proxies() -> bool:
    """Whether the visitors' connections end at a proxy, so that all of them come from its address."""
    return limits.addresses_are_shared() or bool(os.environ.get("FORWARDED_ALLOW_IPS"))


def allow_many_files() -> int:
    """Raise this process's own limit of open files as far as needed and allowed; what it is then."""
    needed = RESERVED * limits.MOST_CONNECTIONS
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return needed
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    return needed if soft == resource.RLIM_INFINITY else soft
