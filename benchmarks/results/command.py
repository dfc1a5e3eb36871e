"""Write docs/results.md from benchmarks/results/template.md and the records of every figure."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.results.records import FOLDER, ROOT, read_records
from benchmarks.results.tables import BLOCKS
from benchmarks.results.template import fill
from threedsl.errors import InputError
from threedsl.files import write_whole

TEMPLATE = Path(__file__).with_name("template.md")
RESULTS = ROOT / "docs" / "results.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file would change")


def main(args: argparse.Namespace) -> None:
    """Raises:
    InputError: the template or a record is wrong, or with --check the file is not what would be written.
    """
    text = document()
    if args.check:
        if RESULTS.read_text(encoding="utf-8") != text:
            raise InputError(
                "docs/results.md is not what the records say; run `python -m benchmarks results`."
            )
        return
    write_whole(RESULTS, text.encode())
    print(f"Written to {RESULTS}.", file=sys.stderr)


def document(
    template: Path = TEMPLATE, folder: Path = FOLDER, elsewhere: Mapping[str, Path] | None = None
) -> str:
    """docs/results.md as it follows from the template and the records.

    Raises:
        InputError: a placeholder has no value, or a record is used nowhere.
    """
    records = read_records(folder, elsewhere)
    text, used = fill(template.read_text(encoding="utf-8"), records, BLOCKS)
    unused = [name for name, record in records.items() if name not in used and not record.compares]
    if unused:
        raise InputError(
            f"The record {unused[0]} stands nowhere in docs/results.md; name it in {template.name} or remove it."
        )
    return text
