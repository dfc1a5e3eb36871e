"""The skeleton in NumPy: kinematics, how every joint's turn moves the COCO keypoints (closed form), and limits.

The ranges of the joints are generous ones after clinical ranges of motion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threedsl.body import BodyModel
from threedsl.body.joints import SMPL_JOINTS, SMPL_PARENTS


def _below() -> NDArray[np.float64]:
    """(24, 24): 1 where the column's joint is the row's or hangs below it."""
    below = np.eye(len(SMPL_PARENTS))
    for joint in range(len(SMPL_PARENTS) - 1, 0, -1):
        below[SMPL_PARENTS[joint]] += below[joint]
    return below


BELOW = _below()


@dataclass(frozen=True)
class Chain:
    """N bodies of fixed shape."""

    rest: NDArray[np.float64]  # (N, 24, 3) joints of the T-pose, metres
    mass: NDArray[np.float64]  # (17, 24) share of each joint in a keypoint
    points: NDArray[np.float64]  # (N, 17, 24, 3) the keypoints at rest, each joint's share of them

    @classmethod
    def of(cls, model: BodyModel, betas: NDArray) -> Chain:
        """betas: (N, 10)."""

        def array(name: str) -> NDArray:
            return getattr(model, name).double().cpu().numpy()

        rest = array("joint_template") + np.einsum("nb,jdb->njd", betas, array("joint_shapedirs"))
        points = array("keypoint_template") + np.einsum("nb,kjdb->nkjd", betas, array("keypoint_shapedirs"))
        return cls(rest, array("keypoint_mass"), points)

    def keypoints_and_jacobian(self, pose: NDArray) -> tuple[NDArray, NDArray]:
        """COCO keypoints (N, 17, 3) in metres, and their derivative (N, 17, 3, 72) by small turns of the 24 joints,
        each a rotation vector in the axes of the joint's parent.

        pose: (N, 24, 3, 3). Pose-dependent correctives of the surface, centimetres at most, are left out.
        """
        turned, parent = pose.copy(), np.tile(np.eye(3), (len(pose), 24, 1, 1))
        place = self.rest.copy()
        for joint, above in enumerate(SMPL_PARENTS):
            if above < 0:
                continue
            parent[:, joint] = turned[:, above]
            turned[:, joint] = turned[:, above] @ pose[:, joint]
            bone = self.rest[:, joint] - self.rest[:, above]
            place[:, joint] = place[:, above] + np.einsum("nij,nj->ni", turned[:, above], bone)
        origin = place - np.einsum("njrc,njc->njr", turned, self.rest)
        shares = np.einsum("njrc,nkjc->nkjr", turned, self.points) + self.mass[..., None] * origin[:, None]
        # A turn of joint j moves what hangs below it by the cross product with its lever.
        lever = np.einsum("ji,nkir->nkjr", BELOW, shares)
        lever = lever - (self.mass @ BELOW.T)[..., None] * place[:, None]
        # -[lever]_x A: column c is A's column c crossed with the lever.
        axes = parent.swapaxes(2, 3)[:, None]  # (N, 1, 24, column, 3)
        by_turn = np.cross(axes, lever[:, :, :, None])  # (N, 17, 24, column, 3)
        return shares.sum(2), by_turn.reshape(len(pose), 17, 72, 3).swapaxes(2, 3)


def rotation(vectors: NDArray) -> NDArray:
    """Rodrigues' formula, (..., 3) radians -> (..., 3, 3)."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    skew = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*vectors.shape, 3)
    safe = np.maximum(angle, 1e-8)
    return np.eye(3) + np.sin(safe) / safe * skew + (1 - np.cos(safe)) / safe**2 * (skew @ skew)


def rotation_vector(matrices: NDArray) -> NDArray:
    """(..., 3, 3) -> (..., 3) radians, up to half a turn; the inverse of `rotation`."""
    trace = np.trace(matrices, axis1=-2, axis2=-1)
    axis = np.stack(
        [
            matrices[..., 2, 1] - matrices[..., 1, 2],
            matrices[..., 0, 2] - matrices[..., 2, 0],
            matrices[..., 1, 0] - matrices[..., 0, 1],
        ],
        -1,
    )
    sine = np.linalg.norm(axis, axis=-1) / 2
    angle = np.arctan2(sine, (trace - 1) / 2)
    return axis * (angle / np.maximum(2 * sine, 1e-9))[..., None]


# Degrees about x, y and z in the axes of the parent at rest (x to the body's left, y up, z forward), as
# (lowest, highest). Left sides; a right side has the signs of y and z turned.
_RANGES = {
    "hip": ((-130, 40), (-50, 50), (-35, 60)),
    "knee": ((-3, 150), (-25, 25), (-12, 12)),
    "ankle": ((-45, 45), (-25, 25), (-25, 25)),
    "spine1": ((-15, 45), (-20, 20), (-20, 20)),
    "spine2": ((-15, 30), (-20, 20), (-20, 20)),
    "spine3": ((-15, 30), (-20, 20), (-20, 20)),
    "neck": ((-40, 45), (-50, 50), (-35, 35)),
    "head": ((-35, 40), (-50, 50), (-30, 30)),
    "collar": ((-20, 20), (-25, 25), (-25, 35)),
    "elbow": ((-90, 90), (-150, 5), (-45, 45)),
}


def _limits() -> NDArray[np.float64]:
    limits = np.full((len(SMPL_JOINTS), 3, 2), [-np.inf, np.inf])
    for number, name in enumerate(SMPL_JOINTS):
        side, _, part = name.partition("_")
        ranges = _RANGES.get(part or name)
        if ranges is None:
            continue
        limits[number] = np.deg2rad(ranges)
        if side == "right":
            limits[number, 1:] = -limits[number, 1:, ::-1]
    return limits


LIMITS = _limits()
"""(24, 3, 2) lowest and highest component of each joint's rotation vector, radians; infinite where free."""


def beyond(vectors: NDArray) -> NDArray:
    """(N, 24, 3) rotation vectors -> by how many radians each component is beyond its limit, with its sign."""
    return vectors - np.clip(vectors, LIMITS[..., 0], LIMITS[..., 1])
