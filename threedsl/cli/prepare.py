"""Write the lists of a public dataset, or of your own pictures.

Nothing is copied: the lists refer to the pictures in place, by paths relative to --out where they are below it and by
absolute paths otherwise. `python -m threedsl prepare DATASET --help` shows the expected layout and the lists that
are written in addition to train.txt, query.txt and gallery.txt.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from threedsl.datasets import DATASETS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One sub-command per dataset."""
    parser.description, parser.epilog = __doc__.split("\n\n", 1)
    datasets = parser.add_subparsers(
        dest="dataset", required=True, metavar="DATASET", parser_class=type(parser)
    )
    for name, module in DATASETS.items():
        command = datasets.add_parser(
            name,
            help=module.__doc__.split("\n", 1)[0],
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument("root", metavar="ROOT", help="the dataset's folder, as described above")
        command.add_argument(
            "--out",
            required=True,
            metavar="DIR",
            help="the dataset folder to write list/ into; may be ROOT itself",
        )
        command.add_argument("--force", action="store_true", help="replace the lists of another dataset")
        command.add_argument("--json", action="store_true", help="print the table as JSON")
        if hasattr(module, "add_arguments"):
            options = command.add_argument_group("details that the folder does not provide")
            module.add_arguments(options)


def run(args: argparse.Namespace) -> None:
    """Read the dataset, print its sizes next to the published ones, write the lists."""
    from threedsl.cli.common import print_json
    from threedsl.datasets.collection import WHOLE, table, unanswerable
    from threedsl.datasets.folders import joined, passed_over
    from threedsl.datasets.writing import (
        prepared,
        refuse_overwrite,
        replaced,
        strangers,
        summary,
        write_lists,
    )
    from threedsl.files import check_folder
    from threedsl.locks import locked

    module = DATASETS[args.dataset]
    out = Path(os.path.abspath(args.out))
    common = {"command", "run", "dataset", "root", "out", "force", "json"}
    options = {name: value for name, value in vars(args).items() if name not in common}
    collection = module.read(args.root, **options)
    collection = replace(collection, notes=(*collection.notes, *passed_over(collection.lists, args.root)))
    check_folder(out / "list", out / "list")
    with locked(out / "list"):  # of two datasets prepared here at once the second one is refused
        if not args.force:
            refuse_overwrite(out, collection.dataset)
        before = prepared(out)
        written = write_lists(collection, out, options, args.root)
    found = summary(collection, options, args.root)
    if lost := replaced(before, json.loads(json.dumps(found))):
        print(lost, file=sys.stderr)
    alone = unanswerable(collection.lists["query"], collection.lists["gallery"])
    if args.json:
        print_json(found | {"out": str(out), "queries_without_match": alone})
    else:
        print(f"{collection.title}\n")
        print(table(collection.counts(), collection.published), end="\n\n")
        for note in collection.notes:
            print(note)
        if alone:
            queries = "query has" if alone == 1 else "queries have"
            print(f"{alone:,} {queries} no match under another camera in gallery.txt and will not be scored.")
        print(f"Written to {written[0].parent}: {', '.join(path.name for path in written)}", flush=True)
    if args.force and (others := strangers(out, written)):
        print(
            f"warning: kept {joined([str(path) for path in others])}, not written by `prepare`; other commands read "
            "every list, so delete those that do not belong to this dataset.",
            file=sys.stderr,
        )
    if found["differences"]:
        names = [sentence.split(":")[0] for sentence in found["differences"]]
        names = joined(["the whole dataset" if name == WHOLE else name for name in names])
        print(
            f"warning: the sizes of {names} differ from the published ones (an incomplete copy, another version or "
            "a division of your own); results cannot be compared with papers.",
            file=sys.stderr,
        )
