"""A server that may take its time to start."""

from __future__ import annotations

import time

from gradio.http_server import Server, ServerFailedToStartError

START_SECONDS = 300.0  # far more than it takes: the machine may be busy

_start = Server.run_in_thread


def _start_in_thread(server: Server) -> None:
    """As Gradio's, which gives up after five seconds, whereupon the port is said to be taken."""
    try:
        _start(server)
    except ServerFailedToStartError:
        end = time.monotonic() + START_SECONDS
        while not server.started:
            if not server.thread.is_alive() or time.monotonic() > end:
                raise
            time.sleep(0.05)


def start_patiently() -> None:
    """Have Gradio wait for a server whose thread still starts it; it offers no way to choose how long. Calling this
    again changes nothing."""
    Server.run_in_thread = _start_in_thread
