"""`python -m train ablation`: every row and seed of a study, trained one after the other, and their table."""

import argparse
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from threedsl.arguments import seed
from threedsl.errors import InputError
from threedsl.reading import read_object
from train.config import TrainConfig
from train.configs.read import load_config
from train.engine import train
from train.interpolate import between
from train.measure import compare
from train.run_state import MACHINE_FIELDS, has_state, other_values, whole_settings
from train.stages import with_its_network
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
        help="names of configurations, in the table's order; NAME@ALPHA goes that share of the way from its start",
    )
    parser.add_argument("--seeds", nargs="+", type=seed, default=[0], help="of every row (default: 0)")
    parser.add_argument(
        "--data", type=Path, required=True, help="dataset folder with query and gallery lists"
    )
    parser.add_argument("--protocol", default="cloth-changing", help="as of `train compare`")
    parser.add_argument("--out", type=Path, required=True, help="FILE.json; FILE.md is written next to it")
    parser.add_argument("--title", default="Ablation", help="heading in docs/results.md")
    parser.add_argument("--note", default="", help="sentences there")
    parser.add_argument("--shown", nargs="+", help="streams there, as of `train compare`")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="for every training, e.g. steps=300"
    )
    parser.add_argument(
        "--device", default="cpu", help="for all but the trainings, which find a GPU themselves"
    )
    parser.add_argument("--list", action="store_true", help="print what is done and what is not; run nothing")


def main(args: argparse.Namespace) -> None:
    """Train what is not done yet, then compare; after an interruption the same command continues.

    Raises:
        InputError: a row has no configuration, a checkpoint that is there was trained with other settings, or a
            training or the comparison was refused.
        Stopped: a signal ended a training; its state is saved.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if args.out.suffix != ".json":
        raise InputError(f"--out {args.out} must end in .json.")
    planned = {row: [plan(args, row, number) for number in args.seeds] for row in args.rows}
    if args.list:
        for each in planned.values():
            for one in each:
                print(f"{one.checkpoint}{standing(one)}")
        return
    for each in planned.values():
        for one in each:
            refuse_others(one)
    # Seed by seed, so that a study that is cut off has whole tables.
    for turn in range(len(args.seeds)):
        for each in planned.values():
            make(each[turn], args.device)
    made = {row: [one.checkpoint for one in each] for row, each in planned.items()}
    compare.main(comparison(args, made))


@dataclass(frozen=True)
class Plan:
    """One checkpoint of the table, and what has to be trained for it."""

    config: TrainConfig
    before: "Plan | None"  # whose checkpoint the training refines
    alpha: float | None  # how far it goes from its start to what was trained; None: all the way

    @property
    def out(self) -> Path:
        return Path(self.config.out)

    @property
    def checkpoint(self) -> Path:
        return self.out / ("export" if self.alpha is None else f"at-{self.alpha:g}")


def plan(args: argparse.Namespace, row: str, number: int) -> Plan:
    """What a row, NAME or NAME@ALPHA, needs with one seed; a configuration's `refine` may name a row of the study."""
    name, at, written = row.partition("@")
    config = load_config(config_of(args, name), args.set)
    before = None
    if "@" in (config.refine or ""):
        before = plan(args, config.refine, number)
        config = replace(config, refine=str(before.checkpoint))
    config = replace(config, seed=number, out=str(Path(config.out).parent / f"{name}-{number}"))
    return Plan(config, before, share(written, row) if at else None)


def share(written: str, row: str) -> float:
    """The number after the @ of a row; raises InputError."""
    with suppress(ValueError):
        if 0 <= float(written) <= 1:
            return float(written)
    raise InputError(
        f"--rows {row}: a number between 0 and 1 must follow the @, such as {row.partition('@')[0]}@0.25."
    )


def make(one: Plan, device: str) -> None:
    """Train a checkpoint, and what it goes by, unless it is there."""
    if one.before is not None:
        make(one.before, device)
    if not finished(one.out / "export"):
        log.info("ablation: %s", one.out.name)
        with StopRequest() as request:
            train(one.config, has_state(one.out / "last"), None, request)
    if one.alpha is not None and not finished(one.checkpoint):
        between(one.out / "export", one.alpha, one.checkpoint, device)


def config_of(args: argparse.Namespace, row: str) -> Path:
    path = args.folder / f"{row}.yaml"
    if not path.is_file():
        there = ", ".join(sorted(found.stem for found in args.folder.glob("*.yaml"))) or "none"
        raise InputError(f"{args.folder} has no configuration {row}.yaml (there: {there}).")
    return path


def finished(checkpoint: Path) -> bool:
    """Whether a checkpoint is whole; training.json is written last."""
    return (checkpoint / "training.json").is_file()


def standing(one: Plan) -> str:
    """What the list says of a checkpoint; "" where it is not there."""
    if not finished(one.checkpoint):
        return ""
    others = ", ".join(changes(one.checkpoint, one.config))
    return f"    # trained with other values of {others}" if others else "    # done"


def refuse_others(one: Plan) -> None:
    """InputError if what a plan needs is there already, but was trained with other settings or on other data: a trial
    with few steps must not pass for the study."""
    if one.before is not None:
        refuse_others(one.before)
    for checkpoint in dict.fromkeys((one.out / "export", one.checkpoint)):
        if finished(checkpoint) and (changed := changes(checkpoint, one.config)):
            raise InputError(
                f"{checkpoint} was trained with other values of {', '.join(changed)} than those asked for now; give "
                f"the same ones again (--set), choose another folder (--set out=FOLDER/row), or delete {one.out}."
            )


def changes(checkpoint: Path, config: TrainConfig) -> list[str]:
    """Names of the fields in which a checkpoint's training differs from a configuration."""
    before = whole_settings(read_object(checkpoint / "training.json"))
    now = whole_settings(with_its_network(config).to_dict())
    # A record says nothing of the pictures but where they were.
    return other_values(before, now, MACHINE_FIELDS - {"data", "more_data"})


def comparison(args: argparse.Namespace, made: dict[str, list[Path]]) -> argparse.Namespace:
    """The words of `train compare`: all rows, and each one minus the one before."""
    parser = argparse.ArgumentParser()
    compare.add_arguments(parser)
    named = [f"{row}={','.join(str(one) for one in each)}" for row, each in made.items()]
    words = [*named, "--data", str(args.data), "--out", str(args.out), "--protocol", args.protocol]
    words += ["--title", args.title, "--note", args.note, "--device", args.device]
    steps = [f"{row}={before}" for before, row in pairwise(made)]
    words += ["--shown", *args.shown] if args.shown else []
    return parser.parse_args([*words, *(["--minus", *steps] if steps else [])])
