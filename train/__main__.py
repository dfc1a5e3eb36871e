"""python -m train body | wardrobe | synthesize | run | demo | compare | measure: what reproduces checkpoints/."""

import argparse
import importlib
import sys

from threedsl.errors import InputError

COMMANDS = {
    "body": ("train.body", "distil the body model, or complete a licensed SMPL file"),
    "wardrobe": ("train.wardrobe", "fetch the garments synthetic people wear"),
    "synthesize": ("train.synthesize.command", "make a data set of synthetic people"),
    "run": ("train.engine", "train from a configuration"),
    "demo": ("train.demo_gallery", "take the demo page's synthetic gallery from a data set"),
    "compare": ("train.compare", "compare trainings, each repeated with several seeds"),
    "measure": ("train.measure", "measure a checkpoint and write its model card"),
}


def main(argv: list[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, text) in COMMANDS.items():
        commands.add_parser(name, help=text, add_help=False)
    name = parser.parse_known_args(argv[:1])[0].command
    module = importlib.import_module(COMMANDS[name][0])
    own = argparse.ArgumentParser(prog=f"python -m train {name}", description=COMMANDS[name][1])
    module.add_arguments(own)
    try:
        module.main(own.parse_args(argv[1:]))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
