"""Pictures of your own, one sub-folder per person, split into train, query and gallery.

    ROOT/anna/….jpg, ROOT/ben/….jpg                  people are drawn for the test, and queries from their pictures
    ROOT/train/anna/…, ROOT/query/ben/…, ROOT/gallery/ben/…        or your own split; train may be missing

Cameras: the usual evaluation ignores pictures of the query's person from the query's camera. If your file names
contain the camera, give --camera-pattern, such as 'cam(\\d+)'; it is searched in the path below the person's folder,
and its first group is the camera (in ROOT/anna/door/1.jpg, '^(.+?)/' gives door). Otherwise every picture counts as its
own camera and nothing is ignored. --clothes-pattern does the same for outfits. The split depends only on --seed.
"""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser
from pathlib import Path

import numpy as np

from threedsl.arguments import seed
from threedsl.data.contents import content_ids, repeated
from threedsl.data.file_names import plain
from threedsl.data.listfile import JUNK, Record
from threedsl.data.picture_files import is_picture
from threedsl.datasets.collection import Collection, unanswerable
from threedsl.datasets.folders import compiled, joined, own_cameras, people_in, pictures_in
from threedsl.errors import InputError

TITLE = "Folder of people"
PROTOCOLS = ()
SPLITS = ("train", "val", "query", "gallery", "test", "bounding_box_train", "bounding_box_test")


def add_arguments(parser: ArgumentParser) -> None:
    """How to split, and the labels in the paths."""
    parser.add_argument("--camera-pattern", metavar="REGEX", help="matches the camera in a picture's path")
    parser.add_argument("--clothes-pattern", metavar="REGEX", help="matches the outfit in a picture's path")
    parser.add_argument(
        "--test-share", type=float, default=0.5, help="share of the people kept for the test (default 0.5)"
    )
    parser.add_argument(
        "--query-share",
        type=float,
        default=0.2,
        help="share of a test person's pictures, by camera if known, that become queries; at least one (default 0.2)",
    )
    parser.add_argument("--seed", type=seed, default=0, help="random seed of the split (default 0)")


def read(
    root: str | Path,
    camera_pattern: str | None = None,
    clothes_pattern: str | None = None,
    test_share: float = 0.5,
    query_share: float = 0.2,
    seed: int = 0,
) -> Collection:
    """Read a folder of people and split it.

    Raises:
        InputError: no or one person, a picture without the camera or outfit asked for, or no query with a match.
    """
    for option, share in (("--test-share", test_share), ("--query-share", query_share)):
        if not 0 < share <= 1:
            raise InputError(f"{option} must be above 0 and at most 1, not {share:g}.")
    camera = compiled(camera_pattern, "--camera-pattern") if camera_pattern else None
    clothes = compiled(clothes_pattern, "--clothes-pattern") if clothes_pattern else None
    root = Path(os.path.abspath(root))
    split = all((root / name).is_dir() for name in ("query", "gallery"))
    if split:
        names = [name for name in ("train", "query", "gallery") if (root / name).is_dir()]
        lists = {name: _records(people_in(root / name, 1), camera, clothes) for name in names}
    else:
        people = people_in(root)
        if splits := [path.name for path in people if path.name.lower() in SPLITS]:
            raise InputError(
                f"{root} contains {joined(splits)}, folder names that are splits, not people; give query and gallery, "
                "each with a sub-folder per person, or prepare a public dataset under its own name."
            )
        records = _records(people, camera, clothes)
        lists = draw_split(records, test_share, query_share, bool(camera), np.random.default_rng(seed))
    if not camera:
        lists = own_cameras(lists)
    if unanswerable(lists["query"], lists["gallery"]) == len(lists["query"]):
        where = " under another camera; correct --camera-pattern or leave it out" if camera else ""
        raise InputError(
            f"No query of {root} would have a true match: its person is not in the gallery{where}."
        )
    notes = [_about_cameras(lists, bool(camera))]
    everything = list(dict.fromkeys(record for part in lists.values() for record in part))
    notes += repeated(everything, content_ids([record.path for record in everything]), str(root))
    if not split:
        notes.append(f"The split was drawn with seed {seed}: results are comparable only on this same split.")
    if "train" not in lists:
        notes.append("Everyone is in the test split, so train.txt is not written.")
    if loose := sum(is_picture(path) and path.is_file() for path in root.iterdir()):
        notes.append(f"{loose:,} pictures are in no person's folder and are left out.")
    return Collection("folder", TITLE, lists, cameras_known=bool(camera), notes=tuple(notes))


def draw_split(
    records: list[Record], test_share: float, query_share: float, by_camera: bool, rng: np.random.Generator
) -> dict[str, list[Record]]:
    """train, query and gallery: whole people go to train or test, a test person's pictures to query or gallery.

    A person with a single picture, or a single camera, has no query; gallery pictures of every camera remain.
    """
    rows_of: dict[str, list[int]] = {}
    for row, record in enumerate(records):
        rows_of.setdefault(record.pid, []).append(row)
    people = sorted(rows_of)
    test = set(rng.permutation(people)[: max(2, round(test_share * len(people)))].tolist())
    queries: set[int] = set()
    for pid in sorted(test):
        rows = rows_of[pid]
        groups: dict[str, list[int]] = {}
        for row in rows:
            groups.setdefault(records[row].camid if by_camera else "", []).append(row)
        if by_camera and len(groups) < 2:
            continue
        chosen = [
            row
            for group in groups.values()
            if len(group) > 1
            for row in rng.permutation(group)[: min(max(1, round(query_share * len(group))), len(group) - 1)]
        ]
        # One picture from each of several cameras: one is the query, the others its matches.
        queries |= {int(row) for row in chosen} if chosen or not by_camera else {rows[0]}
    lists = {
        "train": [record for record in records if record.pid not in test],
        "query": [records[row] for row in sorted(queries)],
        "gallery": [r for row, r in enumerate(records) if r.pid in test and row not in queries],
    }
    if not lists["query"]:
        raise InputError(
            "No person drawn for the test has two pictures"
            + (" under two cameras" if by_camera else "")
            + ", so there would be no query; add pictures, or raise --test-share."
        )
    return {name: part for name, part in lists.items() if part}


def _records(people: list[Path], camera: re.Pattern | None, clothes: re.Pattern | None) -> list[Record]:
    records, owners = [], {}
    for folder in people:
        pid = "_".join(folder.name.split())
        if pid == JUNK:
            continue
        if (other := owners.setdefault(pid, folder.name)) != folder.name:
            raise InputError(
                f"The folders {other!r} and {folder.name!r} would both be person {pid}; rename one."
            )
        for name in pictures_in(folder):
            labels = (
                _label(pattern, option, name, folder)
                for pattern, option in ((camera, "--camera-pattern"), (clothes, "--clothes-pattern"))
            )
            records.append(Record(folder / name, pid, *labels))
    return records


def _label(pattern: re.Pattern | None, option: str, name: str, folder: Path) -> str:
    if pattern is None:
        return ""
    match = pattern.search(name)
    found = match and match[1 if pattern.groups else 0]
    label = "_".join((found or "").split())
    if not label:
        raise InputError(f"{option} {pattern.pattern!r} matches nothing in {name!r} of {folder}; correct it.")
    return plain(label)


def _about_cameras(lists: dict[str, list[Record]], known: bool) -> str:
    if not known:
        return (
            "No cameras are given, so every picture counts as its own: a query may match any other picture of its "
            "person, even one taken a moment later. If the paths contain the camera, give --camera-pattern."
        )
    cameras = sorted({record.camid for records in lists.values() for record in records})
    return (
        f"Cameras: {', '.join(cameras[:12])}{' …' if len(cameras) > 12 else ''}. A query is not compared with its "
        "person's pictures of the same camera."
    )
