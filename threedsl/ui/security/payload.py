"""What a caller sends to an event or endpoint, before anything reads it: every file in it must be the caller's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from threedsl.errors import InputError
from threedsl.ui.security.caller import Caller
from threedsl.ui.security.ledger import Ledger
from threedsl.ui.security.limits import MOST_DEPTH, MOST_FILES, MOST_VALUES

HOW = (
    "A picture must be given as a file that was uploaded first: send it to /gradio_api/upload and name the path that "
    "comes back, as docs/api.md shows; text, data: addresses and other objects are not read."
)
ADDRESS = "Web addresses are not fetched; download the picture and upload it."
DEEP = f"Lists and objects in a call may be nested at most {MOST_DEPTH} deep."
MANY = f"A call may hold {MOST_VALUES:,} values at most."
MANY_FILES = f"A call may name {MOST_FILES} files at most."
NAMES = ("session_hash", "event_id", "fn_index", "trigger_id")
BAD_NAMES = "A call's session, event and answer are named by text and numbers; see docs/api.md."
FILES = (gr.File, gr.Image, gr.UploadButton, gr.DownloadButton, gr.Model3D, gr.Gallery, gr.Audio, gr.Video)


def check_values(body: bytes) -> None:
    """Raises InputError for JSON of too many values, of which each takes time in every step of an answer; commas in
    text count as well."""
    if sum(body.count(mark) for mark in (b",", b"[", b"{")) > MOST_VALUES:
        raise InputError(MANY)


def named(call: dict[str, Any]) -> dict[str, Any]:
    """What a call says about which session, event and answer it belongs to.

    Raises:
        InputError: one of these is no text or number; the server would repeat all of it in its answer, value by value.
    """
    found = {key: call[key] for key in NAMES if key in call}
    if any(isinstance(value, dict | list) for value in found.values()):
        raise InputError(BAD_NAMES)
    return found


def check_files(body: bytes) -> None:
    """Raises InputError for a call, as JSON that Python wrote, that names too many files: each is looked at for some
    milliseconds, also where all are the same."""
    if body.count(b'"path"') > MOST_FILES:
        raise InputError(MANY_FILES)


def checked_inputs(values: Sequence[Any], blocks: Sequence[Any], ledger: Ledger, caller: Caller) -> list[Any]:
    """The inputs of an event with only such files as the caller may use, each rebuilt from what is known of it.

    Args:
        values: as they came, one for each of `blocks` or fewer.
        blocks: Gradio's components. What is sent for a gr.State is dropped: its value is the session's.

    Raises:
        InputError: too many values, a file that is not the caller's, or something else where a file belongs.
    """
    if len(values) > len(blocks):
        raise InputError(f"This takes {len(blocks)} values at most, not {len(values)}.")
    return [
        None
        if getattr(block, "stateful", False)
        else checked(value, ledger, caller, isinstance(block, FILES))
        for value, block in zip(values, blocks, strict=False)
    ]


def checked(value: Any, ledger: Ledger, caller: Caller, is_file: bool = False, depth: int = 0) -> Any:
    """One value with every file in it checked; `is_file` where nothing but files, a list of them or None belongs.

    Raises:
        InputError: as `checked_inputs`.
    """
    if depth > MOST_DEPTH:
        raise InputError(DEEP)
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return [checked(one, ledger, caller, is_file, depth + 1) for one in value]
    if isinstance(value, dict) and (is_file or {"path", "url"} & value.keys()):
        return own_file(value, ledger, caller)
    if isinstance(value, dict):
        return {key: checked(one, ledger, caller, False, depth + 1) for key, one in value.items()}
    if is_file:
        raise InputError(ADDRESS if is_address(value) else HOW)
    return value


def own_file(given: dict[str, Any], ledger: Ledger, caller: Caller) -> dict[str, Any]:
    """Gradio's description of a file, of which nothing but the path and the name is believed.

    Raises:
        InputError: the caller may not use this path, or there is none.
    """
    path, name, kind = (given.get(key) for key in ("path", "orig_name", "mime_type"))
    if is_address(path) or (not path and is_address(given.get("url"))):
        raise InputError(ADDRESS)
    if not isinstance(path, str) or not path or path.startswith("data:"):
        raise InputError(HOW)
    size = ledger.use(path, caller)
    return {
        "path": path,
        "url": None,
        "size": size,
        "orig_name": name if isinstance(name, str) and len(name) < 256 else None,
        "mime_type": kind if isinstance(kind, str) and len(kind) < 100 else None,
        "is_stream": False,
        "meta": {"_type": "gradio.FileData"},
    }


def files_in(value: Any) -> list[str]:
    """Paths of all files that an answer names."""
    if isinstance(value, dict):
        path = value.get("path")
        found = [path] if isinstance(path, str) and path else []
        return found + [path for one in value.values() for path in files_in(one)]
    if isinstance(value, list | tuple):
        return [path for one in value for path in files_in(one)]
    return []


def is_address(value: Any) -> bool:
    """Whether this is text that begins as a web address does."""
    return isinstance(value, str) and value[:8].lower().startswith(("http://", "https://"))
