"""Two bodies side by side: where they differ, and by how much.

A photo has no scale, so bodies are compared at a common height and in the same pose: arms lowered, feet on the floor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from threedsl.body.joints import SMPL_JOINTS

if TYPE_CHECKING:
    from threedsl.body import BodyModel

HEIGHT = 170.0  # centimetres from sole to crown to which every compared body is scaled
LOWERED = 60.0  # degrees by which the arms are lowered from the T-pose
HEAT_TOP = 2.0  # centimetres at which the heat map's scale ends
NOTABLE = 1.0  # centimetres below which a difference is not mentioned
HEAT = ((0.0, (72, 120, 200)), (0.35, (160, 205, 225)), (0.65, (250, 205, 95)), (1.0, (196, 30, 48)))
"""Colours (sRGB) over the scale: blue where two bodies agree, red where they are HEAT_TOP or more apart."""

REGIONS = {
    "head": ("neck", "head"),
    "shoulders": ("left_collar", "right_collar"),
    "chest": ("spine2", "spine3"),
    "waist": ("spine1",),
    "hips": ("pelvis",),
    "arms": tuple(
        f"{side}_{name}" for side in ("left", "right") for name in ("shoulder", "elbow", "wrist", "hand")
    ),
    "legs": tuple(
        f"{side}_{name}" for side in ("left", "right") for name in ("hip", "knee", "ankle", "foot")
    ),
}
"""The joints whose skin makes up each region."""
REGION_OF = {
    "head and neck height": "head",
    "shoulder width": "shoulders",
    "chest girth": "chest",
    "trunk length": "waist",
    "waist girth": "waist",
    "hip width": "hips",
    "hip girth": "hips",
    "arm length": "arms",
    "upper arm girth": "arms",
    "leg length": "legs",
    "thigh girth": "legs",
}
"""The region that each size belongs to, from head to foot."""


@dataclass(frozen=True)
class StandardBody:
    """A body normalised in pose and height."""

    vertices: np.ndarray  # (V, 3) centimetres, y up, soles at 0, the middle of the hips at x = z = 0
    sizes: dict[str, float]  # centimetres, the names of REGION_OF


@dataclass(frozen=True)
class Size:
    """One size of both bodies, in centimetres at the common height."""

    name: str
    region: str
    first: float
    second: float

    @property
    def difference(self) -> float:
        """Second minus first."""
        return self.second - self.first


@dataclass(frozen=True)
class Difference:
    """Where two bodies differ."""

    distance: np.ndarray  # (V,) centimetres between the same point of both
    regions: dict[str, float]  # mean distance in each of REGIONS, centimetres
    sizes: tuple[Size, ...]

    @property
    def mean(self) -> float:
        """Mean distance over the whole body, centimetres."""
        return float(self.distance.mean())

    def as_json(self) -> dict:
        """Plain numbers, in centimetres at `height_cm`."""
        return {
            "height_cm": HEIGHT,
            "mean_cm": round(self.mean, 2),
            "regions": [
                {
                    "region": name,
                    "distance_cm": round(distance, 2),
                    "sizes": [
                        {
                            "name": size.name,
                            "first_cm": round(size.first, 1),
                            "second_cm": round(size.second, 1),
                            "difference_cm": round(size.difference, 1),
                        }
                        for size in self.sizes
                        if size.region == name
                    ],
                }
                for name, distance in self.regions.items()
            ],
        }


def standard_body(
    body: BodyModel,
    betas: np.ndarray,
    displacement: np.ndarray | None = None,
    measures: Mapping[str, float] | None = None,
) -> StandardBody:
    """A body at the common height, arms lowered.

    Args:
        betas: (10,).
        displacement: (V_coarse, 3) metres or None.
        measures: those of `threedsl.body.measures`, if already known.
    """
    from threedsl.body.measures import body_measures

    measures = body_measures(body, betas, displacement) if measures is None else measures
    standing, _ = _posed(body, betas, displacement, lowered_arms())
    straight, joints = _posed(body, betas, displacement, np.broadcast_to(np.eye(3), (24, 3, 3)))
    tall = HEIGHT / np.ptp(standing[:, 1])
    hips = joints[[SMPL_JOINTS.index("left_hip"), SMPL_JOINTS.index("right_hip")]].mean(0)
    origin = np.array([hips[0], standing[:, 1].min(), hips[2]])
    sizes = _lengths(body, straight, joints) | {
        name.removesuffix(" / height"): share * HEIGHT for name, share in measures.items()
    }
    return StandardBody((standing - origin) * tall, {name: float(sizes[name]) for name in REGION_OF})


def lowered_arms() -> np.ndarray:
    """Pose (24, 3, 3): straight, the arms LOWERED degrees below the horizontal."""
    pose = np.tile(np.eye(3), (24, 1, 1))
    for side, sign in (("left", -1), ("right", 1)):
        angle = np.deg2rad(sign * LOWERED)
        turn = [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
        pose[SMPL_JOINTS.index(f"{side}_shoulder")] = turn
    return pose


def _posed(
    body: BodyModel, betas: np.ndarray, displacement: np.ndarray | None, pose: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    import torch

    device = body.smpl.v_template.device

    def row(values: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(np.array(values, np.float32), device=device)[None]

    with torch.inference_mode():
        posed = body(
            row(betas), row(pose), None if displacement is None else row(displacement), topology="display"
        )
    return posed.vertices[0].double().cpu().numpy(), posed.joints[0].double().cpu().numpy()


def _lengths(body: BodyModel, vertices: np.ndarray, joints: np.ndarray) -> dict[str, float]:
    """The sizes that `body_measures` leaves out, in centimetres at HEIGHT, in the T-pose."""
    from threedsl.body.measures import section, trunk_edges

    at = dict(zip(SMPL_JOINTS, joints, strict=True))
    part = body.smpl.lbs_weights.argmax(1).cpu().numpy()

    def limb_girth(name: str, outer: str, axis: int) -> float:
        """Halfway along the bone that begins at joint `name` and runs along x (arms) or y (legs)."""
        edges = trunk_edges(body.faces_display, part != SMPL_JOINTS.index(name))
        turned = vertices[:, [1, 0, 2]] if axis == 0 else vertices
        return section(turned, edges, (at[name][axis] + at[outer][axis]) / 2)[0]

    sizes = {
        "head and neck height": vertices[:, 1].max() - at["neck"][1],
        "trunk length": at["neck"][1] - (at["left_hip"][1] + at["right_hip"][1]) / 2,
        "upper arm girth": limb_girth("left_shoulder", "left_elbow", 0),
        "thigh girth": limb_girth("left_hip", "left_knee", 1),
    }
    return {name: HEIGHT * size / np.ptp(vertices[:, 1]) for name, size in sizes.items()}


def compare_bodies(body: BodyModel, first: StandardBody, second: StandardBody) -> Difference:
    """Point by point, region by region and size by size; both belong to `body`."""
    distance = np.linalg.norm(first.vertices - second.vertices, axis=1)
    part = body.smpl.lbs_weights.argmax(1).cpu().numpy()
    regions = {
        name: float(distance[np.isin(part, [SMPL_JOINTS.index(joint) for joint in joints])].mean())
        for name, joints in REGIONS.items()
    }
    sizes = tuple(
        Size(name, region, first.sizes[name], second.sizes[name]) for name, region in REGION_OF.items()
    )
    return Difference(distance, regions, sizes)


def heat_colours(distance: np.ndarray) -> np.ndarray:
    """(V,) centimetres -> (V, 3) sRGB uint8, by HEAT."""
    share = np.clip(np.asarray(distance) / HEAT_TOP, 0, 1)
    stops = [stop for stop, _ in HEAT]
    channels = [np.interp(share, stops, [colour[i] for _, colour in HEAT]) for i in range(3)]
    return np.round(np.stack(channels, -1)).astype(np.uint8)


def in_a_sentence(difference: Difference) -> str:
    """The difference between the two bodies in words."""
    notable = [size for size in difference.sizes if abs(size.difference) >= NOTABLE]
    apart = f"the two bodies are on average {difference.mean:.1f} cm apart"
    start = f"Scaled to the same height ({HEIGHT:.0f} cm), {apart}"
    if not notable:
        return f"{start}; no size differs by {NOTABLE:.0f} cm or more."
    # Girths are larger numbers than widths, so differences are compared relative to size.
    notable.sort(key=lambda size: -abs(size.difference) / max(size.first, size.second))
    differences = [
        f"{size.name} {abs(size.difference):.1f} cm {'larger' if size.difference > 0 else 'smaller'}"
        for size in notable[:2]
    ]
    return f"{start}; in the second, {' and '.join(differences)}."
