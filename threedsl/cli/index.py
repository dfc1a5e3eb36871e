"""Index a gallery once and save it, so that searches start immediately."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from threedsl.cli.common import (
    SOURCES,
    add_model_arguments,
    load_model,
    open_gallery,
    pictures_named,
    print_json,
)
from threedsl.errors import InputError
from threedsl.gallery.index_kinds import KINDS

if TYPE_CHECKING:
    from pathlib import Path

    from threedsl.gallery import Gallery
    from threedsl.pipeline import ThreeDSL


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments and the shared ones."""
    parser.add_argument("source", metavar="FOLDER_OR_LIST", help=SOURCES)
    parser.add_argument("--out", required=True, help="the index folder to write")
    parser.add_argument(
        "--kind",
        choices=KINDS,
        help="flat (exact, default), or hnsw, ivfsq, ivfpq for very large galleries; a saved index keeps its own",
    )
    parser.add_argument(
        "--add",
        action="store_true",
        help="add the pictures that are not in it yet to the index, which exists",
    )
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Build the gallery and save it, or add to the one that is there."""
    from threedsl.files import changing
    from threedsl.gallery.storage import check_target

    check_target(args.out)
    if args.add:
        if args.kind:
            raise InputError("An index keeps its kind when pictures are added; leave --kind out.")
        with changing(args.out) as folder:
            gallery, added = _extended(args, folder, load_model(args))
        if args.json:
            print_json(
                {"out": args.out, "added": added, "pictures": len(gallery), "skipped": gallery.skipped}
            )
        else:
            print(f"{added} pictures added to {args.out}, {len(gallery)} in it")
        return
    gallery = open_gallery(args.source, load_model(args), args.whole, kind=args.kind)
    gallery.save(args.out)
    if args.json:
        print_json({"out": args.out, "pictures": len(gallery), "skipped": gallery.skipped})
    else:
        print(f"{len(gallery)} pictures indexed in {args.out}")


def _extended(args: argparse.Namespace, folder: Path, model: ThreeDSL) -> tuple[Gallery, int]:
    """The saved index with the pictures of the source that it lacks, saved again; and how many they are."""
    from threedsl.descriptors import Descriptors
    from threedsl.gallery import Gallery

    gallery = Gallery.load(args.out, model)  # by its name, as a link may be next to the pictures
    rows = zip(gallery.records, gallery.records.deleted, strict=True)
    known = {record.path.resolve() for record, deleted in rows if not deleted}
    more, gallery.skipped = _lacking(args, known, model)
    if more is not None:
        gallery.add(more.records, Descriptors(more.appearance, more.shape, more.fingerprint), more.boxes)
        gallery.save(folder)
    for sentence in gallery.skipped:
        print(f"left out: {sentence}", file=sys.stderr)
    return gallery, len(more) if more is not None else 0


def _lacking(args: argparse.Namespace, known: set[Path], model: ThreeDSL) -> tuple[Gallery | None, list[str]]:
    """The source's pictures that are not known, described (None: there are none), and a sentence for each left out."""
    from pathlib import Path

    from threedsl.gallery import Gallery
    from threedsl.gallery.storage import is_saved

    source = Path(args.source)
    if is_saved(source) or (source.suffix.lower() == ".npz" and source.is_file()):
        more = open_gallery(args.source, model, args.whole)
        more.delete([row for row, record in enumerate(more.records) if record.path.resolve() in known])
        return (more.compacted() if len(more) else None), more.skipped
    records, skipped, find = pictures_named(args.source, args.whole)
    fresh = [record for record in records if record.path.resolve() not in known]
    if not fresh:
        return None, skipped
    more = Gallery.build(model, fresh, find=find, skip_damaged=True)
    return more, skipped + more.skipped
