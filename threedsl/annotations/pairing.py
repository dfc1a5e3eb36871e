"""Match results to pictures: tools write base names, and base names repeat across folders.

A result is known by a partial path: folders, as far as they are known, and a name (`001/cropped_rgb001.jpg`). Its
folders must be the last ones of the picture's. Leading folders that all results share, such as `out/`, need not be;
where nothing else is known, names alone count, but not for a folder numbered like the pictures' own folders.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from pathlib import Path, PurePosixPath

from threedsl.data.layout import pose_id
from threedsl.errors import InputError

Folder = tuple[str, ...]
JOINERS = ("_", "-", "__")  # a results file for the folder train/001 may be called train_001.json


def pair(
    results: Sequence[PurePosixPath],
    pictures: Sequence[Path],
    root: Path,
    names_of: Callable[[Path], set[str]],
    source: Path,
    remedy: str,
    notes: list[str] | None = None,
) -> list[Path | None]:
    """The picture of each result, None where it belongs to none of them.

    Args:
        results: partial paths; the last part is what `names_of` must give for the picture.
        pictures: every picture of the dataset, whether or not a result is wanted for it, or names that two of
            them share would go unnoticed.
        root: the dataset folder.
        source: where the results are from, for the error sentence.
        remedy: what to do about results that fit several pictures, the end of the error sentence.
        notes: receives a sentence if the results' folder gave no hint and names alone decided.

    Raises:
        InputError: a result fits several pictures.
    """
    by_id = {pose_id(root, picture): picture for picture in pictures}
    by_folder: dict[Folder, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    everywhere: dict[str, list[Path]] = defaultdict(list)
    for picture in pictures:
        folder = Path(os.path.abspath(picture)).parent.parts[1:]
        for name in names_of(picture):
            by_folder[folder][name].append(picture)
            everywhere[name].append(picture)
    endings = _endings(by_folder)
    shared = _shared_parts({folder_of(result) for result in results})
    numbered = {_shape(last[0]) for last in endings if len(last) == 1}
    candidates: dict[Folder, list[dict[str, list[Path]]]] = {}
    found: list[Path | None] = []
    for result in results:
        if exact := by_id.get(result.as_posix()):
            found.append(exact)
            continue
        folder = folder_of(result)
        if folder not in candidates:
            folders = _matching(folder, endings, shared, numbered)
            if folders is None and folder and len(by_folder) > 1 and notes is not None:
                notes.append(
                    f"no picture folder is called {'/'.join(folder)}, so results were matched by file name alone"
                )
            candidates[folder] = [everywhere] if folders is None else [by_folder[one] for one in folders]
        fitting = [picture for names in candidates[folder] for picture in names.get(result.name, ())]
        if len(fitting) > 1:
            raise InputError(
                f"{result} in {source} fits {len(fitting)} pictures, {fitting[0]} and {fitting[1]} among them; {remedy}"
            )
        found.append(fitting[0] if fitting else None)
    return found


def folder_of(result: PurePosixPath) -> Folder:
    """The known folders of a result, outermost first."""
    return tuple(part for part in result.parent.parts if part not in ("/", "."))


def _endings(folders: Iterable[Folder]) -> dict[Folder, set[Folder]]:
    """Every way a folder may be named by its last parts -> the folders it may mean."""
    endings: dict[Folder, set[Folder]] = defaultdict(set)
    for folder in folders:
        for start in range(len(folder)):
            last = folder[start:]
            endings[last].add(folder)
            if 2 <= len(last) <= 4:
                for joiner in JOINERS:
                    endings[(joiner.join(last),)].add(folder)
    return endings


def _shared_parts(folders: set[Folder]) -> int:
    """How many leading parts all folders have in common."""
    return sum(1 for _ in takewhile(lambda parts: len(set(parts)) == 1, zip(*folders, strict=False)))


def _shape(name: str) -> str:
    """A folder's name with every number alike: 001 and 777 are people in one dataset, and so are P1 and P12."""
    return re.sub(r"\d+", "0", name)


def _matching(
    folder: Folder, endings: dict[Folder, set[Folder]], shared: int, numbered: set[str]
) -> list[Folder] | None:
    """Picture folders this one may mean; None: it gives no hint, so names alone count."""
    for dropped in range(min(shared, len(folder) - 1) + 1):
        if found := endings.get(folder[dropped:]):
            return sorted(found)
    if shared < len(folder):
        return []
    # The results of one unlisted person must not be matched to another person's pictures of the same name.
    last = _shape(folder[-1]) if folder else ""
    return [] if "0" in last and last in numbered else None
