"""The argument parser and error handling."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path
from typing import NoReturn

from threedsl.cli import (
    annotate,
    compare,
    delete,
    embed,
    evaluate,
    export,
    index,
    prepare,
    reconstruct,
    search,
    space,
    summarize,
)
from threedsl.console import show_every_name
from threedsl.errors import InputError
from threedsl.files import FULL
from threedsl.heap import keep_freed_memory

COMMANDS = {
    "search": search,
    "embed": embed,
    "reconstruct": reconstruct,
    "compare": compare,
    "index": index,
    "delete": delete,
    "prepare": prepare,
    "annotate": annotate,
    "evaluate": evaluate,
    "summarize": summarize,
    "export": export,
    "space": space,
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    show_every_name()
    keep_freed_memory()
    args = build_parser().parse_args(argv)
    try:
        with warnings.catch_warnings():
            # Pillow's warnings, such as large pictures or odd EXIF data, are reported as errors elsewhere or harmless.
            warnings.filterwarnings("ignore", module=r"PIL\.")
            args.run(args)
            sys.stdout.flush()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader closed the pipe, as `| head` does.
        _silence()
        return 141
    except OSError as error:
        # Commands report a full disk for most files they write, so without a name this is stdout.
        if error.errno not in FULL:
            raise
        _silence()
        print(
            f"error: {error.filename or 'the output'} cannot be written ({error.strerror})", file=sys.stderr
        )
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 0


def _silence() -> None:
    """Discard the rest of stdout: Python would raise again when it closes the stream."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Parser(argparse.ArgumentParser):
    """Report wrong usage in one sentence, like every other error."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}; see `{self.prog} --help`\n")


def build_parser() -> argparse.ArgumentParser:
    """Commands import heavy modules only when they run, so that --help is quick."""
    installed = Path(sys.argv[0]).stem == "threedsl"  # the entry point of pyproject.toml
    parser = Parser(
        prog="threedsl" if installed else "python -m threedsl",
        description="Cloth-changing person re-identification.",
    )
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    for name, module in COMMANDS.items():
        summary = module.__doc__.strip().splitlines()[0]
        command = commands.add_parser(name, help=summary, description=summary)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser
