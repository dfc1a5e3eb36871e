"""Body proportions that a person can check, in the T-pose and relative to height, since a crop has no scale."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from threedsl.body.joints import SMPL_JOINTS

if TYPE_CHECKING:
    from threedsl.body.model import BodyModel

_ARM_JOINTS = ("shoulder", "elbow", "wrist", "hand")
_LEVELS = 12  # sections tried per girth


def body_measures(
    body: BodyModel, betas: np.ndarray, displacement: np.ndarray | None = None
) -> dict[str, float]:
    """Widths, lengths and girths divided by the height (sole to crown), in a fixed order.

    betas: (10,). displacement: (V_coarse, 3) metres or None; it moves the surface, and with it widths and girths.

    Shoulders and limbs are measured between joints, "arm length" from the shoulder joint to the wrist along the
    elbow, "leg length" from the hip joint to the sole; "hip width" is the breadth of the body where its hip girth is
    taken. Girths are measured like with a tape: the perimeter of the convex hull of a level section, without the arms.
    Any SMPL topology works: joints and skinning weights locate the parts.
    """
    device = body.smpl.v_template.device
    shape = torch.as_tensor(np.array(betas, np.float32), device=device)[None]
    offset = (
        None
        if displacement is None
        else torch.as_tensor(np.array(displacement, np.float32), device=device)[None]
    )
    with torch.no_grad():
        t_pose = torch.eye(3, device=device).expand(1, 24, 3, 3)
        posed = body(shape, t_pose, offset, topology="display")
    vertices = posed.vertices[0].double().cpu().numpy()
    joints = dict(zip(SMPL_JOINTS, posed.joints[0].double().cpu().numpy(), strict=True))
    edges = _trunk_edges_of(body)

    floor, height = vertices[:, 1].min(), np.ptp(vertices[:, 1])
    hips = (joints["left_hip"] + joints["right_hip"]) / 2
    waist_girth, chest_girth, hip_girth, hip_width = _trunk(vertices, edges, joints, height)
    sizes = {
        "shoulder width": np.linalg.norm(joints["left_shoulder"] - joints["right_shoulder"]),
        "hip width": hip_width,
        "arm length": np.mean(
            [_chain(joints, side, ("shoulder", "elbow", "wrist")) for side in ("left", "right")]
        ),
        "leg length": hips[1] - floor,
        "chest girth": chest_girth,
        "waist girth": waist_girth,
        "hip girth": hip_girth,
    }
    return {f"{name} / height": float(size / height) for name, size in sizes.items()}


def _trunk(
    vertices: np.ndarray, edges: np.ndarray, joints: dict[str, np.ndarray], height: float
) -> tuple[float, float, float, float]:
    """Girths of waist, chest and hips, and the breadth of the hips."""

    def sections(low: float, high: float) -> list[tuple[float, float]]:
        return [section(vertices, edges, level) for level in np.linspace(low, high, _LEVELS)]

    hip = (joints["left_hip"][1] + joints["right_hip"][1]) / 2
    shoulder = (joints["left_shoulder"][1] + joints["right_shoulder"][1]) / 2
    trunk = shoulder - hip
    # As tailors do: the widest of the seat, the narrowest between ribs and hips, the widest below the armpits.
    hip_girth, hip_width = max(sections(hip - 0.12 * trunk, hip + 0.15 * trunk))
    waist_girth, _ = min(sections(hip + 0.25 * trunk, hip + 0.6 * trunk))
    chest_girth, _ = max(sections(hip + 0.62 * trunk, hip + 0.76 * trunk))
    return waist_girth, chest_girth, hip_girth, hip_width


def _chain(joints: dict[str, np.ndarray], side: str, names: tuple[str, ...]) -> float:
    points = np.stack([joints[f"{side}_{name}"] for name in names])
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


@lru_cache(maxsize=2)  # the same for all people
def _trunk_edges_of(body: BodyModel) -> np.ndarray:
    part = body.smpl.lbs_weights.argmax(1).cpu().numpy()
    arms = [i for i, name in enumerate(SMPL_JOINTS) if name.endswith(_ARM_JOINTS)]
    return trunk_edges(body.faces_display, np.isin(part, arms))


def trunk_edges(faces: np.ndarray, left_out: np.ndarray) -> np.ndarray:
    """Edges (E, 2), each once, of the faces (F, 3) that have no vertex in the mask left_out (V,)."""
    kept = faces[~left_out[faces].any(1)]
    low, high = np.sort(kept[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1).astype(np.int64).T
    # One number per edge: np.unique on pairs is ten times slower.
    return np.stack(np.divmod(np.unique(low * len(left_out) + high), len(left_out)), axis=1)


def section(vertices: np.ndarray, edges: np.ndarray, level: float) -> tuple[float, float]:
    """(girth, breadth in x) of the section of a mesh at y = level, both 0 where the plane meets nothing.

    The girth is the perimeter of the section's convex hull, as a tape measure bridges hollows. vertices: (V, 3).
    """
    y = vertices[edges, 1]
    start, end = edges[(y[:, 0] < level) != (y[:, 1] < level)].T
    if not len(start):
        return 0.0, 0.0
    share = (level - vertices[start, 1]) / (vertices[end, 1] - vertices[start, 1])
    points = vertices[start] + share[:, None] * (vertices[end] - vertices[start])
    outline = cv2.convexHull(points[:, [0, 2]].astype(np.float32))
    return cv2.arcLength(outline, closed=True), float(np.ptp(points[:, 0]))
