"""Pictures in, descriptors and bodies out: the one class that users, the page and the command line call."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from threedsl.body import DEFAULT_BODY, BodyModel
from threedsl.body.bodies import Bodies
from threedsl.body.coco import SEEN, are_backs
from threedsl.body.fitting import FEWEST, fit_bodies
from threedsl.body.joints import COCO_FLIP
from threedsl.checkpoint.folder import DEFAULT_CHECKPOINT
from threedsl.checkpoint.hub import HubModel
from threedsl.checkpoint.weights import body_of, fingerprint_of, load_checkpoint
from threedsl.data.images import Source, load_image
from threedsl.data.transforms import resize_crop, to_batch
from threedsl.errors import InputError
from threedsl.inference.graph import BODIES, DESCRIPTORS, EVIDENCE
from threedsl.inference.session import open_backend
from threedsl.network import NetworkConfig, ThreeDSLNetwork
from threedsl.output import Output, People
from threedsl.people.given import everybody
from threedsl.progress import Report


class ThreeDSL(HubModel):
    """3DSL as a function of pictures. See `from_pretrained` and `__call__`; `save_pretrained` and `push_to_hub` are
    those of HubModel.

    checkpoint_folder: where it was read from, with its card and measured figures; None for a network made here.

    >>> model = ThreeDSL.from_pretrained("3dsl-lite", device="cpu")  # a folder, a Hugging Face id, or a shipped name
    >>> model.input_size
    (256, 128)
    >>> out = model(np.zeros((384, 192, 3), np.uint8))  # one person crop, RGB
    >>> len(out), out.bodies.betas.shape
    (1, (1, 10))
    """

    def __init__(
        self,
        network: ThreeDSLNetwork,
        config: NetworkConfig,
        body: BodyModel | None = None,
        device: str | torch.device = "auto",
        backend: str = "torch",
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
        self._onnx = open_backend(backend, self.network, config, self.device, torch.get_num_threads())

    @property
    def backend(self) -> str:
        """What runs the network: torch or onnx."""
        return "torch" if self._onnx is None else "onnx"

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path = DEFAULT_CHECKPOINT,
        device: str | torch.device = "auto",
        backend: str = "torch",
        **hub,
    ) -> ThreeDSL:
        """Load a folder that save_pretrained wrote (config.json, safetensors), or a Hugging Face model.

        The body is the folder's body.npz if it has one, else the shipped checkpoints/body.

        Args:
            source: a folder, the name of a shipped checkpoint, or a Hugging Face id.
            device: auto, cpu, cuda or cuda:N.
            backend: torch; onnx, which runs the same network by onnxruntime, on a CPU two to three times as fast and
                equal within 1e-4; or auto: onnx on a CPU where onnxruntime and a graph are there, else torch.
            hub: revision, token, cache_dir, force_download, local_files_only, as in huggingface_hub's mixin.

        Raises:
            InputError: nothing there, damaged, or weights of another configuration; they are always loaded strictly.
        """
        return cls.from_folder(cls._from_pretrained(model_id=source, **hub), device, backend)

    @classmethod
    def from_folder(
        cls, folder: Path, device: str | torch.device = "auto", backend: str = "torch"
    ) -> ThreeDSL:
        """As `from_pretrained`, of a folder that `find_checkpoint` has found."""
        config, network = load_checkpoint(folder)
        model = cls(network, config, BodyModel.load(body_of(folder)), device, backend)
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
        keypoints: Sequence[np.ndarray | None] | None = None,
    ) -> Output:
        """Describe person crops.

        Args:
            images: paths, PIL images or RGB uint8 arrays (H, W, 3) of any size, each showing one person from
                head to feet (threedsl.people cuts people out); a single one counts as a list of one.
            batch_size: pictures per forward pass.
            bodies: also return bodies (needs a shape stream, else `Output.bodies` is None).
            progress: called with (done, total) after every batch.
            mirror: average the descriptors with those of the mirrored pictures, at twice the time.
            keypoints: for each picture, (17, 3) COCO keypoints x, y in the network's input (`input_size`; see
                Box.to_crop), confidence, or None where there are none; bodies are then corrected by them
                (KeypointHead, where the network has one) and fitted to them (threedsl.body.fitting).
                Descriptors stay the same.

        Raises:
            InputError: a picture cannot be read, or the keypoints are not one set for each picture.
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
        output = self._join(parts, bodies)
        if keypoints is None or output.bodies is None:
            return output
        try:
            found = [
                np.zeros((17, 3)) if points is None else np.asarray(points, float) for points in keypoints
            ]
        except (TypeError, ValueError):  # no arrays of numbers
            found = [np.zeros(0)]
        if len(found) != len(images) or any(points.shape != (17, 3) for points in found):
            raise InputError(
                f"keypoints must be {len(images)} arrays of shape (17, 3) or None, one per picture."
            )
        return replace(output, bodies=self.fit(output.bodies, np.stack(found)))

    def fit(self, bodies: Bodies, found: np.ndarray) -> Bodies:
        """Bodies of this model moved to found keypoints: corrected by the network's keypoint head, if it has one, then
        as `threedsl.body.fitting.fit_bodies`, whose arguments and errors these are.

        The finder takes a back for a front now and then. The head knows the picture as well as the keypoints: where it
        says back and these say front without showing a face, left and right change places.
        """
        corrected = self._corrected(bodies, found)
        if corrected is not bodies and (backs := are_backs(corrected.keypoints, found)).any():
            found = np.where(backs[:, None, None], found[:, list(COCO_FLIP)], found)
            corrected = self._corrected(bodies, found)
        return fit_bodies(corrected, found)

    def people(self, photo: Source, boxes: object = None, bodies: bool = True) -> People:
        """Everybody in a photo: where they are, their descriptors and their bodies, fitted to their keypoints.

        Args:
            photo: path, PIL image or RGB uint8 array (H, W, 3).
            boxes: people that another detector or a tracker has found: (N, 4) x0, y0, x1, y1 in pixels of the upright
                photo, from head to feet, or an object that has such an array as `xyxy` (supervision.Detections). Their
                keypoints are looked for as well. None: the finder looks for everybody.
            bodies: also return bodies.

        Returns:
            People in the order of `boxes`, or the most prominent first; none where no person is found.

        Raises:
            InputError: the photo cannot be read, or the boxes are not boxes in it.
        """
        image = load_image(photo)
        found = everybody(image, boxes)
        points = [
            None if one.person is None else one.crop.to_crop(one.person.keypoints, self.input_size)
            for one in found
        ]
        output = self([one.crop.crop(image) for one in found], bodies=bodies, keypoints=points or None)
        return People.of(output, found)

    def _read(self, image: Source) -> np.ndarray:
        read = load_image(image)
        if isinstance(image, np.ndarray) and image.shape[2:] == (3,) and image.dtype == np.uint8:
            # load_image has checked it, and reduced what is larger than a photo may be; a crop reduced twice has other
            # descriptors.
            read = image
        return resize_crop(read, self.input_size)

    @torch.inference_mode()
    def _forward(self, crops: list[np.ndarray], bodies: bool, mirror: bool) -> dict[str, np.ndarray]:
        batch = to_batch(crops)
        out = self._infer(batch, bodies)
        values = {name: out[name] for name in DESCRIPTORS}
        if mirror:
            twin = self._infer(batch.flip(3), False)
            values = {
                name: None if value is None else torch.nn.functional.normalize(value + twin[name], dim=1)
                for name, value in values.items()
            }
        if bodies:
            values |= {name: out.get(name) for name in (*BODIES, EVIDENCE)}
        arrays = {name: value.float().cpu().numpy() for name, value in values.items() if value is not None}
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise InputError(
                    f"The network computed NaN or infinity for {name} of a picture, so nothing can be compared; its "
                    "weights are damaged: copy the checkpoint again."
                )
        return arrays

    @torch.inference_mode()
    def _corrected(self, bodies: Bodies, found: np.ndarray) -> Bodies:
        """Bodies corrected where enough keypoints are seen."""
        head = self.network.shape_stream.keypoint_head
        points = np.nan_to_num(np.asarray(found, np.float32), posinf=0, neginf=0)
        rows = np.flatnonzero((points[..., 2] >= SEEN).sum(1) >= FEWEST)
        if head is None or bodies.evidence is None or not len(rows):
            return bodies
        values = (bodies.evidence, bodies.betas, bodies.pose, bodies.camera, points)
        tensors = (torch.from_numpy(value[rows]).to(self.device) for value in values)
        dressed = torch.from_numpy(bodies.displacement[rows]).to(self.device) + head.clothes
        names = ("betas", "pose", "camera", "displacement")
        kept = {name: getattr(bodies, name).copy() for name in names}
        for name, value in zip(names, (*head(*tensors, self.input_size), dressed), strict=True):
            kept[name][rows] = value.cpu().numpy()
        return replace(bodies, **kept)

    def _infer(self, batch: Tensor, bodies: bool) -> dict[str, Tensor | None]:
        """Fields of NetworkOutput of (B, 3, H, W) by their names; those of the body only with bodies."""
        if self._onnx is None:
            return self.network(batch.to(self.device), bodies=bodies)._asdict()
        found = self._onnx(batch.numpy(), bodies)
        return {name: None if value is None else torch.from_numpy(value) for name, value in found.items()}

    def _join(self, parts: list[dict[str, np.ndarray]], bodies: bool) -> Output:
        def joined(name: str, width: int) -> np.ndarray:
            found = [part[name] for part in parts if name in part]
            return np.concatenate(found) if found else np.zeros((count, width), np.float32)

        count = sum(len(part["appearance"]) for part in parts)
        appearance = joined("appearance", self.config.descriptor)
        shape = joined("shape", self.config.shape_width)
        found_bodies = None
        if bodies and self.config.shape_stream and parts:
            values = (joined(name, 0) for name in BODIES)
            evidence = joined(EVIDENCE, 0) if EVIDENCE in parts[0] else None
            found_bodies = Bodies(*values, model=self.body, size=self.input_size, evidence=evidence)
        return Output(appearance, shape, self.fingerprint, self.config.shape_share, found_bodies)


def pick_device(device: str | torch.device) -> torch.device:
    """ "auto" is a GPU if there is one, else the CPU."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        picked = torch.device(device)
        torch.empty(0, device=picked)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # torch's, of a device it lacks
        reason = str(error).splitlines()[0]
        if reason.startswith("Expected one of"):  # torch's list of every device that it was ever built for
            reason = "use auto, cpu, cuda or cuda:N"
        raise InputError(f"device {str(device)!r} cannot be used here ({reason}).") from None
    return picked
