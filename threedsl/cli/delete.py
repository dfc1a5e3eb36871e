"""Delete pictures from a saved index."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from threedsl.cli.common import add_filter_arguments, filter_from, print_json
from threedsl.errors import InputError

if TYPE_CHECKING:
    from threedsl.gallery import Gallery


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("index", metavar="INDEX", help="an index folder that `index` wrote")
    parser.add_argument("pictures", nargs="*", metavar="PICTURE", help="pictures to delete, by their paths")
    add_filter_arguments(parser, "delete", inverse=False)
    parser.add_argument(
        "--mark",
        action="store_true",
        help="only mark them, so that searches pass them over: fast for a very large hnsw, ivfsq or ivfpq, which is "
        "built again otherwise; their descriptors stay in the folder until pictures are deleted without --mark",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, one object per line")


def run(args: argparse.Namespace) -> None:
    """Delete the pictures that were named, and those that all of the given labels fit."""
    from threedsl.files import changing
    from threedsl.gallery import Gallery

    where = filter_from(args)
    if not args.pictures and where is None:
        raise InputError(
            "Nothing was named to delete; give pictures by their paths, or --pid, --camid or --clothes."
        )
    with changing(args.index) as folder:
        gallery = Gallery.load(args.index)  # by its name, as a link may be next to the pictures
        count = gallery.delete(_rows(gallery, args.pictures)) + (gallery.delete(where) if where else 0)
        if not len(gallery):
            raise InputError(f"That is every picture of {args.index}; to be rid of all, delete the folder.")
        left = gallery if args.mark else gallery.compacted()
        if count or left is not gallery:
            left.save(folder)
    if args.json:
        print_json({"index": args.index, "deleted": count, "pictures": len(left)})
    else:
        print(f"{count} pictures deleted, {len(left)} left in {args.index}")


def _rows(gallery: Gallery, pictures: list[str]) -> list[int]:
    wanted = {Path(picture).resolve(): picture for picture in pictures}
    found = {
        row: path
        for row, record in enumerate(gallery.records)
        if not gallery.records.deleted[row] and (path := record.path.resolve()) in wanted
    }
    if missing := set(wanted) - set(found.values()):
        raise InputError(f"{wanted[min(missing)]} is not in the index; nothing was deleted.")
    return list(found)
