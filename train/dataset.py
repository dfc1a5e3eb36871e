"""A data set folder in memory, and the batches of a training run."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import Dataset
from tqdm import tqdm

from threedsl.data.keypoints import read_alphapose
from threedsl.data.listfile import Record, read_list
from threedsl.data.transforms import resize_crop, to_batch
from threedsl.errors import InputError
from train.augment import AugmentConfig, Sample, augment
from train.sampler import IdentitySampler

log = logging.getLogger("train")


@dataclass
class Batch:
    """One step's pictures on one process."""

    images: torch.Tensor  # (B, 3, H, W) float32 in [0, 1]
    masks: torch.Tensor  # (B, h, w) float32, 0 or 1
    keypoints: torch.Tensor  # (B, 17, 3) pixels of the H x W crop, confidence
    labels: torch.Tensor  # (B,) 0 .. people - 1
    clothes: torch.Tensor  # (B,) numbers that differ where clothes differ

    def to(self, device: torch.device) -> "Batch":
        return Batch(*(value.to(device, non_blocking=True) for value in vars(self).values()))


class TrainingSet:
    """Decoded pictures (N, H, W, 3), masks (N, h, w) and keypoints (N, 17, 3) of list/train.txt, in memory once."""

    def __init__(self, root: str | Path, size: tuple[int, int], mask_size: tuple[int, int]):
        root = Path(root)
        self.records = read_list(root / "list" / "train.txt", root)
        poses = read_alphapose(root / "pose" / "alphapose-results.json")
        refuse_ambiguous_names(self.records, root, poses)
        listed = len(self.records)
        self.records = [record for record in self.records if pose_of(record, root, poses) is not None]
        if len(self.records) < listed:
            log.warning(
                "%d of %d training pictures have no keypoints and are left out",
                listed - len(self.records),
                listed,
            )
        if not self.records:
            raise InputError(
                f"No picture of {root}/list/train.txt has keypoints in pose/alphapose-results.json."
            )
        pids = sorted({record.pid for record in self.records})
        self.labels = np.array([pids.index(record.pid) for record in self.records])
        outfits = sorted({(record.pid, record.clothes) for record in self.records})
        number = {outfit: i for i, outfit in enumerate(outfits)}
        self.clothes = np.array([number[record.pid, record.clothes] for record in self.records])
        self.people = len(pids)
        count = len(self.records)
        self.images = np.empty((count, *size, 3), np.uint8)
        self.masks = np.empty((count, *mask_size), np.uint8)
        self.keypoints = np.empty((count, 17, 3), np.float32)
        for i, record in enumerate(tqdm(self.records, desc="decoding", unit="picture")):
            picture = cv2.imread(str(record.path))
            if picture is None:
                raise InputError(
                    f"Training picture {record.path} cannot be decoded; make it anew or take it off the list."
                )
            self.images[i] = resize_crop(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), size)
            self.masks[i] = read_mask(root, record, mask_size)
            self.keypoints[i] = scaled_pose(record, root, poses, size, picture.shape)


def pose_of(record: Record, root: Path, poses: dict[str, NDArray]) -> NDArray | None:
    """Keypoints by the picture's path within the data set, or by its base name, as AlphaPose writes it."""
    path = record.path.relative_to(root).as_posix()
    return poses.get(path, poses.get(record.path.name))


def scaled_pose(
    record: Record,
    root: Path,
    poses: dict[str, NDArray],
    size: tuple[int, int],
    shape: tuple[int, ...] | None = None,
) -> NDArray[np.float32]:
    """(17, 3) keypoints in pixels of the picture brought to `size`; `shape` spares reading the picture's header."""
    if shape is None:
        with Image.open(record.path) as picture:
            shape = (picture.height, picture.width)
    return pose_of(record, root, poses) * np.array([size[1] / shape[1], size[0] / shape[0], 1], np.float32)


def refuse_ambiguous_names(records: Sequence[Record], root: Path, poses: dict[str, NDArray]) -> None:
    """AlphaPose knows pictures by base name; where two folders share one, keypoints could go to the wrong person."""
    by_name = [
        r for r in records if r.path.relative_to(root).as_posix() not in poses and r.path.name in poses
    ]
    names = Counter(record.path.name for record in by_name)
    name, count = names.most_common(1)[0] if names else ("", 0)
    if count > 1:
        raise InputError(
            f"{name} is the name of {count} pictures, and the keypoints name it without its folder; "
            "run AlphaPose folder by folder and give paths relative to the data set as image_id."
        )


def read_mask(root: Path, record: Record, size: tuple[int, int]) -> NDArray[np.uint8]:
    inside = record.path.relative_to(root)
    path = root / "mask" / Path(*inside.parts[1:]).with_suffix(".png")
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise InputError(f"Mask {path} is missing or damaged; every training picture needs one.")
    return resize_crop(mask, size)


class TrainingSteps(Dataset):
    """Item t is the whole batch of step t: the same for the same seed, whatever came before."""

    def __init__(
        self,
        data: TrainingSet,
        sampler: IdentitySampler,
        config: AugmentConfig,
        seed: int,
        steps: int,
        rank: int = 0,
        processes: int = 1,
    ):
        if sampler.people % processes or sampler.people < 2 * processes:
            raise InputError(
                f"people ({sampler.people}) must be a multiple of the {processes} processes and at least twice as many."
            )
        self.data, self.sampler, self.config, self.seed, self.steps = data, sampler, config, seed, steps
        self.rank, self.processes = rank, processes

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Batch:
        indices = self.sampler.batch(step)
        places = np.array_split(np.arange(len(indices)).reshape(-1, self.sampler.pictures), self.processes)
        mine = places[self.rank].reshape(-1)
        samples = [
            augment(
                self._sample(indices[place]), self.config, np.random.default_rng((self.seed, 2, step, place))
            )
            for place in mine
        ]
        chosen = indices[mine]
        return Batch(
            images=to_batch([sample.image for sample in samples]),
            masks=torch.from_numpy(np.stack([sample.mask > 127 for sample in samples])).float(),
            keypoints=torch.from_numpy(np.stack([sample.keypoints for sample in samples])),
            labels=torch.from_numpy(self.data.labels[chosen]),
            clothes=torch.from_numpy(self.data.clothes[chosen]),
        )

    def _sample(self, index: int) -> Sample:
        return Sample(self.data.images[index], self.data.masks[index], self.data.keypoints[index])


def load_crops(records: Sequence[Record], size: tuple[int, int]) -> NDArray[np.uint8]:
    """(N, H, W, 3) RGB crops of the records, for evaluation during training."""
    crops = np.empty((len(records), *size, 3), np.uint8)
    for i, record in enumerate(records):
        picture = cv2.imread(str(record.path))
        if picture is None:
            raise InputError(f"Picture {record.path} cannot be decoded.")
        crops[i] = resize_crop(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), size)
    return crops
