"""What several commands do: read a query, load the model, open a gallery, say what was used."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from threedsl.arguments import device
from threedsl.errors import InputError
from threedsl.files import check_folder

if TYPE_CHECKING:
    import numpy as np

    from threedsl.data.detect import Box
    from threedsl.gallery import Gallery
    from threedsl.pipeline import ThreeDSL

SOURCES = "a folder of pictures, a folder with one sub-folder a person, or a list file"


def add_model_arguments(parser: argparse.ArgumentParser, photos: bool = True) -> None:
    """--checkpoint, --device, --json and, where the pictures may be photos, --whole."""
    parser.add_argument(
        "--checkpoint", help="a folder, a Hugging Face id, or 3dsl-lite, which is shipped (default)"
    )
    parser.add_argument(
        "--device", type=device, default="auto", help="auto, cpu, cuda or cuda:N (default auto)"
    )
    if photos:
        parser.add_argument(
            "--whole", action="store_true", help="take every picture as a person crop; look for nobody in it"
        )
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")


def read_query(path: str, whole: bool) -> tuple[np.ndarray, Box, int]:
    """(crop RGB, its box, people found in the photo)."""
    from threedsl.data.detect import query_box, whole_picture
    from threedsl.data.images import load_image

    image = load_image(path)
    box, people = (whole_picture(image), 0) if whole else query_box(image)
    return box.crop(image), box, people


def load_model(args: argparse.Namespace) -> ThreeDSL:
    """The model that --checkpoint and --device name."""
    from threedsl.checkpoint_folder import DEFAULT, REPOSITORY, find_checkpoint

    folder = find_checkpoint(args.checkpoint or REPOSITORY / "checkpoints" / DEFAULT)
    from threedsl.pipeline import ThreeDSL  # takes seconds; a wrong name is told before

    return ThreeDSL.from_pretrained(folder, device=args.device)


def open_gallery(source: str, model: ThreeDSL, whole: bool, kind: str | None = None) -> Gallery:
    """A gallery from whatever the user named; pictures that cannot be read are told on stderr and left out.

    kind: of its index; None keeps a saved one's, and is flat for pictures.
    """
    from threedsl.demo import demo_galleries
    from threedsl.gallery import Gallery

    demos = {} if Path(source).exists() else demo_galleries()
    if source in demos:
        return Gallery.build(model, demos[source].records, kind=kind or "flat")
    gallery = Gallery.open(source, model, find=False if whole else None, kind=kind, skip_damaged=True)
    for sentence in gallery.skipped:
        print(f"left out: {sentence}", file=sys.stderr)
    return gallery


def writable(path: str, endings: tuple[str, ...] = ()) -> Path:
    """The path of a file to write, its folder made.

    endings: those the file's name may have, in lower case; none: any.

    Raises:
        InputError: before any work, when the file could not be written at its end.
    """
    target = Path(path)
    if target.is_dir():
        raise InputError(f"{path} is a folder; name the file to write.")
    if endings and target.suffix.lower() not in endings:
        raise InputError(f"{path} must end in {' or '.join(endings)}; name the file so.")
    check_folder(target.parent, path)
    return target


def cut_out(box: Box, people: int) -> dict:
    """JSON fields that say which part of a photo was used, in pixels of the photo as read (at most 2,000 a side)."""
    return {"box": [box.x0, box.y0, box.x1, box.y1], "people": people}


def in_words(box: Box, people: int) -> str:
    """The same for people to read."""
    if box.whole:
        return "a person crop" if people else "the whole picture"
    found = "the person found" if people == 1 else f"the most prominent of {people} people"
    return f"{found}, box {box.x0} {box.y0} {box.x1} {box.y1}"


def print_json(value: dict) -> None:
    """One object on one line."""
    print(json.dumps(value, ensure_ascii=False))
