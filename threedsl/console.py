"""Output that a console can show: file names may contain undecodable bytes and commands to a terminal, and consoles may
lack characters."""

from __future__ import annotations

import io
import json
import re
import sys
from types import MethodType

_COMMANDS = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]")


def show_every_name() -> None:
    """From now on print writes `\\udcc0` or `\\xe9` for what stdout or stderr cannot show, instead of raising.

    It writes `\\x1b` for what a terminal would obey, such as a name that clears it or changes its title.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
            if getattr(stream.write, "__func__", None) is not _write_harmless:
                stream.write = MethodType(_write_harmless, stream)


def harmless(text: str) -> str:
    """The text with every control character but line ends, returns and tabs written as `\\x1b`, and so those that
    reverse the direction of writing.

    >>> print(harmless("a\\x1b[2Jb"))
    a\\x1b[2Jb
    """
    return _COMMANDS.sub(_escaped, text)


def _escaped(found: re.Match) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def _write_harmless(stream: io.TextIOWrapper, text: str) -> int:
    type(stream).write(stream, harmless(text))
    return len(text)


def json_line(value: object) -> str:
    """JSON on one line, valid whatever stdout can show: where a character is missing, all but ASCII is escaped."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode("utf-8")  # a lone surrogate, which stands for a byte of a name, is in no encoding
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value)
    return text
