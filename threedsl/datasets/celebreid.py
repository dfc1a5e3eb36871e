"""Celeb-reID and Celeb-reID-light: celebrities in street photos, without cameras (Huang et al., IJCNN and TCSVT 2019).

    ROOT/train/1_105_0.jpg                           person_<number of the picture>_<no meaning>
    ROOT/query/…
    ROOT/gallery/…

Two conventions exist for the missing cameras, and their numbers differ. In query.txt and gallery.txt every picture has
its own camera, a running number, so that evaluation removes nothing (QizaoWang/FIRe-CCReID). query_digit.txt and
gallery_digit.txt hold the same pictures with the first digit of the picture's number as camera, as the authors' own
code has it (Huang-3/Celeb-reID), which removes some true matches. Query and gallery reuse the numbers of train for
different people. The number of pictures decides which of the two datasets it is.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from threedsl.data.file_names import CELEBREID
from threedsl.data.listfile import Record
from threedsl.datasets.collection import Collection, Counts
from threedsl.datasets.folders import find_root, own_cameras, parsed

TITLES = {"celebreid": "Celeb-reID", "celebreid-light": "Celeb-reID-light"}
PROTOCOLS = ()
FOLDERS = ("train", "query", "gallery")
FORM = "<person>_<number>_<digit>.jpg"
PUBLISHED = {
    "celebreid": {
        "train": Counts(632, 20_208),
        "query": Counts(420, 2_972),
        "gallery": Counts(420, 11_006),
        "all": Counts(1_052, 34_186),
    },
    "celebreid-light": {
        "train": Counts(490, 9_021),
        "query": Counts(100, 887),
        "gallery": Counts(100, 934),
        "all": Counts(590, 10_842),
    },
}
HALFWAY = 22_500  # pictures between the sizes of the two


def read(root: str | Path) -> Collection:
    """Read the folder Celeb-reID or Celeb-reID-light; the folder above it only where it holds one of the two.

    Raises:
        InputError: a folder is missing or empty, or a name is not of the published form.
    """
    inside = tuple(title for title in TITLES.values() if (Path(root) / title).is_dir())
    root = find_root(root, "Celeb-reID", FOLDERS, inside if len(inside) == 1 else ())
    digits, lists = {}, {}
    for name in FOLDERS:
        pictures = parsed(root / name, CELEBREID, FORM)
        lists[name] = [Record(path, match["pid"]) for path, match in pictures]
        digits[name] = [match["index"][0] for _, match in pictures]
    lists = own_cameras(lists)
    for name in ("query", "gallery"):
        lists[f"{name}_digit"] = [
            replace(record, camid=digit) for record, digit in zip(lists[name], digits[name], strict=True)
        ]
    dataset = _which(root, sum(len(lists[name]) for name in FOLDERS))
    notes = (
        "There are no cameras: in query.txt and gallery.txt every picture counts as its own (nothing is removed), in "
        "query_digit.txt and gallery_digit.txt the first digit of the picture's number does (as in the authors' code).",
        "The same number in train.txt and query.txt means two different people.",
    )
    return Collection(
        dataset,
        TITLES[dataset],
        lists,
        PUBLISHED[dataset],
        repeated=("query_digit", "gallery_digit"),
        cameras_known=False,
        notes=notes,
    )


def _which(root: Path, pictures: int) -> str:
    """By the folder's name, or else by the number of pictures."""
    for dataset, title in TITLES.items():
        if root.name.lower() == title.lower():
            return dataset
    return "celebreid" if pictures > HALFWAY else "celebreid-light"
