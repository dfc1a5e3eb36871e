"""`python -m train ablation`: every row and seed of a study, trained one after the other, and their table."""

import argparse
import logging
from itertools import pairwise
from pathlib import Path

from threedsl.arguments import seed
from threedsl.errors import InputError
from train.configs.read import load_config
from train.engine import train
from train.measure import compare
from train.run_state import has_state
from train.stopping import StopRequest

log = logging.getLogger("train")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", type=Path, help="of one configuration a row, such as train/configs/ablation/market1501"
    )
    parser.add_argument(
        "--rows",
        nargs="+",
        required=True,
        metavar="ROW",
        help="names of configurations, in the table's order",
    )
    parser.add_argument("--seeds", nargs="+", type=seed, default=[0], help="of every row (default: 0)")
    parser.add_argument(
        "--data", type=Path, required=True, help="dataset folder with query and gallery lists"
    )
    parser.add_argument("--protocol", default="cloth-changing", help="as of `train compare`")
    parser.add_argument("--out", type=Path, required=True, help="FILE.json; FILE.md is written next to it")
    parser.add_argument("--title", default="Ablation", help="heading in docs/results.md")
    parser.add_argument("--note", default="", help="sentences there")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="for every training, e.g. steps=300"
    )
    parser.add_argument("--list", action="store_true", help="print what is done and what is not; run nothing")


def main(args: argparse.Namespace) -> None:
    """Train what is not done yet, then compare; after an interruption the same command continues.

    Raises:
        InputError: a row has no configuration, or a training or the comparison was refused.
        Stopped: a signal ended a training; its state is saved.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if args.out.suffix != ".json":
        raise InputError(f"--out {args.out} must end in .json.")
    runs = {row: [planned(args, row, number) for number in args.seeds] for row in args.rows}
    if args.list:
        for folders in runs.values():
            for overrides in folders:
                print(f"{out_of(overrides)}{'    # done' if finished(out_of(overrides)) else ''}")
        return
    # Seed by seed, so that a study that is cut off has whole tables.
    for turn in range(len(args.seeds)):
        for row, each in runs.items():
            out = out_of(each[turn])
            if finished(out):
                continue
            log.info("ablation: %s, seed %d", row, args.seeds[turn])
            with StopRequest() as request:
                train(load_config(config_of(args, row), each[turn]), has_state(out / "last"), None, request)
    compare.main(comparison(args, runs))


def planned(args: argparse.Namespace, row: str, number: int) -> list[str]:
    """The overrides of one training; `out` comes last."""
    parent = Path(load_config(config_of(args, row), args.set).out).parent
    return [*args.set, f"seed={number}", f"out={parent / f'{row}-{number}'}"]


def config_of(args: argparse.Namespace, row: str) -> Path:
    path = args.folder / f"{row}.yaml"
    if not path.is_file():
        there = ", ".join(sorted(found.stem for found in args.folder.glob("*.yaml"))) or "none"
        raise InputError(f"{args.folder} has no configuration {row}.yaml (there: {there}).")
    return path


def out_of(overrides: list[str]) -> Path:
    return Path(overrides[-1].partition("=")[2])


def finished(out: Path) -> bool:
    """Whether a training wrote its checkpoint; training.json is the last file of it."""
    return (out / "export" / "training.json").is_file()


def comparison(args: argparse.Namespace, runs: dict[str, list[list[str]]]) -> argparse.Namespace:
    """The words of `train compare`: all rows, and each one minus the one before."""
    parser = argparse.ArgumentParser()
    compare.add_arguments(parser)
    named = [f"{row}={','.join(str(out_of(one) / 'export') for one in each)}" for row, each in runs.items()]
    words = [*named, "--data", str(args.data), "--out", str(args.out), "--protocol", args.protocol]
    words += ["--title", args.title, "--note", args.note]
    steps = [f"{row}={before}" for before, row in pairwise(runs)]
    return parser.parse_args([*words, *(["--minus", *steps] if steps else [])])
