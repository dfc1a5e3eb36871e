"""Lists on disk, written to a temporary folder first, so that a failure leaves the old ones intact."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from threedsl.data.listfile import write_list
from threedsl.datasets.collection import Collection, differences
from threedsl.errors import InputError
from threedsl.files import check_folder
from threedsl.reading import read_json

PREPARED = "prepared.json"  # next to the lists: the dataset they belong to


def refuse_overwrite(out: Path, dataset: str) -> None:
    """Refuse to overwrite lists of another dataset, or lists that `prepare` did not write.

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
    """What an earlier run recorded about its lists; None if nothing was, or not by `prepare`."""
    try:
        written = read_json(out / "list" / PREPARED)
    except InputError:
        return None
    return written if isinstance(written, dict) else None


def replaced(before: dict | None, now: dict) -> str:
    """A sentence if the earlier lists were made from other pictures or with other options, else ""."""
    if before is None or all(before.get(key, now[key]) == now[key] for key in ("dataset", "root", "options")):
        return ""
    root = before.get("root") or now["root"]
    how = "" if root != now["root"] or before.get("dataset") != now["dataset"] else " with other options"
    return f"replaces the lists made from {root}{how}"


def summary(collection: Collection, options: dict | None = None, root: str | Path | None = None) -> dict:
    """Names, sizes, differences, notes, and the folder and options that made the lists, as plain JSON."""
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
        "root": os.path.abspath(root) if root else None,
        "options": options or {},
    }


def write_lists(
    collection: Collection, out: Path, options: dict | None = None, root: str | Path | None = None
) -> list[Path]:
    """Write out/list/NAME.txt for every list, and prepared.json; lists left over from an earlier run are removed.

    Paths of pictures below `out` become relative to it, others stay absolute.

    Raises:
        InputError: a path cannot be written to a list, a folder has a list's name, or nothing can be written; the
            earlier lists stay. Also if the disk fails while the new lists are moved into place; then each list is
            whole, but old and new ones may be mixed.
    """
    folder = out / "list"
    earlier = prepared(out) or {}
    names = [f"{name}.txt" for name in collection.lists]
    left_over = [f"{name}.txt" for name in earlier.get("lists", ()) if Path(name).name == name]
    left_over = [name for name in left_over if name not in names]
    check_folder(folder, folder)
    for name in (*names, *left_over, PREPARED):
        if (folder / name).is_dir():
            raise InputError(f"{folder / name} is a folder where a file is to be written; move it away.")
    try:
        _write(collection, out, summary(collection, options, root), names)
        for name in left_over:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}); choose another --out.") from None
    return [folder / name for name in names]


def strangers(out: Path, written: list[Path]) -> list[Path]:
    """The lists in out/list that `write_lists`, which returned `written`, neither wrote nor removed."""
    return sorted(set((out / "list").glob("*.txt")) - set(written))


def _write(collection: Collection, out: Path, said: dict, names: list[str]) -> None:
    folder = out / "list"
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as place:
        for name, records in collection.lists.items():
            write_list(records, Path(place) / f"{name}.txt", out)
        text = json.dumps(said, indent=1, ensure_ascii=False)
        (Path(place) / PREPARED).write_text(text + "\n", encoding="utf-8")
        for name in (*names, PREPARED):
            os.replace(Path(place) / name, folder / name)
