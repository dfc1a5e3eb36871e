"""Lists on disk: all of them or none."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from threedsl.data.listfile import write_list
from threedsl.datasets.collection import Collection, differences
from threedsl.errors import InputError
from threedsl.files import check_folder

PREPARED = "prepared.json"  # beside the lists: which data set they are of


def refuse_overwrite(out: Path, dataset: str) -> None:
    """Stop before lists of another data set, or lists that somebody else wrote, are lost.

    Raises:
        InputError: naming whose lists are there.
    """
    there = sorted(path.name for path in (out / "list").glob("*.txt"))
    if not there:
        return
    before = prepared(out)
    if before is None:
        raise InputError(
            f"{out / 'list'} already holds {', '.join(there[:4])}, which `prepare` did not write; "
            "choose another --out, or add --force to replace them."
        )
    if before.get("dataset") != dataset:
        raise InputError(
            f"{out / 'list'} already holds the lists of {before.get('title', before.get('dataset'))}; "
            "choose another --out, or add --force to replace them."
        )


def prepared(out: Path) -> dict | None:
    """What an earlier run wrote about its lists; None where there is nothing, or nothing of ours."""
    try:
        written = json.loads((out / "list" / PREPARED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return written if isinstance(written, dict) else None


def summary(collection: Collection, options: dict | None = None) -> dict:
    """Names, sizes, differences, notes and the options that made the lists, as plain JSON."""
    found, published = collection.counts(), collection.published
    return {
        "dataset": collection.dataset,
        "title": collection.title,
        "lists": list(collection.lists),
        "splits": {
            name: counts.to_dict() | {"published": published[name].to_dict() if name in published else None}
            for name, counts in found.items()
        },
        "differences": differences(found, published),
        "notes": list(collection.notes),
        "options": options or {},
    }


def write_lists(collection: Collection, out: Path, options: dict | None = None) -> list[Path]:
    """Write out/list/NAME.txt for every list, and prepared.json; lists that an earlier run left over go.

    Paths of pictures below `out` become relative to it, others stay absolute.

    Raises:
        InputError: a path cannot stand in a list, or nothing can be written; what was there before stays.
    """
    folder = out / "list"
    earlier = prepared(out) or {}
    check_folder(folder, folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as place:
        for name, records in collection.lists.items():
            write_list(records, Path(place) / f"{name}.txt", out)
        text = json.dumps(summary(collection, options), indent=1, ensure_ascii=False)
        (Path(place) / PREPARED).write_text(text + "\n", encoding="utf-8")
        names = [f"{name}.txt" for name in collection.lists]
        for name in (*names, PREPARED):
            os.replace(Path(place) / name, folder / name)
    for name in earlier.get("lists", ()):
        if f"{name}.txt" not in names and Path(name).name == name:
            (folder / f"{name}.txt").unlink(missing_ok=True)
    return [folder / name for name in names]
