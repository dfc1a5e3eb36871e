"""FGPR, fine-grained person re-identification: 358 people in uniforms (Yin, Wu, Zheng, IJCV 2020).

Its folders and file names are not published, so you describe them:

    ROOT/train, ROOT/query, ROOT/gallery             or the sub-folders given as --train, --query and --gallery
    --pattern REGEX                                  matched with a picture's whole path below these, written with /

The pattern's named groups give the labels: (?P<pid>…) is required, (?P<camera>…) and (?P<clothes>…) are optional, and
--group-field names the one that distinguishes the blue from the white group. For pictures query/B_017/cam3_0001.jpg:

    --pattern '(?P<group>[BW])_(?P<pid>\\d+)/cam(?P<camera>\\d+)_\\d+\\.jpg' --group-field group

With groups, query_blue.txt, gallery_blue.txt, query_white.txt and gallery_white.txt hold the pictures of one group
each. Without cameras every picture counts as its own.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from threedsl.data.file_names import plain
from threedsl.data.listfile import Record
from threedsl.datasets.collection import Collection, Counts
from threedsl.datasets.folders import compiled, find_root, own_cameras, parsed
from threedsl.errors import InputError

TITLE = "FGPR"
PROTOCOLS = ()
PUBLISHED = {"all": Counts(ids=358)}
COLOURS = {"blue": ("blue", "b"), "white": ("white", "w")}


def add_arguments(parser: ArgumentParser) -> None:
    """What describes an unpublished layout."""
    parser.add_argument(
        "--pattern", required=True, help="regular expression of a picture's path, with (?P<pid>…)"
    )
    parser.add_argument("--group-field", help="the pattern's group that distinguishes blue from white")
    parser.add_argument("--blue", metavar="VALUE", help="its value for blue (default: blue or b)")
    parser.add_argument("--white", metavar="VALUE", help="its value for white (default: white or w)")
    for name in ("train", "query", "gallery"):
        parser.add_argument(
            f"--{name}", default=name, metavar="FOLDER", help=f"sub-folder of ROOT (default {name})"
        )


def read(
    root: str | Path,
    pattern: str,
    group_field: str | None = None,
    blue: str | None = None,
    white: str | None = None,
    train: str = "train",
    query: str = "query",
    gallery: str = "gallery",
) -> Collection:
    """Read a folder whose layout the arguments describe.

    Raises:
        InputError: the pattern is malformed or lacks a name, a folder is missing, or a path does not match.
    """
    form = compiled(pattern, "--pattern")
    if "pid" not in form.groupindex:
        raise InputError(
            f"--pattern {pattern!r} has no group named pid; write the person's number as (?P<pid>…)."
        )
    if group_field and group_field not in form.groupindex:
        raise InputError(
            f"--group-field {group_field!r} is not a group of the pattern, which has {', '.join(form.groupindex)}; "
            f"write (?P<{group_field}>…) there."
        )
    folders = {"train": train, "query": query, "gallery": gallery}
    root = find_root(root, TITLE, tuple(folders.values()))
    found = {name: parsed(root / folder, form, f"--pattern {pattern}") for name, folder in folders.items()}
    lists = {
        name: [_record(path, match.groupdict()) for path, match in pictures]
        for name, pictures in found.items()
    }
    cameras_known = all(record.camid for records in lists.values() for record in records)
    if not cameras_known:
        lists = own_cameras(lists)
    repeated = []
    if group_field:
        words = {"blue": (blue.lower(),) if blue else COLOURS["blue"]}
        words["white"] = (white.lower(),) if white else COLOURS["white"]
        for name in ("query", "gallery"):
            groups = [_group(match[group_field], words, group_field) for _, match in found[name]]
            for colour in COLOURS:
                members = [r for r, group in zip(lists[name], groups, strict=True) if group == colour]
                if not members:
                    raise InputError(f"No picture of {root / folders[name]} is of the {colour} group.")
                lists[f"{name}_{colour}"] = members
                repeated.append(f"{name}_{colour}")
    notes = ["Only the number of people in FGPR is published; the split is that of your folders."]
    if not cameras_known:
        notes.append(
            "The cameras are unknown: every picture counts as its own, so evaluation removes nothing."
        )
    return Collection(
        "fgpr",
        TITLE,
        lists,
        PUBLISHED,
        repeated=tuple(repeated),
        cameras_known=cameras_known,
        notes=tuple(notes),
    )


def _record(path: Path, labels: dict[str, str | None]) -> Record:
    return Record(
        path, labels["pid"] or "", plain(labels.get("camera") or ""), plain(labels.get("clothes") or "")
    )


def _group(value: str | None, words: dict[str, tuple[str, ...]], group_field: str) -> str:
    for colour, spellings in words.items():
        if (value or "").lower() in spellings:
            return colour
    raise InputError(
        f"The group field {group_field!r} is {value!r}, which is neither blue nor white; "
        "give its values as --blue and --white."
    )
