"""VC-Clothes: 512 identities in a computer game, 4 cameras, up to 3 outfits each (Wan et al., CVPR workshops 2020).

    ROOT/train/0001-01-03-02.jpg                     person-camera-outfit-number, or with _ for -
    ROOT/query/…
    ROOT/gallery/…

Outfits are numbered per person. The settings `same clothes` and `cloth-changing` are pairs of cameras
(2 and 3, 3 and 4), which the protocols select from query.txt and gallery.txt; they have no lists of their own.
Sizes: guxinqian/Simple-CCReID.
"""

from __future__ import annotations

from pathlib import Path

from threedsl.data.file_names import VCCLOTHES, plain
from threedsl.data.listfile import Record
from threedsl.datasets.collection import Collection, Counts
from threedsl.datasets.folders import find_root, parsed

TITLE = "VC-Clothes"
PROTOCOLS = ()
FOLDERS = ("train", "query", "gallery")
FORM = "<person>-<camera>-<outfit>-<number>.jpg (or with _)"
PUBLISHED = {
    "train": Counts(256, 9_449, 4),
    "query": Counts(None, 1_020, 4),
    "gallery": Counts(256, 8_591, 4),
    "all": Counts(512, 19_060, 4),
}


def read(root: str | Path) -> Collection:
    """Read the folder VC-Clothes or the one above it.

    Raises:
        InputError: a folder is missing or empty, or a name is not of the published form.
    """
    root = find_root(root, TITLE, FOLDERS, ("VC-Clothes", "VC-clothes"))
    lists = {
        name: [
            Record(path, match["pid"], plain(match["camera"]), plain(match["clothes"]))
            for path, match in parsed(root / name, VCCLOTHES, FORM)
        ]
        for name in FOLDERS
    }
    return Collection("vcclothes", TITLE, lists, PUBLISHED)
