"""The pictures in a dataset's folders: required folders, debris, and labels in names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from threedsl.data.listfile import Record
from threedsl.data.picture_files import (
    SUFFIXES,
    about_others,
    folders_below,
    has_picture_name,
    is_picture,
    other_files,
)
from threedsl.errors import InputError
from threedsl.progress import progress_bar

MACOS = "__MACOSX"  # what macOS puts into its zip files
ENDINGS = (".jpg", ".jpeg", ".png")  # of the public datasets
NOT_PEOPLE = (MACOS, "list", "pose", "mask")


def find_root(root: str | Path, title: str, needed: Sequence[str], inside: Sequence[str] = ()) -> Path:
    """The absolute folder that holds everything `needed`: root, or one of the folders `inside` it.

    Raises:
        InputError: naming what is missing and what was expected.
    """
    root = Path(os.path.abspath(root))
    if not root.is_dir():
        there = "is a file, not a folder" if root.exists() else "does not exist"
        raise InputError(f"{root} {there}; give the folder that holds {title} as downloaded and unpacked.")
    for folder in (root, *(root / name for name in inside)):
        missing = [name for name in needed if not (folder / name).exists()]
        if not missing:
            return folder
        if len(missing) < len(needed):
            break
    else:
        folder, missing = root, list(needed)
    above = next((up for up in root.parents[:4] if all((up / name).exists() for name in needed)), None)
    remedy = f"give {above}" if above else "give another folder or complete the copy"
    if len(missing) == len(needed):
        lack = "none of them is there"
    else:
        lack = f"{joined(missing)} {_are(missing)} missing"
    here = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    raise InputError(
        f"{title} is expected to hold {joined(needed)}; in {folder} {lack} "
        f"(its folders: {', '.join(here[:8]) or 'none'}); {remedy}."
    )


def pictures_in(folder: Path) -> list[str]:
    """Paths of the pictures below a folder, relative to it, with slashes, sorted; files of 0 bytes are refused.

    Debris of file managers (Thumbs.db, .DS_Store, ._name.jpg) and anything that is not a picture is skipped.

    Raises:
        InputError: no picture, or empty ones.
    """
    names = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != MACOS]
        inside = Path(parent).relative_to(folder)
        names += [(inside / name).as_posix() for name in files if is_picture(Path(parent, name))]
    if not names:
        raise InputError(
            f"Folder {folder} contains no picture ({', '.join(sorted(SUFFIXES))}); copy it again."
        )
    names.sort()
    refuse_empty(folder / name for name in names)
    return names


def passed_over(lists: Mapping[str, Iterable[Record]], root: str | Path) -> list[str]:
    """A sentence about files next to listed pictures that are not pictures, if any."""
    root = Path(os.path.abspath(root))
    folders = {record.path.parent for records in lists.values() for record in records}
    others = other_files(sorted(folders))
    return about_others([os.path.relpath(path, root) for path in others], f"in {root} and left out")


def people_in(root: Path, at_least: int = 2) -> list[Path]:
    """The sub-folders that contain pictures, one per person, sorted; list, pose and mask belong to a dataset folder.

    Raises:
        InputError: root is not a folder, or has fewer than `at_least` of them.
    """
    if not root.is_dir():
        raise InputError(
            f"{root} is not a folder; give one that has a sub-folder with pictures for each person."
        )
    people = [
        path
        for path in sorted(root.iterdir())
        if path.is_dir()
        and path.name not in NOT_PEOPLE
        and not path.name.startswith(".")
        and any(one.is_file() and is_picture(one) for place in folders_below(path) for one in place.iterdir())
    ]
    if len(people) < at_least:
        raise InputError(
            f"{root} has {len(people) or 'no'} sub-folder{'s' * (len(people) != 1)} with pictures; "
            f"it needs one for each of at least {at_least} people."
        )
    return people


def refuse_empty(paths: Iterable[Path]) -> None:
    """Refuse pictures of 0 bytes and broken links, which interrupted copies leave.

    Raises:
        InputError: naming the first and the count.
    """
    paths = list(paths)
    empty = []
    with progress_bar("checking") as report:
        for number, path in enumerate(paths, 1):
            if not _size(path):
                empty.append(path)
            report(number, len(paths))
    if empty:
        raise InputError(
            f"{_count(len(empty), 'picture')} of {len(paths):,} {_are(empty)} empty (0 bytes, or a broken link), "
            f"the first {empty[0]}; copy or unpack the dataset again."
        )


def in_any_format(listed: Sequence[Record], path: Path) -> list[Record]:
    """Listed pictures by the names they have in this copy of the dataset, whose endings may differ from the list's.

    path: of the list, for the error sentence.

    Raises:
        InputError: a picture is in no format there.
    """
    stems: dict[Path, dict[str, str]] = {}  # by folder: stem -> name
    found = []
    for record in listed:
        folder, name = record.path.parent, record.path.name
        if folder not in stems:
            names = sorted(os.listdir(folder)) if folder.is_dir() else []
            stems[folder] = {one: one for one in names}
            stems[folder] |= {os.path.splitext(one)[0]: one for one in names if has_picture_name(one)}
        there = stems[folder].get(name) or stems[folder].get(os.path.splitext(name)[0])
        if there is None:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            number = next((i for i, line in enumerate(lines, 1) if name in line), 0)
            raise InputError(
                f"{path}, line {number}: picture {record.path} does not exist, nor in another format; copy or unpack "
                "the dataset again."
            )
        found.append(record if there == name else replace(record, path=folder / there))
    return found


def parse(folder: Path, names: Sequence[str], pattern: re.Pattern, form: str) -> list[re.Match]:
    """Every name matched as a whole against the pattern; a copy's ending may be in capitals or of another format.

    form: the naming in words, for the error sentence.

    Raises:
        InputError: naming the first name that does not match, and how many there are.
    """
    matches = [_match(pattern, name) for name in names]
    strangers = [name for name, match in zip(names, matches, strict=True) if match is None]
    if strangers:
        raise InputError(
            f"{_count(len(strangers), 'picture name')} of {len(names):,} in {folder} {_are(strangers)} not of the form "
            f"{form}, the first is {strangers[0]!r}; check that this is the dataset as published, and remove "
            "other files."
        )
    return matches


def _match(pattern: re.Pattern, name: str) -> re.Match | None:
    stem, ending = os.path.splitext(name)
    if match := pattern.fullmatch(name):
        return match
    if ending.lower() not in SUFFIXES:
        return None
    return next(filter(None, (pattern.fullmatch(stem + other) for other in (ending.lower(), *ENDINGS))), None)


def parsed(folder: Path, pattern: re.Pattern, form: str) -> list[tuple[Path, re.Match]]:
    """(path, match) of every picture below a folder."""
    names = pictures_in(folder)
    matches = parse(folder, names, pattern, form)
    return [(folder / name, match) for name, match in zip(names, matches, strict=True)]


def compiled(pattern: str, option: str) -> re.Pattern:
    """A regular expression from the command line.

    Raises:
        InputError: it is invalid, with the reason.
    """
    try:
        return re.compile(pattern)
    except re.error as error:
        raise InputError(f"{option} {pattern!r} is not a valid regular expression: {error}.") from None


def own_cameras(lists: dict[str, list[Record]]) -> dict[str, list[Record]]:
    """The lists with a running number as every picture's camera, for data whose cameras are not known."""
    number = 0
    numbered = {}
    for name, records in lists.items():
        numbered[name] = [
            replace(record, camid=str(number + place)) for place, record in enumerate(records, 1)
        ]
        number += len(records)
    return numbered


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def joined(names: Sequence[str]) -> str:
    """ "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _count(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _are(things: Sequence) -> str:
    return "is" if len(things) == 1 else "are"
