"""Galleries of 10^4 to 10^6 descriptors: build time, memory, latency and recall of every kind of index."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.galleries.crowd import Crowd, described_people
from benchmarks.table import machine, replace_section, table
from threedsl.data.listfile import Record
from threedsl.descriptors import STREAMS
from threedsl.gallery import Filter, Gallery
from threedsl.gallery.index_kinds import KINDS

AT_ONCE = 10_000  # pictures made and added at once
CHANGED = 1000  # pictures added and deleted at the end
SHARE = 0.5
BOTH = ("appearance", "shape")
HEADER = (
    ["pictures", "kind", "build s", "index GB", "process GB", "recall@10 appearance", "shape", "combined"]
    + ["median ms appearance", "shape", "combined", "p95 combined"]
    + ["one camera of 20: recall@10", "ms", "add ms", "delete ms"]
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--from", dest="source", type=Path, help="an .npz of `embed` with labelled people")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")


def main(args: argparse.Namespace) -> None:
    import faiss

    crowd = Crowd.measured(*described_people(args.source))
    rows = []
    for size in args.sizes:
        base = make_gallery(crowd, size, args.seed)
        asked = crowd.descriptors(np.arange(args.queries) * (size // 10 // args.queries), args.seed, -1)
        exact = {stream: base.search(asked, stream, 10) for stream in STREAMS}
        where = Filter(camid=("3",))
        exact["filtered"] = base.search(asked, "combined", 10, where)
        for kind in args.kinds:
            gallery = base if kind == "flat" else base._as_kind(kind)
            row = measure(gallery, crowd, asked, exact, where, args.seed, len(rows))
            rows.append([f"{size:,}", kind, *row])
            print(table(HEADER, [rows[-1]]), file=sys.stderr, flush=True)
            del gallery
        del base
    text = f"{machine()}, faiss {faiss.__version__} with {faiss.omp_get_max_threads()} threads.\n\n"
    text += f"{crowd.told}; {args.queries} queries one at a time, seed {args.seed}.\n\n{table(HEADER, rows)}"
    print(text)
    if args.write:
        replace_section("gallery", text)


def make_gallery(crowd: Crowd, size: int, seed: int) -> Gallery:
    """Ten pictures of each person, in twenty cameras; written block by block."""
    gallery = None
    for start in range(0, size, AT_ONCE):
        people = np.arange(start, min(start + AT_ONCE, size)) // 10
        records = [
            Record(Path(f"/pictures/{start + i}.jpg"), str(pid), str((start + i) * 7 % 20))
            for i, pid in enumerate(people)
        ]
        known = crowd.descriptors(people, seed, start)
        if gallery is None:
            gallery = Gallery(records, known.appearance, known.shape, "made", shape_share=SHARE)
        else:
            gallery.add(records, known)
    return gallery


def measure(
    gallery: Gallery, crowd: Crowd, asked, exact: dict, where: Filter, seed: int, number: int
) -> list[str]:
    """One line of the table; afterwards CHANGED pictures were added to the gallery and deleted."""
    start = time.perf_counter()
    if gallery.kind != "flat":
        for stream in BOTH:
            gallery._index(stream)
    built = time.perf_counter() - start
    memory = sum(index_bytes(gallery._index(stream)) for stream in BOTH) if gallery.kind != "flat" else 0
    recalls, medians, slow = [], [], 0.0
    for stream in STREAMS:
        answers, seconds = one_by_one(gallery, asked, stream)
        recalls.append(recall(answers, exact[stream]))
        medians.append(1000 * float(np.median(seconds)))
        slow = 1000 * float(np.percentile(seconds, 95))
    answers, seconds = one_by_one(gallery, asked, "combined", where)
    filtered = [recall(answers, exact["filtered"]), 1000 * float(np.median(seconds))]
    more = crowd.descriptors(np.arange(CHANGED), seed, -2 - number)
    records = [Record(Path(f"/more/{i}.jpg"), str(i)) for i in range(CHANGED)]
    start = time.perf_counter()
    added = gallery.add(records, more)
    adding = time.perf_counter() - start
    start = time.perf_counter()
    gallery.delete(np.array(added))
    deleting = time.perf_counter() - start
    left = {match.index for answer in gallery.search(more.rows(slice(0, 20)), k=10) for match in answer}
    if left & set(added):
        raise SystemExit("error: a deleted picture was found.")
    changes = [f"{1000 * seconds / CHANGED:.3f}" for seconds in (adding, deleting)]
    return (
        [
            f"{built:,.1f}",
            f"{memory / 1e9:.2f}",
            f"{private_bytes() / 1e9:.2f}",
            *(f"{value:.3f}" for value in recalls),
        ]
        + [f"{value:.1f}" for value in (*medians, slow)]
        + [f"{filtered[0]:.3f}", f"{filtered[1]:.1f}", *changes]
    )


def one_by_one(gallery: Gallery, asked, stream: str, where: Filter | None = None) -> tuple[list, list]:
    answers, seconds = [], []
    gallery.search(asked.rows(slice(0, 1)), stream, 10, where)  # warms up
    for i in range(len(asked)):
        start = time.perf_counter()
        answers += gallery.search(asked.rows(slice(i, i + 1)), stream, 10, where)
        seconds.append(time.perf_counter() - start)
    return answers, seconds


def recall(found: list, exact: list) -> float:
    """Share of the exact answers that were found."""
    pairs = [
        ({m.index for m in one}, {m.index for m in true}) for one, true in zip(found, exact, strict=True)
    ]
    return float(np.mean([len(one & true) / len(true) for one, true in pairs]))


def index_bytes(index) -> int:
    """What a FAISS index holds, by the size of its file."""
    import faiss

    with tempfile.NamedTemporaryFile() as file:
        faiss.write_index(index, file.name)
        return Path(file.name).stat().st_size


def private_bytes() -> int:
    """Resident memory of this process apart from mapped files, which the system may take back."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1])
