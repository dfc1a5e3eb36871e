"""Displacements for display: smooth where the coarse mesh makes steps of them.

The network's displacements follow clothes and hair. Where a trouser leg ends above a foot, or a collar below a head,
neighbouring coarse vertices go different ways, and the display mesh shows a torn edge.
"""

import numpy as np
from numpy.typing import NDArray

from threedsl.body.joints import SMPL_JOINTS

ROUGH = ("left_ankle", "right_ankle", "neck")
"""Joints around which displacements are smoothed strongly."""
NEAR, FAR = 0.13, 0.26
"""Metres from such a joint, in the T-pose, up to which it is strong, and from which it is gone."""
STRONG, MILD = 16, 2
"""Steps of averaging with the neighbours around those joints, and everywhere."""


def smoothing_matrix(
    vertices: NDArray, faces: NDArray, joints: NDArray, strong: int = STRONG, mild: int = MILD
) -> NDArray[np.float32]:
    """(V, V) that multiplies displacements (V, 3); its rows sum to 1, so that a common shift stays as it is.

    vertices: (V, 3) metres and joints: (24, 3), both of the T-pose. faces: (F, 3).
    """
    count = len(vertices)
    near = np.zeros((count, count), np.float32)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    near[edges[:, 0], edges[:, 1]] = near[edges[:, 1], edges[:, 0]] = 1
    step = (np.eye(count, dtype=np.float32) + near / np.maximum(near.sum(1, keepdims=True), 1)) / 2
    step /= step.sum(1, keepdims=True)  # a vertex without a face stays alone
    places = joints[[SMPL_JOINTS.index(name) for name in ROUGH]]
    away = np.linalg.norm(vertices[:, None] - places, axis=2).min(1)
    share = np.float32(np.clip((FAR - away) / (FAR - NEAR), 0, 1)[:, None])
    blended = share * np.linalg.matrix_power(step, strong) + (1 - share) * np.linalg.matrix_power(step, mild)
    return blended
