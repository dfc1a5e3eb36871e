"""How cost grows: curves against gallery size, batch and photo size, slopes, and an estimate for 10^8 pictures."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.growth.measure import photo_of, point
from benchmarks.growth.plot import draw
from benchmarks.growth.slopes import at, exponent, slope
from benchmarks.results.records import ROOT, as_text
from benchmarks.table import machine, replace_section, table
from threedsl.files import write_whole
from threedsl.gallery.index_kinds import KINDS

FAR = 10**8
NEAR = 10**6  # pictures up to which fixed costs hide how an index grows
PICTURE = ROOT / "docs" / "growth.svg"
RECORD = Path(__file__).with_name("curves.json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 30_000, 100_000, 300_000, 1_000_000])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=["flat", "ivfsq", "ivfpq"])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--megapixels", type=float, nargs="+", default=[0.3, 1, 4, 12, 24, 48])
    parser.add_argument(
        "--write", action="store_true", help="the figures, the plot, and the table in benchmarks/README.md"
    )


def main(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        curves = measured(args, Path(folder))
    text = f"{machine()}.\n\n{report(curves)}"
    print(text)
    if args.write:
        said = {
            "how": "`python -m benchmarks growth --write`, each point in a process of its own",
            "protocol": "time and memory",
            "sample": {"queries a gallery": 30, "rounds": 5},
            "seed": 0,
            "machine": machine(),
        }
        write_whole(RECORD, as_text(said | {"curves": curves}).encode())
        draw(curves, PICTURE)
        replace_section("growth", text)


def measured(args: argparse.Namespace, folder: Path) -> dict:
    """{"gallery", "batch", "photo": {name: {"sizes": [...], quantity: [...]}}}."""
    described = folder / "described.npz"
    describe(described)
    photos = {size: photo_of(size, folder) for size in args.megapixels}
    plan = {
        "gallery": {kind: {n: ("gallery", kind, n, described) for n in args.sizes} for kind in args.kinds},
        "batch": {name: {n: ("batch", name, n) for n in args.batches} for name in ("torch", "onnx")},
        "photo": {"JPEG": {size: ("photo", path) for size, path in photos.items()}},
    }
    curves: dict = {}
    for kind, named in plan.items():
        for name, points in named.items():
            curve: dict = {"sizes": []}
            for size, words in points.items():
                found = point(*words)
                print(f"{kind} {name} {size:,}: {found}", file=sys.stderr, flush=True)
                curve["sizes"].append(size)
                for quantity, value in found.items():
                    curve.setdefault(quantity, []).append(value)
            curves.setdefault(kind, {})[name] = curve
    return curves


def describe(target: Path) -> None:
    """The labelled people whose spread the galleries have, described once for all points."""
    from benchmarks.galleries.crowd import described_people

    known, pids = described_people(None)
    np.savez(target, appearance=known.appearance, shape=known.shape, pids=pids)


def report(curves: dict) -> str:
    """Three tables and, where galleries are large enough, the estimate."""
    tables = [
        galleries(curves["gallery"]),
        per_size(curves["batch"], "crops", "ms a crop"),
        per_size(curves["photo"], "megapixels", "ms"),
    ]
    if max(max(curve["sizes"]) for curve in curves["gallery"].values()) < NEAR:
        return "\n\n".join(
            [*tables, f"An estimate for {FAR:,} pictures needs galleries of {NEAR:,} and more."]
        )
    words = (
        f"**Estimate for {FAR:,} pictures**, on paper: growing as between the two largest galleries measured; bytes "
        "from the slope of a line. One machine, with its descriptors on a local disk."
    )
    return "\n\n".join([*tables, words, estimate(curves["gallery"])])


def galleries(curves: dict) -> str:
    header = ["pictures", "kind", "build s", "ms a query", "GB on disk", "GB of memory"]
    rows = [
        [f"{size:,}", kind, f"{built:.1f}", f"{ms:.1f}", f"{disk / 1e9:.2f}", f"{held / 1e9:.2f}"]
        for kind, curve in curves.items()
        for size, built, ms, disk, held in zip(*curve.values(), strict=True)
    ]
    return table(header, rows)


def per_size(curves: dict, what: str, times: str) -> str:
    rows = [
        [f"{size:g}", name, f"{ms:.0f}", f"{held / 1e9:.2f}"]
        for name, curve in curves.items()
        for size, ms, held in zip(*curve.values(), strict=True)
    ]
    return table([what, "", times, "GB, peak"], rows)


def estimate(curves: dict) -> str:
    header = ["kind", "grows as", "seconds a query", "build hours, grows as", "bytes a picture", "TB on disk"]
    rows = []
    for kind, curve in curves.items():
        each = slope(curve["sizes"], curve["disk bytes"])
        sizes, query, built = (curve[name][-2:] for name in ("sizes", "query ms", "build s"))
        hours = "none"
        if kind != "flat":
            hours = f"{at(FAR, sizes, built) / 3600:,.1f}, n^{exponent(sizes, built):.2f}"
        power, seconds = exponent(sizes, query), at(FAR, sizes, query) / 1000
        room = f"{each * FAR / 1e12:.2f}"
        rows.append([kind, f"n^{power:.2f}", f"{seconds:,.1f}", hours, f"{each:,.0f}", room])
    return table(header, rows)
