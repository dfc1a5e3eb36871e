"""Where the page listens, looked at before anything is loaded; Gradio's import fails over a wrong port."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from typing import NoReturn, TypeVar

from threedsl.errors import InputError

PORT = "GRADIO_SERVER_PORT"
NAME = "GRADIO_SERVER_NAME"
DEFAULT_PORT = 7860

Result = TypeVar("Result")


def stop(reason: object) -> NoReturn:
    """End the program with a sentence and exit status 2."""
    print(f"app.py: {reason}", file=sys.stderr)
    sys.exit(2)


def or_stop(work: Callable[[], Result]) -> Result:
    """What `work` gives; its InputError ends the program."""
    try:
        return work()
    except InputError as error:
        stop(error)


def tidy_name() -> None:
    """Forget a blank GRADIO_SERVER_NAME, for which Gradio would listen on all addresses, and spaces around a name."""
    name = os.environ.pop(NAME, "").strip()
    if name.strip("[] "):
        os.environ[NAME] = name


def server_port() -> int:
    """The port of GRADIO_SERVER_PORT, 7860 by default.

    Raises:
        InputError: it is no port, or another program has it.
    """
    given = os.environ.get(PORT, "").strip() or str(DEFAULT_PORT)
    port = int(given) if given.isascii() and given.isdecimal() and len(given) < 6 else 0
    if not 1 <= port <= 65535:
        raise InputError(f"{PORT} must be a whole number from 1 to 65535, not {given[:40]!r}.")
    host = os.environ.get(NAME, "").strip("[] ") or "127.0.0.1"
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise InputError(
            f"{NAME} is {host[:80]!r}, which is not a name or address of this machine."
        ) from None
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
        except PermissionError:
            raise InputError(
                f"Port {port} is reserved for the system; choose one above 1023 with {PORT}."
            ) from None
        except OSError as error:
            raise InputError(
                f"Port {port} of {host} cannot be used ({error.strerror}); another program may be using it: "
                f"choose another port with {PORT}."
            ) from None
    return port
