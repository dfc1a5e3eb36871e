"""Check that an assembled Space works: start it in a clean environment with its own requirements, and search."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from threedsl.data.listfile import Record, read_list
from threedsl.descriptors import STREAMS
from threedsl.errors import InputError
from threedsl.space.page_client import call, free_port, upload, wait_for_page

GALLERY = "synthetic"  # comes with the Space
MATCHES = 5
STOP_LIMIT = 30  # seconds


@dataclass(frozen=True)
class Verified:
    """What was searched and found; seconds by step."""

    photo: str
    people: dict[str, str]  # stream -> the first match's person
    seconds: dict[str, float]


def verify(space: Path, say: Callable[[str], None] = lambda sentence: None) -> Verified:
    """Install the Space's requirements into an empty environment, start its app.py there, search with an example.

    Nothing is left behind: environment, caches and uploads are in a temporary folder (about 2 GB).

    Args:
        space: what threedsl.space.assemble.assemble wrote.
        say: called with a sentence for every step.

    Raises:
        InputError: a step failed, with the end of the program's output.
    """
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="threedsl-space-") as scratch:
        home = Path(scratch)
        start = time.perf_counter()
        say("Creating a clean environment from the Space's requirements.")
        python = make_environment(space / "requirements.txt", home / "environment")
        seconds["environment"] = time.perf_counter() - start
        say("Starting the Space's app.py in it.")
        with (home / "log").open("w+") as log:
            url = f"http://127.0.0.1:{(port := free_port())}/"
            server = subprocess.Popen(
                [str(python), "app.py"],
                cwd=space,
                env=server_environment(home, port),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                seconds["start"] = wait_for_page(url, server)
                say("Searching with one of its examples.")
                start = time.perf_counter()
                query = read_list(space / "assets" / "synthetic" / "query.txt")[0]
                (answer,) = call(url, "search", photo=upload(url, query.path), gallery=GALLERY, k=MATCHES)
                first = check_answer(answer, query, read_list(space / "assets" / "synthetic" / "gallery.txt"))
                seconds["search"] = time.perf_counter() - start
            except InputError as error:
                log.seek(0)
                raise InputError(f"{str(error).rstrip('.')}: {last_words(log.read())}") from None
            finally:
                seconds["stop"] = stop(server)
    return Verified(query.path.name, first, seconds)


def make_environment(requirements: Path, folder: Path) -> Path:
    """The Python of a new environment with these requirements and nothing else, from pip's usual sources.

    Raises:
        InputError: pip could not install them.
    """
    # An environment without its own pip is created in a second instead of half a minute.
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    _run([sys.executable, "-m", "pip", "--python", str(python), "install", *quiet, "-r", str(requirements)])
    return python


def server_environment(home: Path, port: int) -> dict[str, str]:
    """Environment of a server isolated from this machine's caches and settings, and from the Hub."""
    kept = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "OMP_NUM_THREADS", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "HOME": str(home),
        "TMPDIR": str(home),
        "THREEDSL_CACHE": str(home / "cache"),
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "HF_HUB_OFFLINE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }


def check_answer(answer: dict, query: Record, gallery: list[Record]) -> dict[str, str]:
    """The first match's person by stream, from a valid answer of /search.

    Raises:
        InputError: the answer is invalid.
    """
    people = {record.pid for record in gallery}
    for stream in STREAMS:
        matches = answer["results"][stream]
        scores = [match["score"] for match in matches]
        right = (
            [match["rank"] for match in matches] == list(range(1, MATCHES + 1))
            and scores == sorted(scores, reverse=True)
            and all(-1.001 <= score <= 1.001 for score in scores)
            and all(match["person"] in people for match in matches)
            and all(match["same_person"] == (match["person"] == query.pid) for match in matches)
        )
        if not right:
            raise InputError(
                f"/search answered, but its ranking by {stream} is not a ranking of this gallery."
            )
    return {stream: answer["results"][stream][0]["person"] for stream in STREAMS}


def stop(server: subprocess.Popen) -> float:
    """Stop the server; returns the seconds it took."""
    start = time.perf_counter()
    server.terminate()
    try:
        server.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    return time.perf_counter() - start


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise InputError(f"`{' '.join(command)}` failed: {last_words(done.stdout)}")


def last_words(text: str, lines: int = 6) -> str:
    """The end of a program's output on one line."""
    return (
        " / ".join(line.strip() for line in text.splitlines()[-lines:] if line.strip())
        or "it printed nothing."
    )
