"""Shared by several commands: read a query, load the model, open a gallery, report what was used."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from threedsl.arguments import device
from threedsl.console import json_line
from threedsl.errors import InputError
from threedsl.files import check_folder

if TYPE_CHECKING:
    import numpy as np

    from threedsl.data.listfile import Record
    from threedsl.gallery import Filter, Gallery
    from threedsl.people import Choice
    from threedsl.pipeline import ThreeDSL

LABELS = ("pid", "camid", "clothes")
SOURCES = "a folder of pictures, a folder with one sub-folder per person, or a list file"


def add_model_arguments(parser: argparse.ArgumentParser, photos: bool = True, backends: bool = True) -> None:
    """--checkpoint, --device, --json, --backend unless it is left out, and --whole where the pictures may be photos."""
    parser.add_argument(
        "--checkpoint", help="a folder, a Hugging Face id, or the shipped 3dsl-lite (default)"
    )
    parser.add_argument(
        "--device", type=device, default="auto", help="auto, cpu, cuda or cuda:N (default auto)"
    )
    if backends:
        parser.add_argument(
            "--backend",
            choices=("auto", "torch", "onnx"),
            default="auto",
            help="what runs the network: torch, or onnx (onnxruntime), two to three times as fast on a CPU; auto "
            "(default) is onnx where it can be had",
        )
    if photos:
        parser.add_argument(
            "--whole",
            action="store_true",
            help="treat every picture as a person crop; skip person detection",
        )
    parser.add_argument("--json", action="store_true", help="print JSON, one object per line")


def add_filter_arguments(parser: argparse.ArgumentParser, verb: str, inverse: bool = True) -> None:
    """--pid, --camid and --clothes, and with inverse --not-pid and so on."""
    for name in LABELS:
        parser.add_argument(
            f"--{name}", nargs="+", metavar="LABEL", help=f"{verb} only pictures with these labels"
        )
    for name in LABELS if inverse else ():
        parser.add_argument(
            f"--not-{name}", nargs="+", metavar="LABEL", help="leave pictures with these labels out"
        )


def filter_from(args: argparse.Namespace) -> Filter | None:
    """The filter of `add_filter_arguments`; None where none was given."""
    from threedsl.gallery import Filter

    names = (*LABELS, *(f"not_{name}" for name in LABELS))
    chosen = {name: tuple(values) for name in names if (values := getattr(args, name, None))}
    return Filter(**chosen) if chosen else None


def add_share_argument(parser: argparse.ArgumentParser) -> None:
    """--shape-share, where both streams are ranked by together."""
    parser.add_argument(
        "--shape-share",
        metavar="X_OR_LIST",
        help="the shape stream's weight in the combined stream, between 0 and 1 (default: the checkpoint's), or a list "
        "file of labelled pictures of other people on which it is chosen",
    )


def read_query(path: str, whole: bool) -> tuple[np.ndarray, Choice]:
    """(RGB uint8 crop, the chosen box and the people in the photo).

    Raises:
        InputError: the picture cannot be read, or whole is False and it contains no person.
    """
    from threedsl.data.images import load_image

    image = load_image(path)
    from threedsl.people import Choice, choose, whole_picture  # slow import; a bad file is reported first

    choice = Choice(whole_picture(image)) if whole else choose(image)
    if not whole and not choice.count:
        raise InputError(
            f"No person was found in {path}; use another photo, or --whole to use the whole picture."
        )
    return choice.box.crop(image), choice


def load_model(args: argparse.Namespace) -> ThreeDSL:
    """The model selected by --checkpoint and --device."""
    from threedsl.checkpoint.folder import DEFAULT_CHECKPOINT, find_checkpoint

    folder = find_checkpoint(args.checkpoint or DEFAULT_CHECKPOINT)
    from threedsl.pipeline import ThreeDSL  # slow import; a wrong name is reported first

    return ThreeDSL.from_folder(folder, args.device, args.backend)


def pictures_named(source: str, whole: bool) -> tuple[list[Record], list[str], bool]:
    """What the user named: its pictures, sentences about files of a folder that are no pictures, and whether a person
    has to be looked for in the pictures. Which pictures of a dataset folder are meant is said on stderr."""
    from threedsl.data.listfile import may_be_photos, records_and_rest
    from threedsl.gallery.demo import demo_galleries

    demos = {} if Path(source).exists() else demo_galleries()
    if source in demos:
        return list(demos[source].records), [], False
    records, left_out = records_and_rest(source)
    say_which(source)
    return records, left_out, not whole and may_be_photos(source)


def say_which(source: str) -> None:
    """Say on stderr which pictures of a dataset folder are used."""
    from threedsl.data.listfile import about_dataset

    if sentence := about_dataset(source):
        print(sentence, file=sys.stderr)


def open_gallery(source: str, model: ThreeDSL, whole: bool, kind: str | None = None) -> Gallery:
    """A gallery from whatever the user named; unreadable pictures are reported on stderr and left out.

    kind: index kind; None keeps that of a saved index and means flat for pictures.
    """
    from threedsl.gallery import Gallery
    from threedsl.gallery.demo import demo_galleries
    from threedsl.gallery.storage import is_saved

    demos = {} if Path(source).exists() else demo_galleries()
    if source in demos:
        return Gallery.build(model, demos[source].records, kind=kind or "flat")
    if not is_saved(source):
        say_which(source)
    gallery = Gallery.open(source, model, find=False if whole else None, kind=kind, skip_damaged=True)
    for sentence in gallery.skipped:
        print(f"left out: {sentence}", file=sys.stderr)
    for sentence in gallery.copies:
        print(sentence, file=sys.stderr)
    return gallery


def writable(path: str, endings: tuple[str, ...] = ()) -> Path:
    """The path of an output file; creates its folder.

    endings: allowed extensions, in lower case; empty for any.

    Raises:
        InputError: the file could not be written; checked before any work.
    """
    target = Path(path)
    if target.is_dir():
        raise InputError(f"{path} is a folder; name the file to write.")
    if endings and target.suffix.lower() not in endings:
        raise InputError(f"{path} must end in {' or '.join(endings)}; choose such a name.")
    check_folder(target.parent, path)
    return target


def check_spared(target: Path | None, inputs: Iterable[str | Path]) -> None:
    """Check that an output, if there is one, replaces none of the files that the command reads.

    Raises:
        InputError: it would.
    """
    if target is None or not target.exists():
        return
    for path in inputs:
        if os.path.exists(path) and target.samefile(path):
            raise InputError(f"{target} is read by this command and would be replaced; choose another name.")


def cut_out(choice: Choice) -> dict:
    """JSON fields for the part of a photo that was used, in pixels of the photo as read (at most 2,000 a side)."""
    box = choice.box
    return {"box": [box.x0, box.y0, box.x1, box.y1], "people": choice.count, "warning": choice.warning}


def in_words(choice: Choice) -> str:
    """The same as text."""
    return "; ".join(filter(None, (_taken(choice), choice.warning.rstrip("."))))


def _taken(choice: Choice) -> str:
    box = choice.box
    if box.whole:
        return "a person crop" if choice.count else "the whole picture"
    found = "the person found" if choice.count == 1 else f"the most prominent of {choice.count} people"
    return f"{found}, box {box.x0} {box.y0} {box.x1} {box.y1}"


def print_json(value: dict) -> None:
    """One object on one line."""
    print(json_line(value))
