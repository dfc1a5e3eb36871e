"""Bodies moved to the keypoints that were found of their people, and how far they can be believed afterwards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from threedsl.body.bodies import Bodies
from threedsl.body.coco import SEEN, agreement, facing, view
from threedsl.body.fit import Fitted, Weights, fit
from threedsl.body.joints import SMPL_FLIP
from threedsl.body.kinematics import rotation
from threedsl.errors import InputError

TURN_COST = 2.0  # by how much a turned start must come out better than the regression's own
TURNS = ((180, True), (180, False), (90, False), (-90, False))
"""Degrees about the body's vertical axis, and whether left and right change places before: further starts for bodies
that look another way than the keypoints say."""
FAR = np.array([0.15, 0.12, 0.12])
"""Share of the scale and metres by which the keypoints must lie elsewhere for a start from `aligned_camera`."""
FEWEST = 4  # keypoints seen below which a body is left as it is


def fit_bodies(bodies: Bodies, found: NDArray, weights: Weights | None = None) -> Bodies:
    """Bodies as they fit found keypoints: pose and camera move, betas and displacement stay as they are.

    A body that looks another way than its keypoints say is fitted from several orientations, and the best is kept.

    Args:
        bodies: N, as the network regressed them.
        found: (N, 17, 3) COCO keypoints x, y in pixels of the network's input (x right, y down), confidence in [0, 1];
            rows of zeros or NaN, and rows with fewer than FEWEST keypoints seen, leave a body as it is.

    Returns:
        New bodies with `confidence`.

    Raises:
        InputError: found has another shape.
    """
    found = np.asarray(found, float)
    if found.shape != (len(bodies), 17, 3):
        raise InputError(
            f"Keypoints must be of shape ({len(bodies)}, 17, 3), one row for each picture, not {found.shape}."
        )
    found = np.where(np.isfinite(found).all(2, keepdims=True), found, 0.0)
    rows = np.flatnonzero((found[..., 2] >= SEEN).sum(1) >= FEWEST)
    pose, camera = bodies.pose.copy(), bodies.camera.copy()
    if len(rows):
        best = _best_of_starts(bodies, rows, found, weights or Weights())
        pose[rows], camera[rows] = best.pose, best.camera
    fitted = replace(bodies, pose=pose, camera=camera)
    seen = np.zeros_like(found)
    seen[rows] = found[rows]
    return replace(fitted, confidence=agreement(fitted.keypoints, seen))


def _best_of_starts(bodies: Bodies, rows: NDArray, found: NDArray, weights: Weights) -> Fitted:
    """The fit of `rows` from the regression and, where that looks another way or lies elsewhere, from turned bodies
    and from the camera aligned with the keypoints as well."""
    looks = [view(points) for points in bodies.keypoints[rows]]
    wrong = np.array([i for i, row in enumerate(rows) if looks[i] != facing(found[row])], int)
    camera = bodies.camera[rows]
    aligned = aligned_camera(bodies.keypoints[rows], found[rows], camera, bodies.size)
    unit = np.ones_like(camera)
    unit[:, 0] = camera[:, 0]
    far = np.flatnonzero((np.abs(aligned - camera) > FAR * unit).any(1))
    # All starts go through the fit together: place in rows, pose, camera.
    place = np.concatenate([np.arange(len(rows)), far, *[wrong] * len(TURNS)])
    starts = [bodies.pose[rows], bodies.pose[rows[far]]]
    starts += [turned(bodies.pose[rows[wrong]], *turn) for turn in TURNS]
    cameras = [camera, aligned[far], *[camera[wrong]] * len(TURNS)]
    chosen = rows[place]
    fits = fit(
        bodies.model,
        bodies.betas[chosen],
        np.concatenate(starts),
        np.concatenate(cameras),
        found[chosen],
        bodies.size,
        weights,
    )
    cost = fits.cost + np.where(np.arange(len(place)) < len(rows) + len(far), 0.0, TURN_COST)
    best = np.array([(own := np.flatnonzero(place == i))[cost[own].argmin()] for i in range(len(rows))])
    return Fitted(fits.pose[best], fits.camera[best], fits.cost[best])


def aligned_camera(
    projected: NDArray, found: NDArray, camera: NDArray, size: tuple[int, int]
) -> NDArray[np.float64]:
    """(N, 3) cameras that bring the bodies' keypoints as near to the found ones as size and place can.

    The regression learned on people from head to feet; of half a body it takes the whole for as large as the picture.

    Args:
        projected: (N, 17, 2) with `camera` (N, 3) in pixels of a picture of size (height, width). found: (N, 17, 3).
    """
    height, width = size
    share = np.where(found[..., 2] >= SEEN, found[..., 2], 0.0)[..., None]
    total = np.maximum(share.sum(1, keepdims=True), 1e-9)
    middle, target = (
        (share * points).sum(1, keepdims=True) / total for points in (projected, found[..., :2])
    )
    own, theirs = projected - middle, found[..., :2] - target
    growth = (share * own * theirs).sum((1, 2)) / np.maximum((share * own**2).sum((1, 2)), 1e-9)
    growth = np.clip(growth, 0.25, 4)[:, None]
    # Pixels of a metre in front of the camera, weak perspective.
    metre = height / 2 * camera[:, :1] * growth
    origin = np.array([width / 2, height / 2]) + height / 2 * camera[:, :1] * camera[:, 1:] * [1, -1]
    moved = target[:, 0] + growth * (origin - middle[:, 0])
    place = (moved - [width / 2, height / 2]) / metre * [1, -1]
    return np.concatenate([camera[:, :1] * growth, place], 1)


def turned(pose: NDArray, degrees: float, mirrored: bool = False) -> NDArray[np.float64]:
    """(N, 24, 3, 3) poses turned about the bodies' own vertical axis.

    mirrored: left and right change places first. With half a turn the outline then stays nearly the same: of a body
    seen from behind it makes one seen from the front, in the pose that a silhouette cannot tell from the other.
    """
    pose = np.array(pose, float)
    if mirrored:
        sign = np.array([-1.0, 1.0, 1.0])
        pose = pose[:, list(SMPL_FLIP)] * sign[:, None] * sign
    pose[:, 0] = pose[:, 0] @ rotation(np.array([0, np.deg2rad(degrees), 0]))
    return pose
