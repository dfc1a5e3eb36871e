"""Which answers are compressed: none that is a visitor's file."""

from __future__ import annotations

from typing import Any

from gradio.brotli_middleware import BrotliMiddleware

FILE = "/gradio_api/file="

_excluded = BrotliMiddleware._is_handler_excluded


def _is_excluded(middleware: BrotliMiddleware, scope: dict[str, Any]) -> bool:
    return scope.get("path", "").startswith(FILE) or _excluded(middleware, scope)


def compress_no_files() -> None:
    """Gradio compresses what has the name of a text, in the event loop: 20 MB of two letters took it a minute for each
    request, in which everybody waited. Parts of a file would come as if they were a file. Calling it again changes
    nothing."""
    BrotliMiddleware._is_handler_excluded = _is_excluded
