"""Write the descriptors of many pictures to an .npz file."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from threedsl.cli.common import SOURCES, add_model_arguments, load_model, open_gallery, print_json, writable
from threedsl.files import whole_file

if TYPE_CHECKING:
    from pathlib import Path

    from threedsl.gallery import Gallery


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments and those of every command."""
    parser.add_argument("source", metavar="LIST_OR_FOLDER", help=SOURCES)
    parser.add_argument("--out", required=True, help="the .npz file to write")
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Describe the pictures and write the file."""
    out = writable(args.out)
    gallery = open_gallery(args.source, load_model(args), args.whole)
    write_npz(gallery, out)
    if args.json:
        print_json({"out": args.out, "pictures": len(gallery), "skipped": gallery.skipped})
    else:
        print(f"{len(gallery)} descriptors in {out}")


def write_npz(gallery: Gallery, out: Path) -> None:
    """appearance, shape, combined (N, D); path, pid, camid, clothes (N,) text; fingerprint () text. Atomic."""
    import numpy as np

    from threedsl.pipeline import combine

    texts = {
        name: [str(getattr(row, name)) for row in gallery.records]
        for name in ("path", "pid", "camid", "clothes")
    }
    with whole_file(out) as file:
        np.savez(
            file,
            appearance=gallery.appearance,
            shape=gallery.shape,
            combined=combine(gallery.appearance, gallery.shape, gallery.shape_share),
            fingerprint=np.array(gallery.fingerprint),
            **{name: np.array(values) for name, values in texts.items()},
        )
