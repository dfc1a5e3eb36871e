"""A dataset's masks from the PNGs of Self-Correction-Human-Parsing."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import numpy as np

from threedsl.annotations.dataset import (
    Coverage,
    Dataset,
    about_doubtful,
    check_apart,
    is_doubtful,
    mask_coverage,
    picture_size,
    some,
    write_mask,
)
from threedsl.annotations.pairing import pair
from threedsl.data.layout import check_masks, mask_path
from threedsl.data.parsing import LABEL_SETS, LabelSet, foreground, read_parsing, resolve_set
from threedsl.errors import InputError
from threedsl.progress import progress_bar


def add_masks(
    dataset: Dataset, folder: str | Path, labels: str | None = None, without_bags: bool = False
) -> Coverage:
    """Write the dataset's masks from a folder of Self-Correction's PNGs, flat or with the pictures' folders.

    Args:
        labels: lip, atr or pascal; None: detected from the files.
        without_bags: leave bags out of the mask; only ATR can.

    Raises:
        InputError: a file is malformed, a name fits several pictures, or nothing fits. Masks already written stay;
            each is whole.
    """
    folder = Path(folder)
    named = LABEL_SETS[labels] if labels else None
    if without_bags and named is not None and named.bag is None:
        raise InputError(
            f"{named.name.upper()} has no label for bags; leave --without-bags out, or parse with ATR."
        )
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give --parsing the folder with the PNG of each picture.")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".png")
    if not files:
        raise InputError(f"{folder} contains no PNG; give --parsing the output folder of Self-Correction.")
    check_masks(dataset.root, dataset.known)
    notes: list[str] = []
    pictures = pair(
        [PurePosixPath(path.relative_to(folder).with_suffix("").as_posix()) for path in files],
        dataset.known,
        dataset.root,
        # The tool cuts off the last four characters of a name, so b.jpeg becomes "b..png".
        lambda picture: {picture.stem, picture.name[:-4]},
        folder,
        "run the parser folder by folder, into folders named like the pictures'.",
        notes,
    )
    sources: dict[Path, Path] = {}
    for picture, path in zip(pictures, files, strict=True):
        if picture is not None and sources.setdefault(picture, path) != path:
            raise InputError(f"{sources[picture]} and {path} both belong to {picture}; keep one of them.")
    chosen = [picture for picture in dataset.pictures if picture in sources]
    if not chosen:
        raise InputError(
            f"No PNG in {folder} has the name of a listed picture (the first is {files[0].name}, the first "
            f"listed {dataset.pictures[0].name}); give the output for these pictures."
        )
    replaced = {mask_path(dataset.root, picture) for picture in chosen}
    given = {os.path.realpath(source): source for source in sources.values()}
    for mask in replaced:
        check_apart(mask, filter(None, [given.get(os.path.realpath(mask))]))
    empty, doubtful = [], []
    with progress_bar("Writing masks") as report:
        for done, picture in enumerate(chosen, 1):
            mask = read_mask(sources[picture], picture, named, without_bags)
            write_mask(mask_path(dataset.root, picture), mask)
            if not mask.any():
                empty.append(picture)
            if is_doubtful(mask):
                doubtful.append(picture)
            report(done, len(chosen))
    coverage = mask_coverage(dataset, chosen)
    coverage.notes += notes
    if empty:
        coverage.notes.append(f"empty masks (no person found): {len(empty):,} ({some(empty, dataset.root)})")
    coverage.notes += about_doubtful(doubtful, dataset.root)
    if strangers := sum(picture is None for picture in pictures):
        coverage.notes.append(f"PNGs of unlisted pictures, left out: {strangers:,}")
    return coverage


def read_mask(path: Path, picture: Path, named: LabelSet | None, without_bags: bool) -> np.ndarray:
    """(H, W) 0 or 255 of one parsing PNG, checked against the size of its picture."""
    parsing = read_parsing(path)
    label_set = resolve_set(parsing, named, path)
    if without_bags and label_set is None:
        raise InputError(f"The labels of {path} fit several sets; choose one with --labels.")
    if without_bags and label_set.bag is None:
        raise InputError(
            f"Parsing {path} is {label_set.name.upper()}, which has no label for bags; leave --without-bags out."
        )
    size, (height, width) = picture_size(picture), parsing.labels.shape
    if (width, height) != size:
        raise InputError(
            f"Parsing {path} has {width} x {height} pixels, but {picture} {size[0]} x {size[1]}; "
            "parse the pictures as they are listed."
        )
    return foreground(parsing.labels, label_set.bag if without_bags else None)
