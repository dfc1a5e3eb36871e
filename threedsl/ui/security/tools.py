"""Pictures inside the calls of MCP tools, which come as text and last as long as the call.

Gradio writes each to its cache, where nothing counts it, and then uploads it to its own page under one session for all
callers. Here it is written once, counted as the others are, and deleted when the call has been answered. Until then the
call waits without a thread.
"""

from __future__ import annotations

import asyncio
import base64
import mimetypes
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from threedsl.errors import InputError
from threedsl.ui.security import limits
from threedsl.ui.security.ledger import Ledger
from threedsl.ui.security.payload import ADDRESS, is_address

NOT_TEXT = "A picture must be given to a tool as a data: address; paths and other text are not read."

_Call = tuple[str, list[str]]  # the caller's address, and the files written for the call
_current: ContextVar[_Call | None] = ContextVar("call", default=None)


class ToolCalls:
    """Which addresses have calls being answered: to Gradio's queue all callers of tools are one visit."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def has_room(self, address: str) -> bool:
        """Whether one more call from this address may be answered; used by the event loop's thread alone."""
        return limits.addresses_are_shared() or self._open[address] < limits.MOST_TOOL_CALLS_PER_ADDRESS

    @contextmanager
    def answering(self, ledger: Ledger, address: str) -> Iterator[None]:
        """While a call is answered; see `tool_call`."""
        self._open[address] += 1
        try:
            with tool_call(ledger, address):
                yield
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]


@contextmanager
def tool_call(ledger: Ledger, address: str) -> Iterator[None]:
    """While a tool's call from this address is answered; what was written for it is deleted at its end."""
    files: list[str] = []
    token = _current.set((address, files))
    try:
        yield
    finally:
        _current.reset(token)
        for path in files:
            ledger.delete(path)


def keep_in_ledger(server: Any, ledger: Ledger) -> None:
    """Make Gradio's MCP server give its tools files of the ledger."""

    def files_from_text(value: Any, positions: Sequence[Sequence[str | int]]) -> Any:
        return _with_files(value, [], positions, ledger)

    server.convert_strings_to_filedata = files_from_text


def wait_without_thread(server: Any) -> None:
    """Make Gradio's MCP server wait for the answers to its tools' calls in the event loop.

    It would hold one of the process's forty threads for each. Events, uploads and files need one of these as well, so
    that forty calls at a time stopped the page, themselves included.
    """

    async def answer_of(job: Any) -> list[Any]:
        return [await asyncio.wrap_future(job.future)]

    server._execute_tool_without_progress = answer_of


def is_of_tools(page: Any, session: str | None) -> bool:
    """Whether this is the one session in which Gradio's MCP server calls the page for everybody who uses it."""
    client = getattr(getattr(page, "mcp_server_obj", None), "_client_instance", None)
    return client is not None and session is not None and client.session_hash == session


def _with_files(
    value: Any, place: list[str | int], positions: Sequence[Sequence[str | int]], ledger: Ledger
) -> Any:
    if isinstance(value, dict):
        return {key: _with_files(one, [*place, key], positions, ledger) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_files(one, [*place, i], positions, ledger) for i, one in enumerate(value)]
    return _written(value, ledger) if isinstance(value, str) and place in positions else value


def _written(text: str, ledger: Ledger) -> dict[str, str]:
    """A picture's file, as Gradio describes files; without the mark by which its client would upload it once more."""
    call = _current.get()
    if call is None or not text.startswith("data:"):
        raise InputError(ADDRESS if is_address(text) else NOT_TEXT)
    address, files = call
    head, _, coded = text.partition(",")
    try:
        data = base64.b64decode(coded)
    except ValueError:
        data = b""
    if not data:
        raise InputError(NOT_TEXT)
    folder = ledger.new_folder()
    path = folder / f"picture{mimetypes.guess_extension(head[5:].partition(';')[0]) or ''}"
    with ledger.receiving(address) as take:
        take(len(data))
        folder.mkdir(parents=True)
        files.append(str(path))
        path.write_bytes(data)
        ledger.uploaded(str(path), address)
    return {"path": str(path)}
