"""Who is asking: the page's session and the address the request came from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """session: Gradio's session of a visit; None where a call stands alone, as plain HTTP calls do."""

    session: str | None = None
    address: str = ""  # as uvicorn gives it: a proxy's word counts only where FORWARDED_ALLOW_IPS says so


NO_CALLER = Caller()
_current: ContextVar[Caller] = ContextVar("caller", default=NO_CALLER)


def current() -> Caller:
    """The caller of the event that runs now; NO_CALLER outside one."""
    return _current.get()


@contextmanager
def calling(caller: Caller) -> Iterator[None]:
    """Make `caller` the current one, in the threads that Gradio starts inside as well."""
    token = _current.set(caller)
    try:
        yield
    finally:
        _current.reset(token)
