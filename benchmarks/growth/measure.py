"""One point of a curve, measured in a process of its own, so that its peak of memory is its own.

    python -m benchmarks.growth.measure batch onnx 8

prints one JSON object.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.galleries.command import BOTH, index_bytes, make_gallery, one_by_one, private_bytes
from benchmarks.galleries.crowd import Crowd
from threedsl.descriptors import Descriptors

ROUNDS = 5
QUERIES = 30
SEED = 0


def point(*words: object) -> dict[str, float]:
    """The measurement that these words name, made in a new process."""
    command = [sys.executable, "-m", "benchmarks.growth.measure", *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"error: {' '.join(map(str, words))} could not be measured; see above.")
    return json.loads(done.stdout)


def gallery(kind: str, size: str, described: str) -> dict[str, float]:
    """Of a gallery of `size` pictures: seconds of building its index, milliseconds of a query by both streams together,
    bytes on disk (descriptors and codes), and of the process's memory without mapped files.

    described: an .npz with descriptors of labelled people, whose spread the gallery has.
    """
    with np.load(described) as file:
        crowd = Crowd.measured(Descriptors(file["appearance"], file["shape"]), file["pids"])
    count = int(size)
    made = make_gallery(crowd, count, SEED)
    asked = crowd.descriptors(np.arange(QUERIES) * (count // 10 // QUERIES), SEED, -1)
    searched = made if kind == "flat" else made._as_kind(kind)
    start = time.perf_counter()
    indices = [] if kind == "flat" else [searched._index(stream) for stream in BOTH]
    built = time.perf_counter() - start
    _, seconds = one_by_one(searched, asked, "combined")
    stored = sum(searched._pieces[stream].nbytes for stream in BOTH)
    return {
        "build s": built,
        "query ms": 1000 * median(seconds),
        "disk bytes": stored + sum(map(index_bytes, indices)),
        "memory bytes": private_bytes(),
    }


def batch(backend: str, size: str) -> dict[str, float]:
    """Milliseconds for each of `size` crops described together, bodies included, and the process's peak of memory."""
    from threedsl.pipeline import ThreeDSL

    model = ThreeDSL.from_pretrained(device="cpu", backend=backend)
    shape = int(size), *model.input_size, 3
    crops = list(np.random.default_rng(SEED).integers(0, 256, shape, np.uint8))
    return {"ms": 1000 * timed(lambda: model(crops)) / len(crops), "memory bytes": peak()}


def photo(path: str) -> dict[str, float]:
    """Milliseconds of reading a photo and finding its people as the page does, and the process's peak of memory."""
    from threedsl.ui.search.photo import read_photo

    return {"ms": 1000 * timed(lambda: read_photo(path)), "memory bytes": peak()}


def timed(run: Callable[[], object]) -> float:
    """Median seconds of ROUNDS calls after one."""
    run()
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return median(taken)


def peak() -> int:
    """Bytes of this process's largest resident memory so far; getrusage would count the parent's as well."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def photo_of(megapixels: float, folder: Path) -> Path:
    """A demo photo as a JPEG of this size."""
    import cv2

    from threedsl.gallery.demo import demo_galleries

    source = cv2.imread(str(demo_galleries()["openpeople"].examples[0].path))
    zoom = float(np.sqrt(megapixels * 1e6 / (source.shape[0] * source.shape[1])))
    path = folder / f"{megapixels}.jpg"
    cv2.imwrite(str(path), cv2.resize(source, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC))
    return path


if __name__ == "__main__":
    kind, *words = sys.argv[1:]
    print(json.dumps({"gallery": gallery, "batch": batch, "photo": photo}[kind](*words)))
