"""A dataset folder in memory, and the training batches drawn from it."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from tqdm import tqdm

from threedsl.body.rotation import mirror_pose
from threedsl.data.images import MAX_SIDE, load_image
from threedsl.data.layout import mask_path
from threedsl.data.listfile import Record
from threedsl.data.transforms import resize_crop
from threedsl.errors import InputError
from threedsl.network import EarlyMaps
from train.data.augment import AugmentConfig, Choices, Samples, augment, choose, part_of
from train.data.listing import JOINTS, Listing, read_mask, scaled_pose
from train.data.sampler import IdentitySampler
from train.synthesize.truth import Truth


@dataclass
class Batch:
    """One step's pictures on one process."""

    images: torch.Tensor | None  # (B, 3, H, W) float32 in [0, 1]; None: `maps` instead
    masks: torch.Tensor  # (B, h, w) float32, 0 or 1
    keypoints: torch.Tensor  # (B, 17, 3) pixels of the H x W crop, confidence
    labels: torch.Tensor  # (B,) 0 … people - 1
    clothes: torch.Tensor  # (B,) a number for each label of clothes in the list
    truth: Truth | None = None  # None unless it was requested
    masked: torch.Tensor | None = None  # (B,) bool, which pictures have a mask; None: all of the training set
    maps: EarlyMaps | None = None  # of the images (train.data.maps)


class TrainingSet:
    """Decoded pictures and masks (N, 3 + 1, H, W) uint8 and keypoints (N, 17, 3) of a listing, in memory once.

    Pictures without keypoints or without a mask have zeros for them.
    """

    def __init__(self, listing: Listing, size: tuple[int, int], truth: Truth | None = None):
        """truth: the listing's bodies, where they are known and used."""
        self.listing, self.records = listing, listing.records
        self.labels, self.clothes, self.people = listing.labels, listing.clothes, listing.people
        self.masked = listing.masks
        self.truth = truth
        pictures = np.zeros((len(self.records), *size, 4), np.uint8)
        self.keypoints = np.empty((len(self.records), JOINTS, 3), np.float32)

        def decode(i: int) -> None:
            record, folder = self.records[i], listing.folders[listing.places[i]]
            picture = load_picture(record)
            pictures[i, ..., :3] = resize_crop(picture, size)
            if listing.masks[i]:
                pictures[i, ..., 3] = read_mask(folder.root, record, size)
            # Keypoints are in pixels of the file, and a larger picture was reduced as it was read.
            shape = picture.shape if max(picture.shape) < MAX_SIDE else None
            self.keypoints[i] = scaled_pose(record, folder.root, folder.poses, size, shape)

        with ThreadPoolExecutor() as pool:
            done = pool.map(decode, range(len(pictures)))
            list(tqdm(done, "decoding", len(pictures), unit="picture", delay=2))
        self.pictures = torch.from_numpy(pictures).permute(0, 3, 1, 2)

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """What must be the same where a run is resumed, by its name in the state. Files are compared by size, as
        another version of a decoder may read them a little differently."""
        digest = hashlib.sha256()
        for record, place in zip(self.records, self.listing.places, strict=True):
            mask = mask_path(self.listing.folders[place].root, record.path)
            digest.update(f"{size_of(record.path)} {size_of(mask)}\n".encode())
        return {"training set": self.fingerprint, "sizes of pictures and masks": digest.hexdigest()}

    @cached_property
    def contents(self) -> str:
        """sha256 over every pixel of pictures and masks."""
        return hashlib.sha256(self.pictures.permute(0, 2, 3, 1).contiguous().numpy().data).hexdigest()

    @property
    def fingerprint(self) -> str:
        """sha256 over people, clothes and keypoints in the list's order; independent of where the folder is."""
        digest = hashlib.sha256()
        for column in (self.labels.astype("<i8"), self.clothes.astype("<i8"), self.keypoints.astype("<f4")):
            digest.update(column.tobytes())
        return digest.hexdigest()


def size_of(path: Path) -> int:
    """Bytes of a file, -1 where there is none."""
    return path.stat().st_size if path.is_file() else -1


class TrainingSteps:
    """Item t is the batch of step t; it depends on the seed and t alone.

    Pictures are kept on `device` if they fill less than half of its free memory; otherwise each batch is copied there.
    Augmentation runs on `device`.
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
        if sampler.identities % processes or sampler.identities < 2 * processes:
            raise InputError(
                f"identities ({sampler.identities}) must be a multiple of the {processes} processes and at least "
                "twice as many."
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
        choices = choose(len(indices), self.config, np.random.default_rng((self.seed, 2, step)))
        places = np.array_split(np.arange(len(indices)).reshape(-1, self.sampler.instances), self.processes)
        return self.assemble(indices, choices, (self.seed << 32) + step, places[self.rank].reshape(-1))

    def assemble(
        self, indices: NDArray[np.int64], choices: Choices, noise: int, mine: NDArray[np.int64]
    ) -> Batch:
        """One process's share of a batch.

        Args:
            indices: (B,) pictures of the whole batch.
            choices: what was drawn for each.
            noise: seed of their noise.
            mine: (b,) places in the batch of those that are returned.
        """
        chosen = indices[mine]
        # Without a mask nothing says where the person is, and a bystander would cover them.
        choices = replace(choices, bystander=choices.bystander & self.data.masked[indices])
        # Noise and bystanders are drawn for the whole batch, so that they do not depend on the number of processes.
        self.noise.manual_seed(noise)
        grain = torch.randn(
            (len(indices), 3, *self.pictures.shape[2:]), generator=self.noise, device=self.device
        )[torch.from_numpy(mine).to(self.device)]
        passing = mine[choices.bystander[mine]]
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
            truth=self.truth(chosen, choices.flip[mine]),
            masked=self.masked(chosen),
        )

    def masked(self, indices: NDArray) -> torch.Tensor | None:
        """(n,) bool, which pictures have a mask; None where all of the training set have one."""
        if self.data.masked.all():
            return None
        return torch.from_numpy(self.data.masked[indices]).to(self.device)

    def truth(self, indices: NDArray, flip: NDArray) -> Truth | None:
        """The bodies of pictures (n,), mirrored where `flip` (n,) says so; None unless they were requested."""
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
        crops[i] = resize_crop(load_picture(record), size)
    return crops


def load_picture(record: Record) -> NDArray[np.uint8]:
    """A listed picture (H, W, 3), read as it is when the network is used.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return load_image(record.path)
    except InputError as error:
        raise InputError(f"{error} Or remove it from the list.") from None
