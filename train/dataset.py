"""A data set folder in memory, and the batches of a training run."""

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from threedsl.body.rotation import mirror_pose
from threedsl.data.keypoints import read_alphapose
from threedsl.data.layout import check_masks, mask_path, pose_file, pose_id
from threedsl.data.listfile import Record, read_list
from threedsl.data.transforms import resize_crop
from threedsl.errors import InputError
from train.augment import AugmentConfig, Samples, augment, choose, part_of
from train.sampler import IdentitySampler
from train.truth import TRUTH, Truth, read_truth

log = logging.getLogger("train")


@dataclass
class Batch:
    """One step's pictures on one process."""

    images: torch.Tensor  # (B, 3, H, W) float32 in [0, 1]
    masks: torch.Tensor  # (B, h, w) float32, 0 or 1
    keypoints: torch.Tensor  # (B, 17, 3) pixels of the H x W crop, confidence
    labels: torch.Tensor  # (B,) 0 .. people - 1
    clothes: torch.Tensor  # (B,) a number for each label of clothes in the list
    truth: Truth | None = None  # where it was asked for


@dataclass(frozen=True)
class TrainingFolder:
    """What list/train.txt of one data set folder names and pose/ has keypoints of."""

    root: Path
    records: list[Record]
    poses: dict[str, NDArray]

    @classmethod
    def read(cls, root: Path) -> "TrainingFolder":
        listed = read_list(root / "list" / "train.txt", root)
        poses = read_alphapose(pose_file(root))
        refuse_ambiguous_names(listed, root, poses)
        records = [record for record in listed if pose_of(record, root, poses) is not None]
        if len(records) < len(listed):
            log.warning(
                "%d of %d training pictures of %s have no keypoints and are left out",
                *(len(listed) - len(records), len(listed), root),
            )
        if not records:
            raise InputError(
                f"No picture of {root}/list/train.txt has keypoints in pose/alphapose-results.json."
            )
        check_masks(root, (record.path for record in records))
        return cls(root, records, poses)

    def truth(self) -> Truth:
        """The records' bodies."""
        known = read_truth(self.root, self.records)
        if known is None:
            raise InputError(
                f"{self.root / TRUTH} does not exist, so losses.betas and losses.pose must be 0: only synthetic "
                "people's bodies are known."
            )
        return known


class TrainingSet:
    """Decoded pictures and masks (N, 3 + 1, H, W) uint8 and keypoints (N, 17, 3) of list/train.txt, in memory once.

    Of several folders, people and clothes of one are others than those of the next, whatever they are called.
    """

    def __init__(self, roots: Sequence[str | Path], size: tuple[int, int], truth: bool = False):
        """truth: also read truth.npz, which synthetic people have."""
        folders = [TrainingFolder.read(Path(root)) for root in roots]
        listed = [(number, record) for number, folder in enumerate(folders) for record in folder.records]
        people = {one: label for label, one in enumerate(sorted({(n, record.pid) for n, record in listed}))}
        worn = {one: label for label, one in enumerate(sorted({(n, record.clothes) for n, record in listed}))}
        self.records = [record for _, record in listed]
        self.labels = np.array([people[number, record.pid] for number, record in listed])
        self.clothes = np.array([worn[number, record.clothes] for number, record in listed])
        self.people = len(people)
        known = [folder.truth() for folder in folders] if truth else []
        self.truth = (
            Truth(torch.cat([one.betas for one in known]), torch.cat([one.pose for one in known]))
            if known
            else None
        )
        pictures = np.empty((len(listed), *size, 4), np.uint8)
        self.keypoints = np.empty((len(listed), 17, 3), np.float32)

        def decode(i: int) -> None:
            number, record = listed[i]
            picture = cv2.imread(str(record.path))
            if picture is None:
                raise InputError(
                    f"Training picture {record.path} cannot be decoded; make it anew or take it off the list."
                )
            pictures[i, ..., :3] = resize_crop(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), size)
            pictures[i, ..., 3] = read_mask(folders[number].root, record, size)
            self.keypoints[i] = scaled_pose(
                record, folders[number].root, folders[number].poses, size, picture.shape
            )

        with ThreadPoolExecutor() as pool:
            done = pool.map(decode, range(len(pictures)))
            list(tqdm(done, "decoding", len(pictures), unit="picture", delay=2))
        self.pictures = torch.from_numpy(pictures).permute(0, 3, 1, 2)

    @property
    def fingerprint(self) -> str:
        """sha256 over people, clothes and keypoints in the list's order; the same wherever the folder lies."""
        digest = hashlib.sha256()
        for column in (self.labels.astype("<i8"), self.clothes.astype("<i8"), self.keypoints.astype("<f4")):
            digest.update(column.tobytes())
        return digest.hexdigest()


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
    """(17, 3) keypoints in pixels of the picture brought to `size`; `shape` spares reading the picture's header."""
    if shape is None:
        with Image.open(record.path) as picture:
            shape = (picture.height, picture.width)
    return pose_of(record, root, poses) * np.array([size[1] / shape[1], size[0] / shape[0], 1], np.float32)


def refuse_ambiguous_names(records: Sequence[Record], root: Path, poses: dict[str, NDArray]) -> None:
    """AlphaPose knows pictures by base name; where two folders share one, keypoints could go to the wrong person."""
    by_name = [r for r in records if pose_id(root, r.path) not in poses and r.path.name in poses]
    names = Counter(record.path.name for record in by_name)
    name, count = names.most_common(1)[0] if names else ("", 0)
    if count > 1:
        raise InputError(
            f"{name} is the name of {count} pictures, and the keypoints name it without its folder; "
            "run AlphaPose folder by folder, then `python -m threedsl annotate`, which writes full names."
        )


def read_mask(root: Path, record: Record, size: tuple[int, int]) -> NDArray[np.uint8]:
    path = mask_path(root, record.path)
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise InputError(f"Mask {path} is missing or damaged; every training picture needs one.")
    return resize_crop(mask, size)


class TrainingSteps:
    """Item t is the whole batch of step t: the same for the same seed, whatever came before.

    Pictures lie on `device` if they fill less than half of its free memory, and are changed there; else they are
    brought there a batch at a time.
    """

    def __init__(
        self,
        data: TrainingSet,
        sampler: IdentitySampler,
        config: AugmentConfig,
        mask_size: tuple[int, int],
        seed: int,
        device: torch.device | str = "cpu",
        rank: int = 0,
        processes: int = 1,
    ):
        if sampler.people % processes or sampler.people < 2 * processes:
            raise InputError(
                f"people ({sampler.people}) must be a multiple of the {processes} processes and at least twice as many."
            )
        self.data, self.sampler, self.config, self.mask_size, self.seed = (
            data, sampler, config, mask_size, seed,
        )  # fmt: skip
        self.device, self.rank, self.processes = torch.device(device), rank, processes
        self.pictures = data.pictures
        if self.device.type == "cuda" and data.pictures.nbytes < torch.cuda.mem_get_info(self.device)[0] / 2:
            self.pictures = data.pictures.to(self.device)
        self.noise = torch.Generator(self.device)

    def __getitem__(self, step: int) -> Batch:
        indices = self.sampler.batch(step)
        places = np.array_split(np.arange(len(indices)).reshape(-1, self.sampler.pictures), self.processes)
        mine = places[self.rank].reshape(-1)
        chosen = indices[mine]
        choices = choose(len(indices), self.config, np.random.default_rng((self.seed, 2, step)))
        # Noise and passers-by are those of the whole batch, so that they do not depend on the number of processes.
        self.noise.manual_seed((self.seed << 32) + step)
        grain = torch.randn(
            (len(indices), 3, *self.pictures.shape[2:]), generator=self.noise, device=self.device
        )[torch.from_numpy(mine).to(self.device)]
        passing = mine[choices.passer[mine]]
        pictures = self._pictures(chosen)
        samples = augment(
            Samples(
                pictures[:, :3],
                pictures[:, 3:],
                torch.from_numpy(self.data.keypoints[chosen]).to(self.device),
            ),
            part_of(choices, mine),
            self._pictures(indices[(passing + len(indices) // 2) % len(indices)]),
            grain,
        )
        return Batch(
            images=samples.images,
            masks=(F.interpolate(samples.masks, self.mask_size, mode="area")[:, 0] > 0.5).float(),
            keypoints=samples.keypoints,
            labels=torch.from_numpy(self.data.labels[chosen]).to(self.device),
            clothes=torch.from_numpy(self.data.clothes[chosen]).to(self.device),
            truth=self._truth(chosen, choices.flip[mine]),
        )

    def _truth(self, indices: NDArray, flip: NDArray) -> Truth | None:
        known = self.data.truth
        if known is None:
            return None
        pose, mirrored = known.pose[indices], torch.from_numpy(flip)[:, None, None, None]
        pose = torch.where(mirrored, mirror_pose(pose), pose)
        return Truth(known.betas[indices].to(self.device), pose.to(self.device))

    def _pictures(self, indices: NDArray) -> torch.Tensor:
        """(n, 4, H, W) float in [0, 1]: RGB and mask."""
        return self.pictures[torch.from_numpy(indices).to(self.pictures.device)].to(self.device).float() / 255


def load_crops(records: Sequence[Record], size: tuple[int, int]) -> NDArray[np.uint8]:
    """(N, H, W, 3) RGB crops of the records, for evaluation during training."""
    crops = np.empty((len(records), *size, 3), np.uint8)
    for i, record in enumerate(records):
        picture = cv2.imread(str(record.path))
        if picture is None:
            raise InputError(f"Picture {record.path} cannot be decoded.")
        crops[i] = resize_crop(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), size)
    return crops
