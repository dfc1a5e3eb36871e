"""Synthetic people a second, by number of processes."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.peers import ROOT
from benchmarks.table import machine, replace_section, table

FEW, MANY = 6, 30  # people of a short and of a long run a process: the start, which both have, cancels
AS_IN_TRAINING = (
    "--seed 11 --cameras 48 --outfits 3 4 --samples 1 --pictures-per-outfit 3 --test-share 0.02".split()
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    cores = os.cpu_count() or 1
    parser.add_argument("--workers", type=int, nargs="+", default=sorted({1, cores}))
    parser.add_argument("--repeats", type=int, default=3, help="pairs of runs each")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")


def main(args: argparse.Namespace) -> None:
    rows = []
    for workers in args.workers:
        pairs = [(run(FEW * workers, workers), run(MANY * workers, workers)) for _ in range(args.repeats)]
        rows.append([str(workers), *speeds(pairs)])
    text = (
        f"{machine()}; median (range) of {args.repeats} pairs of runs, {FEW} and {MANY} people a process.\n\n"
        + table(["processes", "start s", "people / s", "pictures / s"], rows)
    )
    print(text)
    if args.write:
        replace_section("synthesis", text)


def speeds(pairs: list[tuple[tuple, tuple]]) -> list[str]:
    """Seconds of a start, people and pictures a second, of pairs of runs, each (people, pictures, seconds)."""
    starts, people, pictures = [], [], []
    for (few, few_pictures, short), (many, many_pictures, long) in pairs:
        each = (long - short) / (many - few)
        starts.append(short - few * each)
        people.append(1 / each)
        pictures.append((many_pictures - few_pictures) / (long - short))
    return [
        f"{statistics.median(values):.1f} ({min(values):.1f} – {max(values):.1f})"
        for values in (starts, people, pictures)
    ]


def run(people: int, workers: int) -> tuple[int, int, float]:
    """People and pictures that `train synthesize` made, and the seconds it took."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "people"
        command = [sys.executable, "-m", "train", "synthesize", "--out", str(out), *AS_IN_TRAINING]
        command += ["--people", str(people), "--workers", str(workers)]
        start = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        taken = time.perf_counter() - start
        lists = (out / "list").glob("*.txt")
        return people, sum(len(path.read_text(encoding="utf-8").splitlines()) for path in lists), taken
