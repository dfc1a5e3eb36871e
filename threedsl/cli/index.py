"""Index a gallery once and save it, so that searches start immediately."""

from __future__ import annotations

import argparse

from threedsl.cli.common import SOURCES, add_model_arguments, load_model, open_gallery, print_json
from threedsl.gallery.index_kinds import KINDS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments and the shared ones."""
    parser.add_argument("source", metavar="FOLDER_OR_LIST", help=SOURCES)
    parser.add_argument("--out", required=True, help="the index folder to write")
    parser.add_argument(
        "--kind",
        choices=KINDS,
        help="flat (exact, default), or hnsw, ivfsq, ivfpq for very large galleries; a saved index keeps its own",
    )
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Build the gallery and save it."""
    from threedsl.gallery.storage import check_target

    check_target(args.out)
    gallery = open_gallery(args.source, load_model(args), args.whole, kind=args.kind)
    gallery.save(args.out)
    if args.json:
        print_json({"out": args.out, "pictures": len(gallery), "skipped": gallery.skipped})
    else:
        print(f"{len(gallery)} pictures indexed in {args.out}")
