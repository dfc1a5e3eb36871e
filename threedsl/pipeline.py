"""Pictures in, descriptors and bodies out: the one class that users, the page and the command line call."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from threedsl.bodies import Bodies
from threedsl.body import DEFAULT_BODY, BodyModel
from threedsl.checkpoint import body_of, fingerprint_of
from threedsl.checkpoint_folder import DEFAULT, REPOSITORY
from threedsl.data.images import Source, load_image
from threedsl.data.transforms import resize_crop, to_batch
from threedsl.errors import InputError
from threedsl.hub import HubModel
from threedsl.network import NetworkConfig, ThreeDSLNetwork
from threedsl.progress import Report
from threedsl.streams import STREAMS

DEFAULT_CHECKPOINT = REPOSITORY / "checkpoints" / DEFAULT


@dataclass(frozen=True)
class Output:
    """What the network says about N pictures, as numpy float32.

    appearance (N, D_a) and shape (N, D_s) are F_rgb and F_shape of 3DSL; combined (N, D_a + D_s) is their
    concatenation. All have unit norm, so a dot product is the cosine similarity and the score of combined is
    the weighted mean of the other two: shape_share of the shape's and the rest of the appearance's. A network without a
    shape stream gives shape (N, 0) and combined = appearance.
    """

    appearance: np.ndarray
    shape: np.ndarray
    combined: np.ndarray
    bodies: Bodies | None = None
    fingerprint: str = ""  # of the model that computed it; "" is not checked
    shape_share: float = 0.5

    def stream(self, name: str) -> np.ndarray:
        """Descriptors by name; InputError for an unknown name or a stream this model lacks."""
        if name not in STREAMS:
            raise InputError(f"stream {name!r} is unknown; it is one of {', '.join(STREAMS)}.")
        descriptors = getattr(self, name)
        if descriptors.shape[1] == 0:
            raise InputError("This model has no shape stream; search by appearance.")
        return descriptors


class ThreeDSL(HubModel):
    """3DSL as a function of pictures. See `from_pretrained` and `__call__`; `save_pretrained` and `push_to_hub` are
    those of HubModel.

    checkpoint_folder: where it was read from, with its card and measured figures; None for a network made here.
    """

    def __init__(
        self,
        network: ThreeDSLNetwork,
        config: NetworkConfig,
        body: BodyModel | None = None,
        device: str | torch.device = "auto",
    ):
        self.checkpoint_folder: Path | None = None
        self.device = pick_device(device)
        self.config = config
        self.network = network
        if self.device.type != "cpu":
            _ = self.fingerprint  # ZeroGPU takes weights that went to its GPU out of this process
        self.network = network.to(self.device).eval()
        self.body = (body or BodyModel.load(DEFAULT_BODY)).to(self.device).eval()
        if config.shape_stream and self.body.num_coarse != config.coarse_vertices:
            raise InputError(
                f"The body model has {self.body.num_coarse} coarse vertices, the network {config.coarse_vertices}; "
                "use the body file this checkpoint was trained with."
            )

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path = DEFAULT_CHECKPOINT,
        device: str | torch.device = "auto",
        **hub,
    ) -> ThreeDSL:
        """Load a folder that save_pretrained wrote (config.json, safetensors), or a Hugging Face model.

        The body is the folder's body.npz if it has one, else the shipped checkpoints/body.

        Args:
            source: a folder, the name of a shipped checkpoint, or a Hugging Face id.
            device: auto, cpu, cuda or cuda:N.
            hub: revision, token, cache_dir, force_download, local_files_only, as in huggingface_hub's mixin.

        Raises:
            InputError: nothing there, damaged, or weights of another configuration; they are always loaded strictly.
        """
        folder, config, network = cls._from_pretrained(model_id=source, **hub)
        model = cls(network, config, BodyModel.load(body_of(folder)), device)
        model.checkpoint_folder = folder
        return model

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) in pixels that crops are resized to."""
        return self.config.height, self.config.width

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over configuration and weights, however they are stored."""
        return fingerprint_of(self.network, self.config)

    def __call__(
        self,
        images: Sequence[Source] | Source,
        batch_size: int = 32,
        bodies: bool = True,
        progress: Report | None = None,
        mirror: bool = False,
    ) -> Output:
        """Describe person crops.

        Args:
            images: paths, PIL images or RGB uint8 arrays (H, W, 3) of any size, each showing one person from
                head to feet (threedsl.data.detect cuts people out); a single one counts as a list of one.
            batch_size: pictures per forward pass.
            bodies: also return bodies (needs a shape stream, else `Output.bodies` is None).
            progress: called with (done, total) after every batch.
            mirror: average the descriptors with those of the mirrored pictures, at twice the time.

        Raises:
            InputError: a picture cannot be read.
        """
        if (
            isinstance(images, str | Path | bytes)
            or hasattr(images, "getexif")
            or getattr(images, "ndim", 0) == 3
        ):
            images = [images]
        images = list(images)
        if batch_size < 1:
            raise InputError(f"batch_size must be 1 or more, not {batch_size}.")
        parts: list[dict[str, np.ndarray]] = []
        with ThreadPoolExecutor(max_workers=4) as readers:
            for start in range(0, len(images), batch_size):
                crops = list(readers.map(self._read, images[start : start + batch_size]))
                parts.append(self._forward(crops, bodies, mirror))
                if progress is not None:
                    progress(start + len(crops), len(images))
        return self._join(parts, bodies)

    def _read(self, image: Source) -> np.ndarray:
        return resize_crop(load_image(image), self.input_size)

    @torch.inference_mode()
    def _forward(self, crops: list[np.ndarray], bodies: bool, mirror: bool) -> dict[str, np.ndarray]:
        batch = to_batch(crops).to(self.device)
        out = self.network(batch)
        names = ["appearance", "shape"]
        values = {name: getattr(out, name) for name in names}
        if mirror:
            twin = self.network(batch.flip(3))
            values = {
                name: None
                if value is None
                else torch.nn.functional.normalize(value + getattr(twin, name), dim=1)
                for name, value in values.items()
            }
        if bodies:
            values |= {name: getattr(out, name) for name in ("betas", "pose", "camera", "displacement")}
        return {name: value.float().cpu().numpy() for name, value in values.items() if value is not None}

    def _join(self, parts: list[dict[str, np.ndarray]], bodies: bool) -> Output:
        def joined(name: str, width: int) -> np.ndarray:
            found = [part[name] for part in parts if name in part]
            return np.concatenate(found) if found else np.zeros((count, width), np.float32)

        count = sum(len(part["appearance"]) for part in parts)
        appearance = joined("appearance", self.config.descriptor)
        shape = joined("shape", self.config.shape_width)
        people = None
        if bodies and self.config.shape_stream and parts:
            values = (joined(name, 0) for name in ("betas", "pose", "camera", "displacement"))
            people = Bodies(*values, model=self.body, size=self.input_size)
        share = self.config.shape_share
        return Output(appearance, shape, combine(appearance, shape, share), people, self.fingerprint, share)


def combine(appearance: np.ndarray, shape: np.ndarray, shape_share: float = 0.5) -> np.ndarray:
    """(N, D_a), (N, D_s) of unit norm -> (N, D_a + D_s) of unit norm, whose dot products are the weighted means of the
    streams' own; D_s = 0 leaves appearance as it is."""
    if shape.shape[1] == 0:
        return appearance
    parts = [appearance * np.float32(np.sqrt(1 - shape_share)), shape * np.float32(np.sqrt(shape_share))]
    return np.concatenate(parts, axis=1)


def pick_device(device: str | torch.device) -> torch.device:
    """ "auto" is a GPU if there is one, else the CPU."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        picked = torch.device(device)
        torch.empty(0, device=picked)
    except (
        RuntimeError,
        AssertionError,
        NotImplementedError,
    ) as error:  # torch raises each for a device it lacks
        reason = str(error).splitlines()[0]
        if reason.startswith("Expected one of"):  # torch's list of every device that it was ever built for
            reason = "use auto, cpu, cuda or cuda:N"
        raise InputError(f"device {str(device)!r} cannot be used here ({reason}).") from None
    return picked
