"""Add keypoints and masks to a dataset, from AlphaPose and Self-Correction or with the built-in people finder."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from threedsl.cli.common import check_spared, print_json, writable
from threedsl.errors import InputError

if TYPE_CHECKING:
    from threedsl.annotations.dataset import Coverage, Dataset

NAMED = 10  # missing pictures listed in the text output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument(
        "root", metavar="DIR", help="a dataset folder with list/*.txt, as `prepare` writes it"
    )
    parser.add_argument(
        "--alphapose",
        metavar="FILE_OR_FOLDER",
        help="AlphaPose results (flat list of 17, 26, 68, 133 or 136 joints, cmu or open); if picture names repeat "
        "across folders, a folder of one results file per picture folder: 001/alphapose-results.json or train_001.json",
    )
    parser.add_argument(
        "--parsing",
        metavar="FOLDER",
        help="the palette PNGs of Self-Correction-Human-Parsing, in the pictures' sub-folders if names repeat",
    )
    parser.add_argument(
        "--labels",
        choices=("lip", "atr", "pascal"),
        help="label set of the PNGs (default: detected from their palette)",
    )
    parser.add_argument(
        "--without-bags",
        action="store_true",
        help="leave bags out of the masks (only ATR has a label for them)",
    )
    parser.add_argument("--builtin", action="store_true", help="detect both with the built-in people finder")
    parser.add_argument(
        "--masks",
        choices=("grabcut", "mediapipe"),
        help="with --builtin: masks from GrabCut, seeded with the keypoints (default), or better ones from MediaPipe "
        "(train/requirements-mediapipe.txt)",
    )
    parser.add_argument(
        "--list",
        action="append",
        default=[],
        metavar="NAME",
        help="annotate only this list, such as train; may be repeated (default: all of list/*.txt)",
    )
    parser.add_argument(
        "--preview",
        metavar="SHEET.png",
        help="draw keypoints and masks on some of the pictures; given alone, draw the existing ones",
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON, listing every picture with missing annotations"
    )


def run(args: argparse.Namespace) -> None:
    """Write pose/ and mask/, then report what is missing."""
    if args.builtin and (args.alphapose or args.parsing):
        raise InputError("--builtin replaces --alphapose and --parsing; use one or the other.")
    if not (args.builtin or args.alphapose or args.parsing or args.preview):
        raise InputError("Nothing to do: give --alphapose and --parsing, --builtin, or --preview.")
    if args.masks and not args.builtin:
        raise InputError("--masks requires --builtin; add it.")
    if (args.labels or args.without_bags) and not args.parsing:
        raise InputError("--labels and --without-bags require --parsing; add it.")

    from threedsl.annotations.dataset import open_dataset
    from threedsl.annotations.from_alphapose import add_keypoints
    from threedsl.annotations.from_parsing import add_masks

    preview = writable(args.preview, (".png", ".jpg", ".jpeg")) if args.preview else None
    write_preview = preview_writer() if preview else None
    dataset = open_dataset(args.root, args.list)
    check_spared(preview, dataset.pictures)
    results = []
    if args.alphapose:
        results.append(add_keypoints(dataset, args.alphapose))
    if args.parsing:
        results.append(add_masks(dataset, args.parsing, args.labels, args.without_bags))
    if args.builtin:
        from threedsl.annotations.builtin import add_both

        results += add_both(dataset, args.masks or "grabcut")
    if preview:
        write_preview(dataset, preview)
    if args.json:
        print_json(in_json(dataset, results, preview))
    else:
        for coverage in results:
            print(in_words(dataset, coverage))
        if preview:
            print(f"Preview in {preview}")


def preview_writer() -> Callable[[Dataset, Path], None]:
    """The function that draws the sheet, imported first so that a missing package is reported before any work.

    Raises:
        InputError: a package it needs is not installed.
    """
    try:
        import cv2  # noqa: F401

        from threedsl.annotations.preview import write_preview
    except ImportError as error:
        raise InputError(
            f"--preview needs {error.name}, which is not installed here; install it, or leave --preview out."
        ) from None
    return write_preview


def in_words(dataset: Dataset, coverage: Coverage) -> str:
    """`keypoints: 9 of 10 pictures (train 6 of 6, query 3 of 4) in pose/…`, the notes and the missing pictures."""
    from threedsl.data.layout import pose_id

    missing = set(coverage.missing)

    def share(pictures: list[Path]) -> str:
        return f"{sum(picture not in missing for picture in pictures):,} of {len(pictures):,}"

    each = ", ".join(f"{name} {share(pictures)}" for name, pictures in dataset.lists.items())
    lines = [f"{coverage.kind}: {share(dataset.pictures)} pictures ({each}) in {target(dataset, coverage)}"]
    lines += [f"  {note}" for note in coverage.notes]
    if missing:
        more = len(coverage.missing) - NAMED
        lines.append(f"  missing, relative to {dataset.root}:")
        lines += [f"    {pose_id(dataset.root, picture)}" for picture in coverage.missing[:NAMED]]
        lines += [f"    and {more:,} more (--json lists all)"] if more > 0 else []
    return "\n".join(lines)


def target(dataset: Dataset, coverage: Coverage) -> Path:
    """Where this kind of annotation is written."""
    from threedsl.data.layout import mask_folder, pose_file

    return (pose_file if coverage.kind == "keypoints" else mask_folder)(dataset.root)


def in_json(dataset: Dataset, results: list[Coverage], preview: Path | None) -> dict:
    """The same as JSON."""
    from threedsl.data.layout import pose_id

    content = {
        "dataset": str(dataset.root),
        "pictures": len(dataset.pictures),
        "lists": {name: len(pictures) for name, pictures in dataset.lists.items()},
    }
    for coverage in results:
        content[coverage.kind] = {
            "pictures": len(dataset.pictures) - len(coverage.missing),
            "written": str(target(dataset, coverage)),
            "missing": [pose_id(dataset.root, picture) for picture in coverage.missing],
            "notes": coverage.notes,
        }
    return content | ({"preview": str(preview)} if preview else {})
