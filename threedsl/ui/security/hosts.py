"""Under which names the page answers: another web site must not reach a page that listens on loopback only
by pointing its own name there (DNS rebinding)."""

from __future__ import annotations

import fnmatch
import ipaddress
import os
import re

_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")
VARIABLE = "THREEDSL_HOSTS"  # names separated by commas; * matches any part: demo.example.org,*.gradio.live


def is_loopback(name: str) -> bool:
    """Whether a host name or address means this machine."""
    bare = name.strip("[]")
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


class Hosts:
    """The names that may stand in a request's Host, X-Forwarded-Host and Origin."""

    def __init__(self, bound: str | None = None, named: str | None = None):
        """bound: what the server listens on, GRADIO_SERVER_NAME or 127.0.0.1 by default. named: by default what
        THREEDSL_HOSTS lists; where it lists any, no others are answered whatever the server listens on."""
        bound = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1") if bound is None else bound
        named = os.environ.get(VARIABLE, "") if named is None else named
        self.patterns = [name.strip().lower() for name in named.split(",") if name.strip()]
        self.open = not is_loopback(bound) and not self.patterns

    def allows(self, host: str) -> bool:
        """host: as in the Host header, with or without a port."""
        if self.open:
            return True
        name = host_name(host)
        return bool(name) and (
            is_loopback(name) or any(fnmatch.fnmatchcase(name, pattern) for pattern in self.patterns)
        )

    def allows_origin(self, origin: str, host: str) -> bool:
        """origin: as browsers send it with a POST; the page's own, another allowed one, or any where all are."""
        name = host_name(origin.partition("://")[2])
        return self.open or (bool(name) and (name == host_name(host) or self.allows(name)))


def host_name(host: str) -> str:
    """The name in a Host header, in lower case, without the port; "" where it is none.

    What is neither a name nor an address is none, although programs read a name out of it, each another one.
    """
    found = _HOST.fullmatch(host)
    if found is None:
        return ""
    name = found[1].lower().rstrip(".")
    if name.startswith("["):
        try:
            ipaddress.IPv6Address(name.strip("[]"))
        except ValueError:
            return ""
    return name
