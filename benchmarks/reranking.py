"""k-reciprocal re-ranking, descriptors to distances: ours against the dense code of torchreid and fastreid."""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.features import write_features
from benchmarks.peers import Contender, add_environment_argument, prepare_environment
from benchmarks.table import machine, replace_section, spread, table

# queries, gallery pictures, people, cameras; the last two are Market-1501's and MSMT17's.
SIZES = {
    2000: (400, 1600, 100, 6),
    5000: (900, 4100, 250, 6),
    10000: (1750, 8250, 400, 6),
    19281: (3368, 15913, 750, 6),
    93820: (11659, 82161, 3060, 15),
}
NAMES = {
    "rerank-ours": "threedsl",
    "rerank-torchreid": "torchreid 0.2.5",
    "rerank-fastreid": "fastreid 1.4.0",
}
DENSE_BYTES = 6 * 4  # the dense algorithm holds about six float32 matrices of N x N at its peak
NOISE = 1.8
SMALL = 5000  # pictures; above, one round, and of the two dense implementations, which are the same code, one


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_environment_argument(parser)
    parser.add_argument(
        "--repeats", type=int, default=3, help="rounds up to 5,000 pictures; larger sizes get one"
    )
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        choices=SIZES,
        default=list(SIZES),
        help="queries and gallery together",
    )
    parser.add_argument("--ours", action="store_true", help="only ours; nothing is installed")
    parser.add_argument("--write", action="store_true", help="write the table into benchmarks/README.md")


def main(args: argparse.Namespace) -> None:
    python = Path(sys.executable) if args.ours else prepare_environment(args.env)[0]
    rows = []
    for size in args.sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_features(folder, *SIZES[size], NOISE)
            rows += compete(size, folder, python, args)
    header = ["pictures", "implementation", "CPU s", "times ours", "peak GB", "largest difference"]
    text = f"{machine()}; CPU seconds of one thread, peak memory of the process.\n\n{table(header, rows)}"
    print(text)
    if args.write:
        replace_section("reranking", text)


def compete(size: int, folder: Path, python: Path, args: argparse.Namespace) -> list[list[str]]:
    """A fresh process for every piece of work, so that the memory is its own."""
    names = ["rerank-ours"] if args.ours else list(NAMES)
    if size > SMALL:
        names = [name for name in names if name != "rerank-fastreid"]
    need = DENSE_BYTES * size**2 / 1e9
    fits = need < available_memory()
    running = [name for name in names if name == "rerank-ours" or fits]
    rounds: dict[str, list[dict]] = {name: [] for name in running}
    for _ in range(args.repeats if size <= SMALL else 1):
        for name in running:
            print(f"{size:,} pictures, {NAMES[name]} …", file=sys.stderr, flush=True)
            contender = Contender(name, folder, sys.executable if name == "rerank-ours" else python)
            rounds[name].append(contender.work())
            contender.close()
    rows = []
    for name in names:
        if name not in running:
            rows.append([f"{size:,}", NAMES[name], "cannot run", "", f"needs about {need:,.0f}", ""])
            continue
        cpu = [figures["cpu"] for figures in rounds[name]]
        ratios = [theirs / mine["cpu"] for theirs, mine in zip(cpu, rounds["rerank-ours"], strict=True)]
        memory = f"{max(figures['memory'] for figures in rounds[name]):.2f}"
        difference = "" if name == "rerank-ours" else f"{apart(folder, name):.1e}"
        rows.append([f"{size:,}", NAMES[name], spread(cpu), spread(ratios, 1), memory, difference])
    return rows


def apart(folder: Path, name: str) -> float:
    """Largest difference of the distances of the first queries from ours."""
    return float(np.abs(np.load(folder / f"{name}.npy") - np.load(folder / "rerank-ours.npy")).max())


def available_memory() -> float:
    """GB free for a process; without a limit where the system does not say."""
    meminfo = Path("/proc/meminfo")
    if not meminfo.is_file():
        return float("inf")
    line = next(line for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable"))
    return int(line.split()[1]) * 1024 / 1e9
