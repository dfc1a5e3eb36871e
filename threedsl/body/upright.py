"""Bodies for display: on level ground, however the camera was held."""

import numpy as np

from threedsl.body.joints import SMPL_JOINTS

ANKLES = [SMPL_JOINTS.index("left_ankle"), SMPL_JOINTS.index("right_ankle")]
NECK = SMPL_JOINTS.index("neck")


def stand_up(vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Turn a body so that its neck is right above the middle of its ankles.

    Most cameras look down on people; in the camera's axes, which `Bodies.vertices` has, everyone leans towards such a
    camera. The turn is about a horizontal axis, so that the body keeps facing the same way.

    Args:
        vertices: (V, 3) metres, y up. joints: (24, 3), those of SMPL_JOINTS, in the same axes.

    Returns:
        (V, 3) float32, turned about the pelvis.
    """
    axis = (joints[NECK] - joints[ANKLES].mean(0)).astype(np.float64)
    x, y, z = axis / np.linalg.norm(axis)
    # The smallest rotation that takes (x, y, z) to (0, 1, 0); undefined upside down, which no picture shows.
    share = 1 / max(1 + y, 1e-6)
    turn = np.array(
        [[1 - x * x * share, -x, -x * z * share], [x, y, z], [-x * z * share, -z, 1 - z * z * share]]
    )
    return ((vertices - joints[0]) @ turn.T + joints[0]).astype(np.float32)
