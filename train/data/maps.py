"""Early maps of augmented pictures, made once and kept on disk: most of a step's time goes into the first stages of a
network, which need no second look at a picture while they are frozen."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from threedsl.errors import InputError
from threedsl.files import reserve, write_whole
from threedsl.locks import locked
from threedsl.network import EarlyMaps, ThreeDSLNetwork
from train.data.augment import AugmentConfig, choose
from train.data.dataset import Batch, TrainingSteps

DONE = "done.json"
CHUNK = 48  # pictures that are augmented together; bystanders come from the same chunk
KEEP_EVERY = 20  # chunks after which what is done is recorded

CLEAN = AugmentConfig(**dict.fromkeys(asdict(AugmentConfig()), 0.0))
"""What the first of several versions of a picture gets: nothing."""


@dataclass(frozen=True)
class MapFile:
    """One array of the cache, a row for each version of each picture, versions one after the other."""

    name: str
    shape: tuple[int, ...]
    kind: str


class MapSteps:
    """Item t is the batch of step t, as of `TrainingSteps`, with early maps instead of pictures.

    Every picture has `versions` versions: itself and augmented ones, or a single augmented one. Which one a step shows
    depends on the seed and t alone. Maps are float16.
    """

    def __init__(
        self,
        steps: TrainingSteps,
        network: ThreeDSLNetwork,
        versions: int,
        folder: Path,
        appearance: bool = True,
    ):
        """Make what is missing.

        Args:
            network: whose early maps are kept; its first stages must not change afterwards.
            folder: for caches, each in a folder of its own; runs with the same pictures, first stages and augmentation
                share one, whatever their seeds.
            appearance: also keep the maps of the appearance stream.

        Raises:
            InputError: several processes, or `folder` cannot be written.
        """
        if steps.processes > 1:
            raise InputError("maps in the configuration works in one process; start it without torchrun.")
        self.steps, self.versions, self.appearance = steps, versions, appearance
        self.folder = folder / self._key(network)[:16]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with locked(self.folder):
                self._make(network, self._open(network))
        except OSError as error:
            raise InputError(
                f"The cache of maps in {self.folder} cannot be written ({error.strerror or error}); make room or set "
                "maps to a smaller number."
            ) from None

    def __getitem__(self, step: int) -> Batch:
        data, device = self.steps.data, self.steps.device
        indices = self.steps.sampler.batch(step)
        rng = np.random.default_rng((self.steps.seed, 5, step))
        rows = rng.integers(self.versions, size=len(indices)) * len(data.pictures) + indices

        def read(name: str) -> torch.Tensor:
            return torch.from_numpy(self.arrays[name][rows]).to(device)

        def maps(name: str) -> torch.Tensor:
            return read(name).float().contiguous(memory_format=torch.channels_last)

        return Batch(
            images=None,
            maps=EarlyMaps(maps("appearance") if self.appearance else None, maps("shape")),
            masks=read("masks").float(),
            keypoints=read("keypoints"),
            labels=torch.from_numpy(data.labels[indices]).to(device),
            clothes=torch.from_numpy(data.clothes[indices]).to(device),
            truth=self.steps.truth(indices, self.arrays["flips"][rows]),
            masked=self.steps.masked(indices),
        )

    def _key(self, network: ThreeDSLNetwork) -> str:
        """sha256 over everything the cache depends on."""
        steps = self.steps
        settings = [steps.data.fingerprint, asdict(steps.config), self.versions, steps.mask_size]
        digest = hashlib.sha256(json.dumps([*settings, list(steps.pictures.shape), self.appearance]).encode())
        digest.update(steps.data.contents.encode())
        for name, value in self._first_stages(network).items():
            digest.update(name.encode() + value.detach().float().cpu().numpy().tobytes())
        return digest.hexdigest()

    def _first_stages(self, network: ThreeDSLNetwork) -> dict[str, torch.Tensor]:
        found = {f"shape.{name}": value for name, value in network.shape_stream.trunk.state_dict().items()}
        if self.appearance:
            early = network.appearance_stream.encoder[0].state_dict()
            found |= {f"appearance.{name}": value for name, value in early.items()}
        return found

    @torch.inference_mode()
    def _open(self, network: ThreeDSLNetwork) -> int:
        """Open or create the arrays; returns the number of chunks that are done."""
        record = self.folder / DONE
        done = json.loads(record.read_text(encoding="utf-8"))["chunks"] if record.is_file() else 0
        sample = network.early(
            self.steps.pictures[:1, :3].float().to(self.steps.device) / 255, self.appearance
        )
        files = [
            MapFile("shape", tuple(sample.shape.shape[1:]), "<f2"),
            MapFile("masks", self.steps.mask_size, "|u1"),
            MapFile("keypoints", (17, 3), "<f4"),
            MapFile("flips", (), "|b1"),
        ]
        if self.appearance:
            files.append(MapFile("appearance", tuple(sample.appearance.shape[1:]), "<f2"))
        rows = self.versions * len(self.steps.pictures)
        self.arrays: dict[str, NDArray] = {}
        for file in files:
            path = self.folder / f"{file.name}.npy"
            self.arrays[file.name] = np.lib.format.open_memmap(
                path,
                "r+" if done else "w+",
                None if done else file.kind,
                None if done else (rows, *file.shape),
            )
            with path.open("rb+") as handle:
                reserve(handle.fileno(), path.stat().st_size)
        return done

    @torch.inference_mode()
    def _make(self, network: ThreeDSLNetwork, done: int) -> None:
        steps, count = self.steps, len(self.steps.pictures)
        was_training = network.training
        network.eval()
        chunks = [
            (version, chunk)
            for version in range(self.versions)
            for chunk in np.array_split(
                np.random.default_rng((4, version)).permutation(count), -(-count // CHUNK)
            )
        ]
        bar = tqdm(total=len(chunks), initial=done, desc="early maps", unit="chunk", delay=2)
        for number, (version, chunk) in enumerate(chunks[done:], done):
            plain = self.versions > 1 and version == 0
            config = replace(CLEAN, flip=steps.config.flip) if plain else steps.config
            choices = choose(len(chunk), config, np.random.default_rng((3, number)))
            batch = steps.assemble(chunk, choices, number, np.arange(len(chunk)))
            maps = network.early(batch.images, self.appearance)
            rows = version * count + chunk
            self.arrays["shape"][rows] = maps.shape.half().cpu().numpy()
            if self.appearance:
                self.arrays["appearance"][rows] = maps.appearance.half().cpu().numpy()
            self.arrays["masks"][rows] = batch.masks.cpu().numpy()
            self.arrays["keypoints"][rows] = batch.keypoints.cpu().numpy()
            self.arrays["flips"][rows] = choices.flip
            bar.update()
            if (number + 1) % KEEP_EVERY == 0 or number + 1 == len(chunks):
                for array in self.arrays.values():
                    array.flush()
                write_whole(self.folder / DONE, json.dumps({"chunks": number + 1}).encode())
        bar.close()
        network.train(was_training)
