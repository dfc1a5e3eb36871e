"""Where a picture's keypoints and mask are in a dataset folder: one rule for reading and writing.

    ROOT/list/train.txt                  lines `path person camera [clothes]`
    ROOT/pose/alphapose-results.json     `image_id` is `pose_id` of the picture
    ROOT/mask/….png                      `mask_path` of the picture, 255 where the person is, else 0

    the picture                          pose_id                        mask_path
    ROOT/images/a/b.jpg                  images/a/b.jpg                 ROOT/mask/a/b.png
    ROOT/rgb/train/001/b.jpg             rgb/train/001/b.jpg            ROOT/mask/rgb/train/001/b.png
    /data/prcc/rgb/train/001/b.jpg       /data/prcc/rgb/train/001/b.jpg ROOT/mask/outside/data/prcc/rgb/train/001/b.png

Folder names are part of both, so that pictures of the same name in different folders do not collide. Two pictures share
a mask if they differ in nothing but the ending, or in nothing but the first folder `images`, as images/a/b.jpg and
a/b.jpg do; `check_masks` refuses them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from threedsl.errors import InputError


def pose_file(root: str | Path) -> Path:
    """The dataset's keypoints."""
    return Path(root) / "pose" / "alphapose-results.json"


def mask_folder(root: str | Path) -> Path:
    """The folder of the dataset's masks."""
    return Path(root) / "mask"


def pose_id(root: str | Path, picture: str | Path) -> str:
    """`image_id` of a picture: its path relative to the dataset folder, or the absolute one if it is outside."""
    return _inside(root, picture).as_posix()


def mask_path(root: str | Path, picture: str | Path) -> Path:
    """The mask of a picture; `picture` is a path as `read_list` gives it."""
    inside = _inside(root, picture)
    if inside.is_absolute():
        # A drive letter is no folder name: C:\data becomes C/data.
        parts = ("outside", inside.drive.strip(":\\/").replace("\\", "-"), *inside.parts[1:])
        inside = Path(*(part for part in parts if part))
    elif inside.parts[0] == "images" and len(inside.parts) > 1:
        inside = Path(*inside.parts[1:])
    return mask_folder(root) / inside.with_suffix(".png")


def check_masks(root: str | Path, pictures: Iterable[Path]) -> None:
    """Refuse pictures whose masks would overwrite each other, or one of the pictures.

    Raises:
        InputError: naming two of them.
    """
    owners: dict[Path, Path] = {}
    pictures = list(pictures)
    listed = {os.path.abspath(picture): picture for picture in pictures}
    for picture in pictures:
        mask = mask_path(root, picture)
        if other := listed.get(os.path.abspath(mask)):
            raise InputError(
                f"The mask of {picture} would replace the listed picture {other}; rename one of the two."
            )
        if owners.setdefault(mask, picture) != picture:
            raise InputError(
                f"{owners[mask]} and {picture} would share the mask {mask}; rename one of the two pictures."
            )


def _inside(root: str | Path, picture: str | Path) -> Path:
    """The path below root, `..` and `.` worked out, or the absolute path. Links stay as they are written."""
    root, picture = Path(os.path.abspath(root)), Path(os.path.abspath(picture))
    return picture.relative_to(root) if picture.is_relative_to(root) else picture
