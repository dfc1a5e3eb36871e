"""Assemble the page as a Hugging Face Space in a folder, and try it in a clean environment."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from threedsl.cli.common import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        help="a new or empty folder, or one that this command wrote earlier",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="install its requirements into a clean environment, start it there and search with an example",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> None:
    """Assemble, verify if asked, report the result."""
    from threedsl.space.assemble import assemble
    from threedsl.space.check import verify

    space = assemble(args.out)
    report = {"folder": str(space.folder), "files": len(space.sizes), "bytes": space.bytes}
    if not args.json:
        largest = max(space.sizes, key=space.sizes.get)
        print(
            f"{space.folder}: {len(space.sizes)} files, {space.bytes / 1e6:.1f} MB; the largest is {largest} "
            f"({space.sizes[largest] / 1e6:.1f} MB)."
        )
    if args.verify:
        done = verify(space.folder, lambda sentence: print(sentence, file=sys.stderr))
        report["verified"] = {"photo": done.photo, "first": done.people, "seconds": done.seconds}
        if not args.json:
            took = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in done.seconds.items())
            first = ", ".join(f"{person} by {stream}" for stream, person in done.people.items())
            print(
                f"It works with its own requirements only: /search with {done.photo} found {first} ({took})."
            )
    if args.json:
        print_json(report)
    elif not args.verify:
        print(f"Try it: python -m threedsl space --out {args.out} --verify")
