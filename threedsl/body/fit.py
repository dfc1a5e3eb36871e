"""A short fit of regressed bodies to found keypoints: pose, orientation and camera move, the shape does not.

Gauss-Newton on the 17 projected keypoints with a closed-form Jacobian, after SMPLify (Bogo et al., ECCV 2016) with
the regression as start and prior, as in SPIN (Kolotouros et al., ICCV 2019). Reprojection is weighted by the finder's
confidence and made robust by Geman and McClure's function; joints stay near the regression and within their limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threedsl.body import BodyModel
from threedsl.body.camera import FOCAL
from threedsl.body.coco import SEEN, torso_lengths
from threedsl.body.joints import SMPL_JOINTS
from threedsl.body.kinematics import Chain, beyond, rotation, rotation_vector

STEPS = 14
NOISE = 0.06  # standard deviation of a found keypoint, in torso lengths
# torso lengths at which a keypoint's pull is a quarter of a quadratic's; larger in the first steps
ROBUST = 0.35
LIMIT_NOISE = np.deg2rad(4)
LONGEST_STEP = 0.6  # radians of one joint in one step
# Degrees about x, y and z in the parent's axes by which a regressed joint is expected to be wrong.
TRUST = {
    "pelvis": (12, 35, 8), "hip": (20, 9, 9), "knee": (20, 4, 6), "shoulder": (25, 20, 20), "elbow": (6, 35, 8),
    "neck": (7, 14, 4), "head": (7, 16, 4), "collar": (3, 6, 6), "spine1": (4, 4, 3), "spine2": (3, 4, 3),
    "spine3": (3, 5, 3),
}  # fmt: skip
OTHERS = (5, 5, 5)
# The finder's noise in each of COCO's keypoints over the mean of all.
NOISES = np.array([0.7] * 5 + [1.3] * 2 + [1.0] * 4 + [1.6] * 2 + [1.1] * 2 + [0.9] * 2)
CAMERA_TRUST = np.array([0.15, 0.1, 0.1])  # of the regressed camera: share of the scale, metres


@dataclass(frozen=True)
class Fitted:
    """Bodies after the fit. cost: (N,) what was minimised, lower is better."""

    pose: NDArray[np.float64]  # (N, 24, 3, 3)
    camera: NDArray[np.float64]  # (N, 3)
    cost: NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """How much of what is believed."""

    noise: float = NOISE
    robust: float = ROBUST
    trust: float = 1.0  # on TRUST
    steps: int = STEPS


def fit(
    model: BodyModel,
    betas: NDArray,
    pose: NDArray,
    camera: NDArray,
    found: NDArray,
    size: tuple[int, int],
    weights: Weights = Weights(),
) -> Fitted:
    """Move N bodies towards their keypoints.

    Args:
        betas: (N, 10). pose: (N, 24, 3, 3). camera: (N, 3) weak perspective, as regressed.
        found: (N, 17, 3) COCO keypoints x, y, confidence in pixels of the network's input of size (height, width).
    """
    chain = Chain.of(model, np.asarray(betas, float))
    start, start_camera = np.asarray(pose, float), np.asarray(camera, float)
    unit = torso_lengths(found)
    share = np.where(found[..., 2] >= SEEN, found[..., 2], 0.0) ** 2
    trust = np.array([TRUST.get(name.split("_")[-1], OTHERS) for name in SMPL_JOINTS])
    trust = np.deg2rad(trust).ravel() * weights.trust
    problem = _Problem(
        chain, start, start_camera, np.asarray(found, float), share, unit, size, trust, weights
    )
    pose, camera = start.copy(), start_camera.copy()
    best = Fitted(pose, camera, problem.linearised(pose, camera, weights.robust)[2])
    damping = np.full(len(pose), 1e-3)
    for step in range(weights.steps + 1):
        robust = weights.robust * max(1.0, 3.0 - step / 2)
        normal, gradient, cost = problem.linearised(pose, camera, robust)
        if robust == weights.robust:
            better = cost < best.cost
            best = Fitted(
                np.where(better[:, None, None, None], pose, best.pose),
                np.where(better[:, None], camera, best.camera),
                np.where(better, cost, best.cost),
            )
        if step == weights.steps:
            break
        diagonal = np.einsum("nii->ni", normal)
        diagonal += damping[:, None]
        move = -np.linalg.solve(normal, gradient[..., None])[..., 0]
        turn = move[:, :72].reshape(-1, 24, 3)
        length = np.linalg.norm(turn, axis=2, keepdims=True)
        turn *= np.minimum(1, LONGEST_STEP / np.maximum(length, 1e-9))
        pose = rotation(turn) @ pose
        camera = camera + np.clip(move[:, 72:], -0.3, 0.3) * np.stack(
            [camera[:, 0], np.ones(len(camera)), np.ones(len(camera))], 1
        )
    return best


@dataclass(frozen=True)
class _Problem:
    chain: Chain
    start: NDArray
    start_camera: NDArray
    found: NDArray
    share: NDArray  # (N, 17) weight of each keypoint
    unit: NDArray  # (N,) pixels of a torso
    size: tuple[int, int]
    trust: NDArray  # (72,) radians
    weights: Weights

    def linearised(self, pose: NDArray, camera: NDArray, robust: float) -> tuple[NDArray, NDArray, NDArray]:
        """Normal matrix (N, 75, 75), gradient (N, 75) and cost (N,) at this pose and camera.

        The first 72 unknowns turn each joint, in its parent's axes; then follow log s, t_x and t_y.
        """
        points, by_joint = self.chain.keypoints_and_jacobian(pose)
        pixels, slope, by_camera = project_with_slopes(points, camera, self.size)
        unit = self.unit[:, None, None]
        jacobian = np.einsum("nkpd,nkdm->nkpm", slope, by_joint)
        jacobian = np.concatenate([jacobian, by_camera], 3) / unit[..., None]
        apart = (pixels - self.found[..., :2]) / unit
        square = np.square(apart).sum(2)
        pull = self.share / (self.weights.noise * NOISES) ** 2
        weight = pull * (robust**2 / (robust**2 + square)) ** 2
        cost = (pull * square * robust**2 / (robust**2 + square)).sum(1)
        flat = jacobian.reshape(len(pose), -1, jacobian.shape[3])
        weighted = flat * weight.repeat(2, axis=1)[..., None]
        normal = flat.transpose(0, 2, 1) @ weighted
        gradient = np.einsum("nrm,nr->nm", weighted, apart.reshape(len(pose), -1))

        moved = rotation_vector(pose @ self.start.swapaxes(2, 3)).reshape(len(pose), 72)
        away = np.concatenate(
            [
                moved,
                np.log(camera[:, :1] / self.start_camera[:, :1]),
                camera[:, 1:] - self.start_camera[:, 1:],
            ],
            1,
        )
        inverse = 1 / np.concatenate([self.trust, CAMERA_TRUST]) ** 2
        over = beyond(rotation_vector(pose)).reshape(len(pose), 72)
        bound = (over != 0) / LIMIT_NOISE**2
        cost = cost + (away**2 * inverse).sum(1) + (over**2).sum(1) / LIMIT_NOISE**2
        diagonal = np.einsum("nii->ni", normal)
        diagonal += inverse
        diagonal[:, :72] += bound
        gradient = gradient + away * inverse
        gradient[:, :72] += over / LIMIT_NOISE**2
        return normal, gradient, cost


def project_with_slopes(
    points: NDArray, camera: NDArray, size: tuple[int, int]
) -> tuple[NDArray, NDArray, NDArray]:
    """As threedsl.body.camera.project: pixels (N, K, 2), their slope (N, K, 2, 3) by the point, and (N, K, 2, 3) by
    log s, t_x and t_y."""
    height, width = size
    distance = 2 * FOCAL / camera[:, :1]
    depth = np.maximum(distance - points[..., 2], 1e-3)
    zoom = FOCAL * height / depth  # (N, K) pixels per metre
    x, y = points[..., 0] + camera[:, 1:2], points[..., 1] + camera[:, 2:3]
    pixels = np.stack([width / 2 + zoom * x, height / 2 - zoom * y], 2)
    zero, nearer = np.zeros_like(zoom), zoom / depth
    slope = np.stack([np.stack([zoom, zero, nearer * x], 2), np.stack([zero, -zoom, -nearer * y], 2)], 2)
    closer = nearer * distance  # by log s: the distance shrinks by its own share
    by_camera = np.stack([np.stack([closer * x, zoom, zero], 2), np.stack([-closer * y, zero, -zoom], 2)], 2)
    return pixels, slope, by_camera
