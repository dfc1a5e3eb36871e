"""DukeMTMC-reID: 1,812 identities seen by 8 cameras, 408 of them distractors (Zheng et al., ICCV 2017).

    ROOT/bounding_box_train/0001_c2_f0046182.jpg         person_c<camera>_f<frame>
    ROOT/query/…
    ROOT/bounding_box_test/…                             the gallery

Distractors are gallery identities without a query; they have ids of their own. The dataset was withdrawn by
its owners: read it only if you hold a copy you may use. Sizes as in KaiyangZhou/deep-person-reid.
"""

from __future__ import annotations

from pathlib import Path

from threedsl.data.file_names import DUKEMTMC
from threedsl.data.listfile import Record
from threedsl.datasets.collection import Collection, Counts
from threedsl.datasets.folders import find_root, parsed

TITLE = "DukeMTMC-reID"
PROTOCOLS = ("standard",)
FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
FORM = "<person>_c<camera>_f<frame>.jpg"
PUBLISHED = {
    "train": Counts(702, 16_522, 8),
    "query": Counts(702, 2_228, 8),
    "gallery": Counts(1_110, 17_661, 8),
    "all": Counts(1_812, 36_411, 8),
}


def read(root: str | Path) -> Collection:
    """Read the folder DukeMTMC-reID or the one above it.

    Raises:
        InputError: a folder is missing or empty, or a name is not of the published form.
    """
    root = find_root(root, TITLE, tuple(FOLDERS.values()), ("DukeMTMC-reID",))
    lists = {
        name: [
            Record(path, match["pid"], match["camera"])
            for path, match in parsed(root / folder, DUKEMTMC, FORM)
        ]
        for name, folder in FOLDERS.items()
    }
    known = {record.pid for record in lists["query"]}
    others = len({record.pid for record in lists["gallery"]} - known)
    notes = (
        f"{others:,} people in gallery.txt are distractors: they have no query.",
        "The owners of DukeMTMC have withdrawn it; check that you may use your copy.",
    )
    return Collection("dukemtmc", TITLE, lists, PUBLISHED, notes=notes)
