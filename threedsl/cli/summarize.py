"""Several seeds' results as mean and deviation: for the terminal, as a LaTeX table or as JSON."""

from __future__ import annotations

import argparse
import sys

from threedsl.cli.common import check_spared, writable
from threedsl.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument(
        "trainings",
        nargs="+",
        metavar="NAME=FILE,FILE…",
        help="a name and, for each seed, what `evaluate --save` wrote; FILE alone is named after itself",
    )
    parser.add_argument("--latex", metavar="FILE.tex", help="write a LaTeX table")
    parser.add_argument("--json", metavar="FILE.json", help="write all figures, by seed too")
    parser.add_argument("--title", default="Trainings compared", help="with --json: a heading")
    parser.add_argument("--note", default="", help="with --json: sentences below it")


def run(args: argparse.Namespace) -> None:
    """Read the files, average, print and write."""
    from threedsl.evaluation.tables.latex import as_latex
    from threedsl.evaluation.tables.plain import as_plain
    from threedsl.evaluation.tables.runs import as_record, read_rows, record_text, summarized
    from threedsl.files import write_whole

    latex = writable(args.latex, (".tex",)) if args.latex else None
    target = writable(args.json, (".json",)) if args.json else None
    for path in (latex, target):
        check_spared(path, (file for files in _named(args.trainings).values() for file in files))
    rows = summarized(
        {name: [read_rows(path) for path in files] for name, files in _named(args.trainings).items()}
    )
    record = as_record(rows, args.title, args.note, _how(args.trainings)) if target else None
    print(as_plain(rows))
    if latex:
        write_whole(latex, as_latex(rows).encode())
        print(f"LaTeX table: {latex}", file=sys.stderr)
    if target:
        write_whole(target, record_text(record).encode())
        print(f"figures: {target}", file=sys.stderr)


def _named(words: list[str]) -> dict[str, list[str]]:
    """Names and their files, as given on the command line."""
    from pathlib import Path

    found: dict[str, list[str]] = {}
    for word in words:
        name, equals, files = word.partition("=")
        if not equals:
            name, files = Path(word).stem, word
        listed = [file for file in files.split(",") if file]
        if not name or not listed:
            raise InputError(f"{word!r} must look like NAME=FILE,FILE.")
        if name in found:
            raise InputError(f"Two trainings are called {name}; give them different names.")
        if len(set(listed)) < len(listed):
            raise InputError(f"{name} names a file twice; every seed has one of its own.")
        found[name] = listed
    return found


def _how(words: list[str]) -> str:
    names = " ".join(f"{name}=…" for name in _named(words))
    return f"`python -m threedsl evaluate … --save FILE` for each seed, then `python -m threedsl summarize {names}`"
