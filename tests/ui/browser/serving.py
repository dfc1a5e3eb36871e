"""`python app.py` in a process of its own, for as long as it is needed."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import REPOSITORY

START_SECONDS = 900  # far more than it takes: other tests may keep the machine busy


@contextmanager
def served(checkpoint: Path, folder: Path) -> Iterator[str]:
    """The page's address; caches, uploads and log go to `folder`. At the end no defect may have been logged."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
        "THREEDSL_CACHE": str(folder / "cache"),
    }
    environment.pop("THREEDSL_OPEN_PAGE", None)
    log = folder / "log.txt"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "app.py", "--checkpoint", str(checkpoint), "--device", "cpu"],
            cwd=REPOSITORY,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        _wait(url, server, log)
        yield url
        assert server.poll() is None, f"the server died:\n{log.read_text()}"
        assert " failed\n" not in log.read_text(), f"a defect was written to the log:\n{log.read_text()}"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait(url: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=60).close()
            return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            assert server.poll() is None, f"the server ended:\n{log.read_text()}"
            time.sleep(0.2)
    raise AssertionError(f"nothing was served within {START_SECONDS} s:\n{log.read_text()}")
