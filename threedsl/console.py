"""Output that a console can show: file names may contain undecodable bytes, and consoles may lack characters."""

from __future__ import annotations

import io
import json
import sys


def show_every_name() -> None:
    """From now on print writes `\\udcc0` or `\\xe9` for what stdout or stderr cannot show, instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def json_line(value: object) -> str:
    """JSON on one line, valid whatever stdout can show: where a character is missing, all but ASCII is escaped."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode("utf-8")  # a lone surrogate, which stands for a byte of a name, is in no encoding
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value)
    return text
