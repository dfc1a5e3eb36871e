"""Reconstructed bodies of N pictures; meshes are posed on demand."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from threedsl.body import BodyModel
from threedsl.body.camera import project
from threedsl.body.upright import stand_up

CHUNK = 32  # bodies posed at a time: 13,000 vertices each


@dataclass
class Bodies:
    """SMPL parameters as regressed by the network, or after `threedsl.body.fitting`, NumPy float32.

    vertices and joints are metres in camera space (x right, y up, z towards the viewer, pelvis near
    the origin); `upright` is for display.

    >>> model = BodyModel.load()
    >>> rest = np.tile(np.eye(3, dtype=np.float32), (1, 24, 1, 1))  # arms stretched out
    >>> still = np.zeros((1, model.num_coarse, 3), np.float32)
    >>> bodies = Bodies(np.zeros((1, 10), np.float32), rest, np.float32([[1, 0, 0]]), still, model)
    >>> bodies.joints.shape, bodies.keypoints.shape, bodies.vertices.shape[2]
    ((1, 24, 3), (1, 17, 2), 3)
    >>> bool(1.4 < np.ptp(bodies.upright[0, :, 1]) < 2.1)  # metres tall
    True
    """

    betas: np.ndarray  # (N, 10)
    pose: np.ndarray  # (N, 24, 3, 3) rotation matrices; joint 0 turns the whole body
    camera: np.ndarray  # (N, 3) weak perspective s, t_x, t_y; see threedsl.body.camera
    displacement: np.ndarray  # (N, V_coarse, 3) metres on the coarse topology
    model: BodyModel = field(repr=False)
    size: tuple[int, int] = (128, 64)  # height, width of the network's input crop in pixels
    # (N,) in [0, 1], agreement with found keypoints (threedsl.body.coco), NaN where there are none; None: not fitted.
    confidence: np.ndarray | None = None
    # (N, E) what the network's keypoint head goes by; None where it has none
    evidence: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.betas)

    @property
    def faces(self) -> np.ndarray:
        """(F, 3) int64 indices into a body's display vertices."""
        return self.model.faces_display

    @cached_property
    def vertices(self) -> np.ndarray:
        """(N, V, 3) metres, display topology, the displacement smoothed for the eye (`threedsl.body.smoothing`)."""
        return self._posed("display")[0]

    @cached_property
    def upright(self) -> np.ndarray:
        """(N, V, 3) metres: `vertices` on level ground (`threedsl.body.upright`)."""
        return np.stack([stand_up(*body) for body in zip(self.vertices, self.joints, strict=True)])

    @property
    def joints(self) -> np.ndarray:
        """(N, 24, 3) metres: SMPL_JOINTS."""
        return self._coarse[1]

    @property
    def keypoints(self) -> np.ndarray:
        """(N, 17, 2) COCO_KEYPOINTS in pixels of the network's input crop, x right, y down; multiply by
        (crop width / size[1], crop height / size[0]) for pixels of the crop that was given."""
        return self._coarse[2]

    @cached_property
    def _coarse(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self._posed("coarse")

    @torch.inference_mode()
    def _posed(self, topology: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        device = self.model.coarse_template.device
        parts = []
        for start in range(0, len(self), CHUNK):
            rows = slice(start, start + CHUNK)
            values = (self.betas, self.pose, self.displacement, self.camera)
            betas, pose, displacement, camera = (torch.from_numpy(value[rows]).to(device) for value in values)
            if topology == "display":
                displacement = self.model.smooth(displacement)
            body = self.model(betas, pose, displacement, topology)
            pixels, _ = project(body.keypoints, camera, self.size)
            parts.append([value.float().cpu().numpy() for value in (body.vertices, body.joints, pixels)])
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def body_as_json(betas: np.ndarray, camera: np.ndarray, measures: dict[str, float]) -> dict:
    """One body as plain numbers, the same on the command line and in the API.

    betas: (10,). camera: (3,) weak perspective s, t_x, t_y. measures: those of threedsl.body.measures.
    """
    s, tx, ty = (round(float(value), 6) for value in camera)
    return {
        "betas": [round(float(value), 6) for value in betas],
        "camera": {"s": s, "tx": tx, "ty": ty},
        "measures": {name: round(float(value), 4) for name, value in measures.items()},
    }
