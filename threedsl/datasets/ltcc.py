"""LTCC: 152 identities in 478 outfits, seen by 12 cameras (Qian et al., ACCV 2020).

    ROOT/train/103_1_c9_017008.png                   person_outfit_c<camera, one or two digits>_<counter>
    ROOT/query/…
    ROOT/test/…                                      the gallery

Outfits are numbered per person. The id lists of ROOT/info are not needed: the authors warn against
filtering by them. The whole is 17,119 pictures; some texts say 17,138.
Sizes as on the dataset's page and in guxinqian/Simple-CCReID.
"""

from __future__ import annotations

from pathlib import Path

from threedsl.data.file_names import LTCC, plain
from threedsl.data.listfile import Record
from threedsl.datasets.collection import Collection, Counts
from threedsl.datasets.folders import find_root, parsed

TITLE = "LTCC"
PROTOCOLS = ("standard", "cloth-changing")
FOLDERS = {"train": "train", "query": "query", "gallery": "test"}
FORM = "<person>_<outfit>_c<camera>_<counter>.png"
PUBLISHED = {
    "train": Counts(77, 9_576),
    "query": Counts(75, 493),
    "gallery": Counts(75, 7_050),
    "all": Counts(152, 17_119, 12, 478),
}


def read(root: str | Path) -> Collection:
    """Read the folder LTCC_ReID or the one above it.

    Raises:
        InputError: a folder is missing or empty, or a name is not of the published form.
    """
    root = find_root(root, TITLE, tuple(FOLDERS.values()), ("LTCC_ReID", "LTCC"))
    lists = {
        name: [
            Record(path, match["pid"], plain(match["camera"]), plain(match["clothes"]))
            for path, match in parsed(root / folder, LTCC, FORM)
        ]
        for name, folder in FOLDERS.items()
    }
    notes = tuple(
        f"{name}: {changing} of {people} people wear more than one outfit."
        for name, parts in (("train", ("train",)), ("test", ("query", "gallery")))
        for changing, people in [_changing([record for part in parts for record in lists[part]])]
    )
    return Collection("ltcc", TITLE, lists, PUBLISHED, notes=notes)


def _changing(records: list[Record]) -> tuple[int, int]:
    """(people in two or more outfits, people)."""
    outfits: dict[str, set[str]] = {}
    for record in records:
        outfits.setdefault(record.pid, set()).add(record.clothes)
    return sum(len(worn) > 1 for worn in outfits.values()), len(outfits)
