"""Market-1501: 1,501 people before 6 cameras (Zheng et al., ICCV 2015).

    ROOT/bounding_box_train/0002_c1s1_000451_03.jpg      person_c<camera>s<sequence>_<frame>_<box>
    ROOT/query/…
    ROOT/bounding_box_test/…                             the gallery

In the gallery, person 0000 marks distractors, which stay in gallery.txt as a person nobody looks for, and -1 marks
junk, which is left out, as every evaluation of this data set does.
Sizes and patterns as in KaiyangZhou/deep-person-reid.
"""

from __future__ import annotations

from pathlib import Path

from threedsl.data.listfile import JUNK, Record
from threedsl.data.names import MARKET1501
from threedsl.datasets.collection import Collection, Counts
from threedsl.datasets.folders import find_root, parsed

TITLE = "Market-1501"
DISTRACTOR = "0000"
FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
FORM = "<person>_c<camera>s<sequence>_<frame>_<box>.jpg"
PUBLISHED = {
    "train": Counts(751, 12_936, 6),
    "query": Counts(750, 3_368, 6),
    "gallery": Counts(750, 15_913, 6),
    "all": Counts(1_501, 32_217, 6),
}


def read(root: str | Path) -> Collection:
    """Read the folder Market-1501-v15.09.15 or the one above it.

    Raises:
        InputError: a folder is missing or empty, or a name is not of the published form.
    """
    root = find_root(root, TITLE, tuple(FOLDERS.values()), ("Market-1501-v15.09.15", "Market-1501"))
    lists, junk = {}, 0
    for name, folder in FOLDERS.items():
        pictures = parsed(root / folder, MARKET1501, FORM)
        lists[name] = [
            Record(path, match["pid"], match["camera"]) for path, match in pictures if match["pid"] != JUNK
        ]
        junk += len(pictures) - len(lists[name])
    distractors = sum(record.pid == DISTRACTOR for record in lists["gallery"])
    notes = (
        f"{junk:,} pictures of junk ({JUNK}) are left out; gallery.txt holds {distractors:,} pictures of distractors "
        f"({DISTRACTOR}), which are not counted as a person.",
    )
    return Collection("market1501", TITLE, lists, PUBLISHED, distractor=DISTRACTOR, notes=notes)
