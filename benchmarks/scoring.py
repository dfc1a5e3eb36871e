"""Scoring: CMC, mAP (and mINP) compared with torchreid, fastreid and open-metric-learning, on the same distances."""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.features import SIZES, write_distances, write_features
from benchmarks.peers import Contender, add_environment_argument, prepare_environment
from benchmarks.table import machine, replace_section, spread, table

WORST = "an untrained model"
MODELS = {"a good model": 1.8, WORST: 30.0}
QUICK = 10.0  # CPU seconds: slower packages run in SLOW_ROUNDS
SLOW_ROUNDS = 2
FROM_DISTANCES = {
    "score-ours": "threedsl",
    "score-fastreid-cython": "fastreid 1.4.0, Cython",
    "score-torchreid": "torchreid 0.2.5, Python",
    "score-fastreid": "fastreid 1.4.0, Python",
}
FROM_FEATURES = {
    "score-ours-from-features": "threedsl",
    "score-oml-from-features": "open-metric-learning 4.0.0",
    "score-torchreid-from-features": "torchreid 0.2.5, Python",
}
SLOW = {"score-torchreid", "score-fastreid", "score-torchreid-from-features", "score-oml-from-features"}
TOLERANCE = 1e-5  # of rank-1 and mAP between the contenders, some of which compute in single precision


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_environment_argument(parser)
    parser.add_argument(
        "--repeats",
        type=int,
        default=7,
        help="rounds, in each of which every package runs once; slow ones in two",
    )
    parser.add_argument("--size", choices=SIZES, default="market1501", help="of the synthetic test set")
    parser.add_argument("--quick", action="store_true", help="leave out packages slower than ten seconds")
    parser.add_argument(
        "--ours", action="store_true", help="only ours, with its memory; nothing is installed"
    )
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/README.md")


def main(args: argparse.Namespace) -> None:
    python, refusal = (Path(sys.executable), "") if args.ours else prepare_environment(args.env)
    if refusal:
        print(refusal, file=sys.stderr)
    sections = [f"{args.size} ({size_in_words(args.size)}); {machine()}; CPU seconds of one thread."]
    for model, noise in MODELS.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_features(folder, *SIZES[args.size], noise)
            for title, names in (("distances", FROM_DISTANCES), ("descriptors", FROM_FEATURES)):
                if args.ours and title == "distances":
                    continue
                if title == "distances":
                    write_distances(folder)
                # The others' cost hardly depends on the distances, so one case shows it.
                chosen = choose(names, args.ours, args.quick or noise == MODELS[WORST], refusal)
                rounds = compete(chosen, folder, python, args.repeats)
                sections.append(f"From {title} to scores, {model}:\n\n{standings(names, rounds)}")
                print(sections[-1], end="\n\n", flush=True)
    if args.write:
        replace_section(f"scoring {args.size}", "\n\n".join(sections))


def size_in_words(size: str) -> str:
    queries, gallery, people, cameras = SIZES[size]
    return f"{queries:,} x {gallery:,}, 512-d, {people:,} people, {cameras} cameras"


def choose(names: dict[str, str], only_ours: bool, only_quick: bool, refusal: str) -> list[str]:
    """Ours first; then the others, less those that cannot run or are not wanted."""
    return [
        name
        for name in names
        if "ours" in name
        or not (only_ours or (only_quick and name in SLOW) or (refusal and name.endswith("cython")))
    ]


def compete(names: list[str], folder: Path, python: Path, repeats: int) -> dict[str, list[dict]]:
    """Rounds in which everybody works once, one after the other, so that a busy machine is busy for all.

    A warm-up call comes first and is not counted; it shows which are slow.
    """
    contenders = [Contender(name, folder, sys.executable if "ours" in name else python) for name in names]
    rounds: dict[str, list[dict]] = {name: [] for name in names}
    wanted = dict.fromkeys(names, repeats)
    for contender in contenders:
        if contender.work()["cpu"] > QUICK:
            wanted[contender.name] = min(repeats, SLOW_ROUNDS)
    while any(len(rounds[name]) < wanted[name] for name in names):
        for contender in contenders:
            if len(rounds[contender.name]) < wanted[contender.name]:
                rounds[contender.name].append(contender.work())
                print(
                    f"{contender.name}: {rounds[contender.name][-1]['cpu']:.3f} s",
                    file=sys.stderr,
                    flush=True,
                )
    for contender in contenders:
        contender.close()
    return rounds


def standings(names: dict[str, str], rounds: dict[str, list[dict]]) -> str:
    """One line a contender; its ratio to ours in the same round."""
    ours = next(done for name, done in rounds.items() if "ours" in name)
    rows = []
    for name, done in rounds.items():
        for figure in ("rank-1", "mAP", "mINP"):
            if abs(done[0].get(figure, ours[0][figure]) - ours[0][figure]) > TOLERANCE:
                raise SystemExit(f"error: {name} has {figure} {done[0][figure]}, ours {ours[0][figure]}.")
        cpu = [figures["cpu"] for figures in done]
        ratios = [theirs / mine["cpu"] for theirs, mine in zip(cpu, ours, strict=False)]
        figures = [
            f"{done[0][figure]:.4f}" if figure in done[0] else "" for figure in ("rank-1", "mAP", "mINP")
        ]
        memory = f"{max(figures['memory'] for figures in done):.2f}"
        rows.append([names[name], spread(cpu, 3), spread(ratios, 1), memory, *figures])
    return table(["implementation", "CPU s", "times ours", "peak GB", "rank-1", "mAP", "mINP"], rows)
