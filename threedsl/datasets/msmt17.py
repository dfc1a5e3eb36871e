"""MSMT17, version 1 or 2: 4,101 identities seen by 15 cameras (Wei et al., CVPR 2018).

    ROOT/train/0000/0000_000_01_0303morning_0015_0.jpg       version 1; the third field is the camera
    ROOT/test/…
    ROOT/mask_train_v2/…, ROOT/mask_test_v2/…                version 2, the same with faces masked
    ROOT/list_train.txt, list_val.txt, list_query.txt, list_gallery.txt        lines `path person`

Train and test count their people separately, both from 0: person 0 of train.txt is not person 0 of query.txt.
train.txt is list_train.txt alone, as published results have it; val.txt is list_val.txt, trainval.txt both.
"""

from __future__ import annotations

from pathlib import Path

from threedsl.data.file_names import MSMT17, plain
from threedsl.data.listfile import Record, read_list
from threedsl.datasets.collection import Collection, Counts
from threedsl.datasets.folders import find_root, in_any_format, parse, refuse_empty
from threedsl.errors import InputError

TITLE = "MSMT17"
PROTOCOLS = ("standard",)
LISTS = ("train", "val", "query", "gallery")
VERSIONS = {1: ("train", "test"), 2: ("mask_train_v2", "mask_test_v2")}
FORM = "<person>/<person>_<number>_<camera, two digits>_….jpg"
PUBLISHED = {
    "train": Counts(1_041, 30_248, 15, unconfirmed=("images",)),
    "val": Counts(None, 2_373, unconfirmed=("images",)),
    "query": Counts(3_060, 11_659, 15),
    "gallery": Counts(3_060, 82_161, 15),
    "trainval": Counts(1_041, 32_621, 15),
    "all": Counts(4_101, 126_441, 15),
}


def read(root: str | Path) -> Collection:
    """Read the folder MSMT17_V1 or MSMT17_V2, or the one above it.

    Raises:
        InputError: a folder or list is missing, a list is malformed, or it names pictures that are not there.
    """
    root, version = _find(root)
    train, test = VERSIONS[version]
    lists = {
        name: _read(root / f"list_{name}.txt", root / (train if name in ("train", "val") else test))
        for name in LISTS
    }
    lists["trainval"] = lists["train"] + lists["val"]
    notes = (
        "Train and test number their people separately: the same number in train.txt and query.txt means two people.",
    )
    title = f"{TITLE} version {version}"
    return Collection("msmt17", title, lists, PUBLISHED, repeated=("trainval",), notes=notes)


def _find(root: str | Path) -> tuple[Path, int]:
    texts = tuple(f"list_{name}.txt" for name in LISTS)
    places = (Path(root), Path(root) / "MSMT17_V1", Path(root) / "MSMT17_V2")
    there = [
        (place, version)
        for place in places
        for version, folders in VERSIONS.items()
        if any((place / folder).is_dir() for folder in folders)
    ]
    if len({version for _, version in there}) > 1:
        raise InputError(f"{root} holds both versions of {TITLE}; give the folder of one of them.")
    place, version = there[0] if there else (Path(root), 1)
    title = TITLE if there else f"{TITLE} (with mask_train_v2 and mask_test_v2 in version 2)"
    return find_root(place, title, (*VERSIONS[version], *texts)), version


def _read(path: Path, folder: Path) -> list[Record]:
    listed = read_list(path, folder, check_files=False)
    for record in listed:
        if not record.path.is_relative_to(folder):
            raise InputError(
                f"{path} names {record.path}, which is not in {folder}; give the lists that come with {TITLE}."
            )
    listed = in_any_format(listed, path)
    refuse_empty(record.path for record in listed)
    names = [record.path.relative_to(folder).as_posix() for record in listed]
    matches = parse(path, names, MSMT17, FORM)
    return [
        Record(record.path, record.pid, plain(match["camera"]))
        for record, match in zip(listed, matches, strict=True)
    ]
