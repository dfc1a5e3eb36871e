"""Market-1501: 1,501 identities seen by 6 cameras (Zheng et al., ICCV 2015).

    ROOT/bounding_box_train/0002_c1s1_000451_03.jpg      person_c<camera>s<sequence>_<frame>_<box>
    ROOT/query/…
    ROOT/bounding_box_test/…                             the gallery

In the gallery, person 0000 marks distractors, which stay in gallery.txt as an identity without queries, and -1
marks junk, which is left out, as in every evaluation of this dataset.
Sizes and patterns as in KaiyangZhou/deep-person-reid.

With --divide N only bounding_box_train is read: its last N people by number become the test set, the others the
training set. The first picture of each test person and camera is a query; the gallery holds all of their pictures.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from threedsl.arguments import positive
from threedsl.data.file_names import MARKET1501
from threedsl.data.listfile import JUNK, Record
from threedsl.datasets.collection import Collection, Counts
from threedsl.datasets.folders import find_root, parsed
from threedsl.errors import InputError

TITLE = "Market-1501"
PROTOCOLS = ("standard",)
DISTRACTOR = "0000"
FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
FORM = "<person>_c<camera>s<sequence>_<frame>_<box>.jpg"
PUBLISHED = {
    "train": Counts(751, 12_936, 6),
    "query": Counts(750, 3_368, 6),
    "gallery": Counts(750, 15_913, 6),
    "all": Counts(1_501, 32_217, 6),
}


def add_arguments(parser: ArgumentParser) -> None:
    """How to divide the training people, where only they are there or the test people are to stay unseen."""
    parser.add_argument(
        "--divide",
        type=positive,
        metavar="N",
        help="test on the last N people of bounding_box_train, train on the others, and read nothing else",
    )


def read(root: str | Path, divide: int | None = None) -> Collection:
    """Read the folder Market-1501-v15.09.15 or the one above it.

    divide: how many of the training people become the test set, in place of the published one.

    Raises:
        InputError: a folder is missing or empty, a name is not of the published form, or fewer than two people would
            remain on one side of the division.
    """
    inside = ("Market-1501-v15.09.15", "Market-1501")
    if divide:
        root = find_root(root, TITLE, (FOLDERS["train"],), inside)
        pictures = parsed(root / FOLDERS["train"], MARKET1501, FORM)
        records = [Record(path, match["pid"], match["camera"]) for path, match in pictures]
        return divided([record for record in records if record.pid != JUNK], divide)
    root = find_root(root, TITLE, tuple(FOLDERS.values()), inside)
    lists, junk = {}, 0
    for name, folder in FOLDERS.items():
        pictures = parsed(root / folder, MARKET1501, FORM)
        lists[name] = [
            Record(path, match["pid"], match["camera"]) for path, match in pictures if match["pid"] != JUNK
        ]
        junk += len(pictures) - len(lists[name])
    distractors = sum(record.pid == DISTRACTOR for record in lists["gallery"])
    notes = (
        f"{junk:,} junk pictures ({JUNK}) are left out; gallery.txt holds {distractors:,} pictures of distractors "
        f"({DISTRACTOR}), which are not counted as a person.",
    )
    return Collection("market1501", TITLE, lists, PUBLISHED, distractor=DISTRACTOR, notes=notes)


def divided(records: list[Record], count: int) -> Collection:
    """The training people, the last `count` of them by number as a test set.

    Queries are in the gallery as well; `standard` removes a query's person in its camera, and so the query itself.

    Raises:
        InputError: fewer than two people would remain on one side.
    """
    people = sorted({record.pid for record in records}, key=int)
    if not 2 <= count <= len(people) - 2:
        raise InputError(
            f"--divide {count} must leave two people or more on either side of the {len(people)} in "
            f"{FOLDERS['train']}."
        )
    test = set(people[-count:])
    gallery = sorted(
        (record for record in records if record.pid in test), key=lambda record: record.path.name
    )
    first: dict[tuple[str, str], Record] = {}
    for record in gallery:
        first.setdefault((record.pid, record.camid), record)
    lists = {
        "train": [record for record in records if record.pid not in test],
        "query": list(first.values()),
        "gallery": gallery,
    }
    note = f"Only {FOLDERS['train']} was read: its last {count:,} people by number are the test set."
    title = f"{TITLE}, its training people divided"
    return Collection("market1501", title, lists, PUBLISHED, repeated=("query",), notes=(note,))
