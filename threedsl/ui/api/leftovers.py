"""Files that Gradio makes for nothing: for every file that an event is given, an empty one, which nobody deletes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from gradio.components import download_button, file, upload_button


def _nothing(**_: Any) -> SimpleNamespace:
    """In place of tempfile.NamedTemporaryFile, of whose file Gradio only replaces the name."""
    return SimpleNamespace(name="")


def leave_nothing() -> None:
    """Make no such files: a call may name 600 files, so that one call a second filled a disk's table of files. Gradio
    offers no way to choose it; calling it again changes nothing."""
    for module in (download_button, file, upload_button):
        module.tempfile = SimpleNamespace(NamedTemporaryFile=_nothing)
