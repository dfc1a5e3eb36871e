"""How many connections are open: a client that only opens them could otherwise use up the file descriptors."""

from __future__ import annotations

import os
from collections import Counter

from threedsl.ui.security import limits

RESERVED = (
    4  # file descriptors per connection: itself, the upload it brings, and room for the rest of the page
)
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
