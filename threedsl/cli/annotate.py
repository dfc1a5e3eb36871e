"""Give a dataset its keypoints and masks, from AlphaPose and Self-Correction or by itself."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from threedsl.cli.common import print_json, writable
from threedsl.errors import InputError

if TYPE_CHECKING:
    from threedsl.data.annotate import Coverage, Dataset

NAMED = 10  # pictures without, in words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument(
        "root", metavar="DIR", help="a dataset folder with list/*.txt, as `prepare` writes it"
    )
    parser.add_argument(
        "--alphapose",
        metavar="FILE_OR_FOLDER",
        help="AlphaPose's results (flat list of 17, 26, 68, 133 or 136 joints, cmu or open); a folder where names "
        "repeat between the pictures' folders: one results file for each, 001/alphapose-results.json or train_001.json",
    )
    parser.add_argument(
        "--parsing",
        metavar="FOLDER",
        help="the palette PNGs of Self-Correction-Human-Parsing; in folders like the pictures' where names repeat",
    )
    parser.add_argument(
        "--labels",
        choices=("lip", "atr", "pascal"),
        help="what the PNGs were parsed with (default: told by their palette)",
    )
    parser.add_argument(
        "--without-bags",
        action="store_true",
        help="leave bags out of the masks (ATR only has a label for them)",
    )
    parser.add_argument(
        "--builtin", action="store_true", help="find both by MediaPipe (train/requirements-mediapipe.txt)"
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
        help="draw keypoints and masks on some of the pictures; alone: show what is there",
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON, with every picture that lacks something"
    )


def run(args: argparse.Namespace) -> None:
    """Write pose/ and mask/, then say what is missing."""
    if args.builtin and (args.alphapose or args.parsing):
        raise InputError("--builtin replaces --alphapose and --parsing; give the one or the others.")
    if not (args.builtin or args.alphapose or args.parsing or args.preview):
        raise InputError("Nothing to do: give --alphapose and --parsing, --builtin, or --preview.")
    if (args.labels or args.without_bags) and not args.parsing:
        raise InputError("--labels and --without-bags belong to --parsing; give that too.")

    from threedsl.data.annotate import open_dataset
    from threedsl.data.from_alphapose import add_keypoints
    from threedsl.data.from_parsing import add_masks

    preview = writable(args.preview, (".png", ".jpg", ".jpeg")) if args.preview else None
    dataset = open_dataset(args.root, args.list)
    results = []
    if args.alphapose:
        results.append(add_keypoints(dataset, args.alphapose))
    if args.parsing:
        results.append(add_masks(dataset, args.parsing, args.labels, args.without_bags))
    if args.builtin:
        from threedsl.data.builtin import add_both

        results += add_both(dataset)
    if preview:
        from threedsl.data.preview import write_preview

        write_preview(dataset, preview)
    if args.json:
        print_json(in_json(dataset, results, preview))
    else:
        for coverage in results:
            print(in_words(dataset, coverage))
        if preview:
            print(f"Preview in {preview}")


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
        lines.append(f"  without, seen from {dataset.root}:")
        lines += [f"    {pose_id(dataset.root, picture)}" for picture in coverage.missing[:NAMED]]
        lines += [f"    and {more:,} more, all of them with --json"] if more > 0 else []
    return "\n".join(lines)


def target(dataset: Dataset, coverage: Coverage) -> Path:
    """Where this kind of annotation is written."""
    from threedsl.data.layout import mask_folder, pose_file

    return (pose_file if coverage.kind == "keypoints" else mask_folder)(dataset.root)


def in_json(dataset: Dataset, results: list[Coverage], preview: Path | None) -> dict:
    """The same for programs."""
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
