"""PRCC: 221 identities, in the same clothes under cameras A and B and in others under C (Yang et al., TPAMI 2021).

    ROOT/rgb/train/001/A_cropped_rgb001.jpg          the camera is the first letter
    ROOT/rgb/val/001/…                               further pictures of the people of train; may be missing
    ROOT/rgb/test/A/001/cropped_rgb001.jpg           the camera is the folder; names collide

gallery.txt is every picture of camera A: a protocol with one picture per person draws from it. query.txt
is camera C (cross-clothes), query_same.txt camera B (same clothes). train.txt is train alone, val.txt is val,
trainval.txt both. Clothes are 1 under A and B and 2 under C. Sketches are not read.
Sizes: jinx-USTC/GI-ReID and guxinqian/Simple-CCReID; that of camera B is what is left of the total.
"""

from __future__ import annotations

from pathlib import Path

from threedsl.data.file_names import PRCC_CLOTHES, PRCC_TEST, PRCC_TRAIN
from threedsl.data.listfile import Record
from threedsl.datasets.collection import WHOLE, Collection, Counts
from threedsl.datasets.folders import find_root, parse, parsed, pictures_in

TITLE = "PRCC"
PROTOCOLS = ()
TEST = {"query": "C", "query_same": "B", "gallery": "A"}
TRAIN_FORM = "<person>/<camera A, B or C>_cropped_rgb<number>.jpg"
TEST_FORM = "<person>/cropped_rgb<number>.jpg"
PUBLISHED = {
    "train": Counts(150, 17_896, 3, 300),
    "val": Counts(150, 5_002, unconfirmed=("images",)),
    "query": Counts(71, 3_543, 1),
    "query_same": Counts(71, 3_873, 1, unconfirmed=("images",)),
    "gallery": Counts(71, 3_384, 1),
    "all": Counts(221, 33_698, 3),
}


def read(root: str | Path) -> Collection:
    """Read the folder prcc or the one above it.

    Raises:
        InputError: a folder is missing or empty, or a name is not of the published form.
    """
    needed = ("rgb/train", *(f"rgb/test/{camera}" for camera in "ABC"))
    rgb = find_root(root, TITLE, needed, ("prcc", "PRCC")) / "rgb"
    lists = {
        name: [
            _record(path, match["pid"], match["camera"])
            for path, match in parsed(rgb / name, PRCC_TRAIN, TRAIN_FORM)
        ]
        for name in ("train", "val")
        if name == "train" or (rgb / name).is_dir()
    }
    for name, camera in TEST.items():
        folder = rgb / "test" / camera
        pictures = pictures_in(folder)
        matches = parse(folder, [f"{camera}/{picture}" for picture in pictures], PRCC_TEST, TEST_FORM)
        lists[name] = [
            _record(folder / picture, match["pid"], camera)
            for picture, match in zip(pictures, matches, strict=True)
        ]
    notes = [
        "query.txt is camera C (other clothes), query_same.txt camera B (same clothes), gallery.txt all of camera A."
    ]
    published = PUBLISHED
    if "val" in lists:
        lists["trainval"] = lists["train"] + lists["val"]
    else:
        published = {name: counts for name, counts in PUBLISHED.items() if name != WHOLE}
        notes.append(
            f"{rgb / 'val'} is missing, so val.txt and trainval.txt are not written; no protocol needs them."
        )
    return Collection("prcc", TITLE, lists, published, repeated=("trainval",), notes=tuple(notes))


def _record(path: Path, pid: str, camera: str) -> Record:
    return Record(path, pid, camera, PRCC_CLOTHES[camera])
