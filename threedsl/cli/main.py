"""The parser, and what becomes of errors."""

from __future__ import annotations

import argparse
import errno
import os
import sys
import warnings
from typing import NoReturn

from threedsl.cli import annotate, compare, embed, evaluate, index, prepare, reconstruct, search, space
from threedsl.errors import InputError

COMMANDS = {
    "search": search,
    "embed": embed,
    "reconstruct": reconstruct,
    "compare": compare,
    "index": index,
    "prepare": prepare,
    "annotate": annotate,
    "evaluate": evaluate,
    "space": space,
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    args = build_parser().parse_args(argv)
    try:
        with warnings.catch_warnings():
            # What Pillow warns of, such as a large picture or odd EXIF data, ends in a sentence or does not matter.
            warnings.filterwarnings("ignore", module=r"PIL\.")
            args.run(args)
            sys.stdout.flush()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Who reads has seen enough, as `| head` does.
        _silence()
        return 141
    except OSError as error:
        # Files that commands write tell of a full disk themselves; what is left is what is printed.
        if error.errno != errno.ENOSPC:
            raise
        _silence()
        print(f"error: the output cannot be written ({error.strerror})", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 0


def _silence() -> None:
    """Send what is left of stdout nowhere: Python would complain again when it closes the stream."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Parser(argparse.ArgumentParser):
    """Wrong usage as one sentence, like every other error."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}; see `{self.prog} --help`\n")


def build_parser() -> argparse.ArgumentParser:
    """Commands import what is heavy when they run, so that --help is quick."""
    parser = Parser(
        prog="python -m threedsl", description="Find people again although their clothes changed."
    )
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    for name, module in COMMANDS.items():
        summary = module.__doc__.strip().splitlines()[0]
        command = commands.add_parser(name, help=summary, description=summary)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser
