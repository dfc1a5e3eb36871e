"""`python -m train reproduce`: makes checkpoints/3dsl-lite from nothing, one command after the other, resumable."""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path

from threedsl.errors import InputError
from threedsl.files import write_whole
from threedsl.reading import read_json
from train.configs.read import load_config
from train.run_state import has_state

STEPS = (
    "body",
    "wardrobe",
    "backgrounds --out data/backgrounds",
    "synthesize --out data/train --people 2600 --seed 11 --cameras 48 --outfits 3 4 --samples 1 "
    "--pictures-per-outfit 3 --test-share 0.02 --backgrounds data/backgrounds",
    "synthesize --out data/teams --people 160 --seed 12 --cameras 48 --outfits 4 4 --samples 1 "
    "--pictures-per-outfit 3 --test-share 0 --uniforms 4 --team 40 --backgrounds data/backgrounds",
    "synthesize --out data/test --people 106 --seed 1 --cameras 24 --outfits 4 4 --samples 1 --test-share 0.99 "
    "--backgrounds data/backgrounds",
    "synthesize --out data/uniforms --people 102 --seed 2 --cameras 24 --outfits 4 4 --samples 1 "
    "--test-share 0.99 --uniforms 4 --backgrounds data/backgrounds",
    "run train/configs/3dsl-lite.yaml",
    "run train/configs/3dsl-lite-whole.yaml",
    "interpolate runs/3dsl-lite-whole/export --out runs/3dsl-lite-interpolated",
    "run train/configs/3dsl-lite-bodies.yaml",
    "synthesize --out data/more --people 1200 --seed 13 --cameras 48 --outfits 3 4 --samples 1 "
    "--pictures-per-outfit 3 --test-share 0.1 --backgrounds data/backgrounds",
    "keypoints runs/3dsl-lite-bodies/export --data data/more --out runs/3dsl-lite-keypoints --steps 6000",
    "measure runs/3dsl-lite-keypoints --data data/test --uniforms data/uniforms",
)
"""Arguments of `python -m train`, in order; docs/training.md explains them, and a test compares both."""

DONE = Path("runs/reproduced.json")
"""The commands that have finished, in the folder where this is run."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--list", action="store_true", help="print the commands and what is done; run nothing"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="for every training run; precision=no where there is no GPU",
    )


def main(args: argparse.Namespace) -> None:
    """Run what is not done yet; after an interruption the same command continues.

    Raises:
        InputError: a step failed, with how to continue.
    """
    done = finished()
    for step in STEPS:
        command = arguments(step, args.set)
        line = shlex.join(["python", "-m", "train", *command])
        if args.list:
            print(line + ("    # done" if line in done else ""))
            continue
        if line in done:
            continue
        print(line, file=sys.stderr, flush=True)
        again = ["--resume"] if command[0] == "run" and has_state(state_of(command[1])) else []
        if code := subprocess.run([sys.executable, "-m", "train", *command, *again]).returncode:
            raise InputError(
                f"`{line}` ended with code {code}; run `python -m train reproduce` again to continue."
            )
        done.append(line)
        write_whole(DONE, (json.dumps(done, indent=1) + "\n").encode())


def arguments(step: str, overrides: list[str]) -> list[str]:
    """A step's words; training runs get the overrides."""
    words = shlex.split(step)
    return words + [word for value in overrides if words[0] == "run" for word in ("--set", value)]


def state_of(config: str) -> Path:
    """Where a configuration's run keeps the state it can be resumed from."""
    return Path(load_config(config).out) / "last"


def finished() -> list[str]:
    """The commands that earlier calls have finished.

    Raises:
        InputError: the record is damaged.
    """
    if not DONE.is_file():
        return []
    try:
        done = read_json(DONE)
    except InputError:
        done = None
    if not isinstance(done, list) or not all(isinstance(line, str) for line in done):
        raise InputError(f"{DONE} is damaged; delete it, and finished steps are checked again.")
    return done
