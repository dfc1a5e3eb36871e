"""The pictures of a run and what is known of each, from the lists and keypoint files alone: nothing is decoded yet."""

import io
import logging
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from threedsl.annotations.dataset import picture_size
from threedsl.data.headers import check_header
from threedsl.data.images import FORMATS, MAX_BYTES, check_pixels
from threedsl.data.keypoints import read_alphapose
from threedsl.data.layout import check_masks, mask_path, pose_file, pose_id
from threedsl.data.listfile import Record, read_list
from threedsl.data.transforms import resize_crop
from threedsl.errors import InputError
from threedsl.reading import read_file
from train.synthesize.truth import TRUTH, Truth, read_truth

log = logging.getLogger("train")

JOINTS = 17  # COCO


@dataclass(frozen=True)
class TrainingFolder:
    """The pictures in list/train.txt of one dataset folder, and the keypoints in pose/, which need not cover them."""

    root: Path
    records: list[Record]
    poses: dict[str, NDArray]

    @classmethod
    def read(cls, root: Path, without: Collection[str] = ()) -> "TrainingFolder":
        """without: identities that are left out.

        Raises:
            InputError: the list is missing or damaged, the keypoints are damaged or ambiguous, or two pictures share a
                mask.
        """
        records = [record for record in training_list(root) if record.pid not in without]
        poses = read_alphapose(pose_file(root)) if pose_file(root).is_file() else {}
        refuse_ambiguous_names(records, root, poses)
        check_masks(root, (record.path for record in records if has_mask(root, record)))
        return cls(root, records, poses)

    def truth(self) -> Truth:
        """The records' bodies."""
        known = read_truth(self.root, self.records)
        if known is None:
            raise InputError(
                f"{self.root / TRUTH} does not exist, so losses.betas and losses.pose must be 0: only synthetic "
                "datasets come with ground-truth bodies."
            )
        return known


@dataclass(frozen=True)
class Listing:
    """N training pictures of one dataset folder or several.

    Across folders, identities and clothes are always distinct, even where their labels are the same.
    """

    folders: tuple[TrainingFolder, ...]
    records: list[Record]
    places: NDArray[np.int64]  # (N,) which folder
    labels: NDArray[np.int64]  # (N,) 0 … people - 1
    clothes: NDArray[np.int64]  # (N,) a number for each label of clothes
    keypoints: NDArray[np.bool_]  # (N,) whether there are any
    masks: NDArray[np.bool_]  # (N,) whether there is one

    @classmethod
    def read(cls, roots: Sequence[str | Path], without: Collection[str] = ()) -> "Listing":
        """without: identities of the first folder that are left out."""
        folders = tuple(
            TrainingFolder.read(Path(root), () if number else without) for number, root in enumerate(roots)
        )
        listed = [(number, record) for number, folder in enumerate(folders) for record in folder.records]
        people = {one: label for label, one in enumerate(sorted({(n, record.pid) for n, record in listed}))}
        worn = {one: label for label, one in enumerate(sorted({(n, record.clothes) for n, record in listed}))}
        return cls(
            folders,
            [record for _, record in listed],
            np.array([number for number, _ in listed]),
            np.array([people[number, record.pid] for number, record in listed]),
            np.array([worn[number, record.clothes] for number, record in listed]),
            np.array([pose_of(r, folders[n].root, folders[n].poses) is not None for n, r in listed]),
            np.array([has_mask(folders[n].root, record) for n, record in listed]),
        )

    @property
    def people(self) -> int:
        return int(self.labels.max()) + 1

    def sizes(self) -> dict[str, int]:
        """Numbers of people and pictures, and of pictures with keypoints and with a mask."""
        keypoints, masks = int(self.keypoints.sum()), int(self.masks.sum())
        counts = {"people": self.people, "pictures": len(self.records)}
        return counts | {"with keypoints": keypoints, "with masks": masks}

    def truth(self) -> Truth:
        """The bodies of all pictures.

        Raises:
            InputError: a folder has none, as those of real people.
        """
        known = [folder.truth() for folder in self.folders]
        return Truth(torch.cat([one.betas for one in known]), torch.cat([one.pose for one in known]))

    def check_annotations(self, keypoints: bool, masks: bool) -> None:
        """Log how many pictures have the annotations that the losses use.

        Raises:
            InputError: a loss uses them and no picture has any.
        """
        for used, known, kind, loss in (
            (keypoints, self.keypoints, "keypoints", "keypoint"),
            (masks, self.masks, "masks", "silhouette"),
        ):
            if used and not known.any():
                raise InputError(
                    f"No training picture of {self.folders[0].root} has {kind}: run `python -m threedsl annotate "
                    f"{self.folders[0].root} --builtin --list train`, or train without them (--set losses.{loss}=0)."
                )
            if used:
                log.info(
                    "%s: %d of %d training pictures (%.1f %%)",
                    *(kind, known.sum(), len(known), 100 * known.mean()),
                )


def training_list(root: Path) -> list[Record]:
    """list/train.txt of a dataset folder."""
    path = root / "list" / "train.txt"
    if not path.is_file():
        raise InputError(
            f"{root} has no list/train.txt; write it with `python -m threedsl prepare … --out {root}`, or name your "
            "dataset folder (--set data=FOLDER)."
        )
    return read_list(path, root)


def has_mask(root: Path, record: Record) -> bool:
    return mask_path(root, record.path).is_file()


def pose_of(record: Record, root: Path, poses: dict[str, NDArray]) -> NDArray | None:
    """Keypoints by the picture's name in `threedsl.data.layout`, or by its base name, as AlphaPose writes it."""
    return poses.get(pose_id(root, record.path), poses.get(record.path.name))


def scaled_pose(
    record: Record,
    root: Path,
    poses: dict[str, NDArray],
    size: tuple[int, int],
    shape: tuple[int, ...] | None = None,
) -> NDArray[np.float32]:
    """(17, 3) keypoints in pixels of the picture brought to `size`, zeros (confidence 0) where there are none; `shape`
    of the file's picture spares reading its header."""
    points = pose_of(record, root, poses)
    if points is None:
        return np.zeros((JOINTS, 3), np.float32)
    if shape is None:
        shape = picture_size(record.path)[::-1]
    return points * np.array([size[1] / shape[1], size[0] / shape[0], 1], np.float32)


def refuse_ambiguous_names(records: Sequence[Record], root: Path, poses: dict[str, NDArray]) -> None:
    """AlphaPose identifies pictures by base name; where two folders share one, keypoints could be assigned to the wrong
    person."""
    by_name = [r for r in records if pose_id(root, r.path) not in poses and r.path.name in poses]
    names = Counter(record.path.name for record in by_name)
    name, count = names.most_common(1)[0] if names else ("", 0)
    if count > 1:
        raise InputError(
            f"{count} pictures are called {name}, and the keypoints give names without folders; "
            "run AlphaPose folder by folder, then `python -m threedsl annotate`, which writes full names."
        )


def read_mask(root: Path, record: Record, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture's mask brought to `size`.

    Raises:
        InputError: it is missing or damaged.
    """
    path = mask_path(root, record.path)
    name, remedy = f"Mask {path}", "annotate the picture again"
    if not path.is_file():
        raise InputError(f"{name} is missing or damaged; {remedy}.")
    data = read_file(path, MAX_BYTES, name, remedy)
    # OpenCV itself decodes what has a gigabyte of pixels, in each of several threads.
    check_header(data, name)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            check_pixels(image.size, name)
        mask = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except InputError:
        raise
    except Exception:  # each decoder has its own exceptions
        mask = None
    if mask is None:
        raise InputError(f"{name} is missing or damaged; {remedy}.")
    return resize_crop(mask, size)
