"""The page under load: 1, 8 and 32 clients at once search through HTTP; failures, times, and the server's memory."""

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.table import machine, replace_section, table
from benchmarks.visit import make_and_drop
from threedsl.errors import InputError
from threedsl.space.page_client import call, free_port, upload, wait_for_page

CLIENTS = (1, 8, 32)
SHARES = (0.1, 0.3, 0.6)  # of the requests, a number of clients each
GALLERY, MATCHES = "openpeople", 5
WARM_UP = 40  # requests before memory is looked at first: caches, threads and arenas have their size then
MOST = 20_000
PICTURES = 6  # of a gallery


@dataclass(frozen=True)
class Round:
    """The result for one number of clients."""

    clients: int
    seconds: list[float]  # of every request that was answered
    failures: list[str]  # sentences
    wall: float  # seconds
    memory: float  # MB of the server at the end


def requests(text: str) -> int:
    """Argument: how many, 30 to 20,000."""
    count = int(text) if text.isdigit() else 0
    if not 30 <= count <= MOST:
        raise argparse.ArgumentTypeError(f"must be a whole number from 30 to {MOST:,}, not {text}")
    return count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--requests", type=requests, default=1000, help="in all (default 1000)")
    parser.add_argument("--galleries", type=int, default=40, help="made and dropped (default 40)")
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints/3dsl-lite"))
    parser.add_argument("--backend", default="auto", choices=("auto", "torch", "onnx"))
    parser.add_argument("--write", action="store_true", help="write the table into benchmarks/README.md")


def main(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        server, url = start(args.checkpoint, Path(scratch), args.backend)
        try:
            report = measure(url, server, args.requests, args.galleries)
        except InputError as error:
            raise SystemExit(f"error: {error}") from None
        finally:
            server.terminate()
            server.wait()
    print(report)
    if args.write:
        replace_section("load", report)


def start(checkpoint: Path, folder: Path, backend: str = "auto") -> tuple[subprocess.Popen, str]:
    """The page's server in a process of its own on 127.0.0.1, and its address."""
    port = free_port()
    own = {
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_TEMP_DIR": str(folder / "uploads"),
        "THREEDSL_CACHE": str(folder / "cache"),
    }
    server = subprocess.Popen(
        [sys.executable, "app.py", "--checkpoint", str(checkpoint), "--backend", backend],
        env=os.environ | own,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return server, f"http://127.0.0.1:{port}/"


def measure(url: str, server: subprocess.Popen, count: int, galleries: int) -> str:
    """Text with the table: every number of clients in turn, then galleries made and dropped, and what memory did."""
    wait_for_page(url, server)
    photos = example_photos()
    for number in range(WARM_UP):
        ask(url, photos[number % len(photos)])
    before = memory_of(server.pid)
    rounds = []
    for clients, share in zip(CLIENTS, SHARES, strict=True):
        rounds.append(load(url, server, photos, clients, max(clients, round(share * count))))
    after_searches = memory_of(server.pid)
    turns = [round(share * galleries) for share in (0, 0.5, 1)]
    dropped = [after_searches]
    for start, end in zip(turns, turns[1:], strict=False):
        for number in range(start, end):
            make_and_drop(url, photos[:PICTURES], f"load{number}")
        dropped.append(memory_of(server.pid))
    last = load(url, server, photos, max(CLIENTS), max(CLIENTS))
    done = sum(len(turn.seconds) + len(turn.failures) for turn in rounds)
    words = sorted({sentence for turn in rounds for sentence in turn.failures})
    lines = [
        f"{machine()}; {GALLERY} photos of at most 1,000 pixels a side, uploaded again with each request.",
        "",
        table(
            ["clients", "requests", "failures", "p50 s", "p95 s", "requests / s", "memory MB"],
            [row(t) for t in rounds],
        ),
        "",
        f"Memory of the server (resident) after {WARM_UP} requests: {before:,.0f} MB; after {done:,} more: "
        f"{after_searches:,.0f} MB ({after_searches - before:+,.0f}). Then {galleries} galleries of {PICTURES} "
        f"pictures, each made in a visit of its own and dropped with it: {dropped[1]:,.0f} MB after half of them, "
        f"{dropped[2]:,.0f} MB after all; after {max(CLIENTS)} more searches by {max(CLIENTS)} clients, of which "
        f"{len(last.failures)} were lost, {last.memory:,.0f} MB "
        f"({100 * (last.memory / dropped[1] - 1):+.1f} % of the memory after half of the galleries).",
    ]
    return "\n".join(lines + [f"Failed: {sentence}" for sentence in words])


def load(url: str, server: subprocess.Popen, photos: Sequence[Path], clients: int, count: int) -> Round:
    """`count` requests by so many clients, each of which sends its next one when it has its answer."""

    def timed(number: int) -> float | str:
        start = time.perf_counter()
        try:
            ask(url, photos[number % len(photos)])
        except InputError as error:
            return str(error)
        return time.perf_counter() - start

    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        outcomes = list(pool.map(timed, range(count)))
    wall = time.perf_counter() - start
    seconds = [outcome for outcome in outcomes if isinstance(outcome, float)]
    failures = [outcome for outcome in outcomes if isinstance(outcome, str)]
    return Round(clients, seconds, failures, wall, memory_of(server.pid))


def ask(url: str, photo: Path) -> None:
    """Upload a photo and search with it; raises InputError with the page's sentence, or for half an answer."""
    try:
        (answer,) = call(url, "search", photo=upload(url, photo), gallery=GALLERY, k=MATCHES)
    except OSError as error:
        raise InputError(f"The connection failed ({error}).") from error
    if any(len(matches) != MATCHES for matches in answer["results"].values()):
        raise InputError("An answer lacks matches.")


def example_photos() -> list[Path]:
    """The gallery's outdoor photos in the size that the page shows as examples."""
    from threedsl.files import cache_folder
    from threedsl.gallery.demo import demo_galleries
    from threedsl.gallery.example_photos import reduced

    examples = demo_galleries()[GALLERY].examples
    return [reduced(Path(record.path), cache_folder() / "examples") for record in examples]


def memory_of(pid: int) -> float:
    """Resident memory of a process in MB."""
    kilobytes = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    return int(kilobytes.stdout) / 1024


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of the values does not exceed; nan without any."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else math.nan


def row(turn: Round) -> list[str]:
    """A row of the table."""
    return [
        f"{turn.clients}",
        f"{len(turn.seconds) + len(turn.failures):,}",
        f"{len(turn.failures)}",
        f"{quantile(turn.seconds, 0.5):.2f}",
        f"{quantile(turn.seconds, 0.95):.2f}",
        f"{len(turn.seconds) / turn.wall:.1f}",
        f"{turn.memory:,.0f}",
    ]
