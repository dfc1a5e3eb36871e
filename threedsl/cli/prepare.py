"""Write the lists of a public data set, or of pictures of your own.

Nothing is copied: the lists name the pictures where they are, by paths relative to --out where they lie below it and
by absolute paths otherwise. `python -m threedsl prepare DATASET --help` shows the layout that a data set must have and
the lists that are written besides train.txt, query.txt and gallery.txt.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from threedsl.datasets import (
    celebreid,
    dukemtmc,
    fgpr,
    folder,
    ltcc,
    market1501,
    msmt17,
    prcc,
    vcclothes,
)

DATASETS = {
    "market1501": market1501,
    "dukemtmc": dukemtmc,
    "msmt17": msmt17,
    "prcc": prcc,
    "ltcc": ltcc,
    "celebreid": celebreid,
    "vcclothes": vcclothes,
    "fgpr": fgpr,
    "folder": folder,
}
WITH_OPTIONS = (fgpr, folder)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One sub-command a data set."""
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
        command.add_argument("root", metavar="ROOT", help="the data set's folder, as described above")
        command.add_argument(
            "--out",
            required=True,
            metavar="DIR",
            help="the dataset folder; its list/ is written; may be ROOT itself",
        )
        command.add_argument("--force", action="store_true", help="replace the lists of another data set")
        command.add_argument("--json", action="store_true", help="print the table as JSON")
        if module in WITH_OPTIONS:
            options = command.add_argument_group("what the folder does not say")
            module.add_arguments(options)


def run(args: argparse.Namespace) -> None:
    """Read, print the sizes beside the published ones, write the lists."""
    from threedsl.cli.common import print_json
    from threedsl.datasets.collection import WHOLE, table, unanswerable
    from threedsl.datasets.folders import joined
    from threedsl.datasets.writing import (
        prepared,
        refuse_overwrite,
        replaced,
        strangers,
        summary,
        write_lists,
    )

    module = DATASETS[args.dataset]
    out = Path(os.path.abspath(args.out))
    common = {"command", "run", "dataset", "root", "out", "force", "json"}
    options = {name: value for name, value in vars(args).items() if name not in common}
    collection = module.read(args.root, **options)
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
            f"warning: {joined([str(path) for path in others])} stayed, which `prepare` did not write; other commands "
            "read every list, so delete what is not of this data set.",
            file=sys.stderr,
        )
    if found["differences"]:
        names = [sentence.split(":")[0] for sentence in found["differences"]]
        names = joined(["the whole" if name == WHOLE else name for name in names])
        print(
            f"warning: sizes of {names} are not the published ones: an incomplete copy or another version, "
            "whose results cannot be compared with papers.",
            file=sys.stderr,
        )
