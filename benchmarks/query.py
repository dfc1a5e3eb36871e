"""One query on the page's own code: photo in to everything shown, by step; and the start of the page."""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from statistics import median

START_LIMIT = 120  # seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints/3dsl-lite"))
    parser.add_argument("--backend", default="auto", choices=("auto", "torch", "onnx"))
    parser.add_argument("--repeats", type=int, default=20, help="queries after two for warming up")
    parser.add_argument("--starts", type=int, default=3, help="starts of the page; 0 leaves them out")


def main(args: argparse.Namespace) -> None:
    for name, seconds in time_queries(args.checkpoint, args.repeats, args.backend).items():
        print(f"{name:34s} median {1000 * median(seconds):6.0f} ms   best {1000 * min(seconds):6.0f} ms")
    starts = [time_start(args.checkpoint, args.backend) for _ in range(args.starts)]
    if starts:
        print(f"{'start to first page':34s} median {median(starts):6.1f} s    best {min(starts):6.1f} s")


def time_queries(checkpoint: Path, repeats: int, backend: str) -> dict[str, list[float]]:
    """Seconds per step: the openpeople outdoor photos in turn against the openpeople gallery."""
    from threedsl.gallery.demo import demo_galleries
    from threedsl.pipeline import ThreeDSL
    from threedsl.ui.search import photo as people
    from threedsl.ui.service import Service

    galleries = demo_galleries()
    with tempfile.TemporaryDirectory() as folder:
        service = Service(
            ThreeDSL.from_pretrained(checkpoint, backend=backend),
            galleries,
            Path(folder) / "files",
            Path(folder) / "cache",
        )
        opened = service.gallery("openpeople")
        photos = [example.path for example in galleries["openpeople"].examples]
        taken: dict[str, list[float]] = {"photo in to everything shown": []}
        for repeat in range(repeats + 2):
            start = time.perf_counter()
            photo = people.read_photo(photos[repeat % len(photos)])
            read = time.perf_counter()
            answer = service.search(photo.people[:1], opened, 5)
            done = time.perf_counter()
            if repeat < 2:
                continue
            taken["photo in to everything shown"].append(done - start)
            for name, seconds in {"read the photo, find people": read - start, **answer.laps}.items():
                taken.setdefault(f"  {name}", []).append(seconds)
    return taken


def time_start(checkpoint: Path, backend: str) -> float:
    """Seconds from `python app.py` to the first page served."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "app.py", "--checkpoint", str(checkpoint), "--backend", backend]
    start = time.perf_counter()
    server = subprocess.Popen(
        command,
        # As an installed program starts: with what the first start compiled.
        env=os.environ | {"GRADIO_SERVER_PORT": str(port), "PYTHONDONTWRITEBYTECODE": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while time.perf_counter() - start < START_LIMIT:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
                    return time.perf_counter() - start
            except (urllib.error.URLError, ConnectionError):
                if server.poll() is not None:
                    raise SystemExit(f"error: app.py stopped with code {server.returncode}.") from None
                time.sleep(0.05)
        raise SystemExit(f"error: no page after {START_LIMIT} seconds.")
    finally:
        server.terminate()
        server.wait()
