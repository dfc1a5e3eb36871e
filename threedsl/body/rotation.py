"""Rotations: the continuous 6D form that networks regress, and axis-angle."""

import torch
import torch.nn.functional as F

from threedsl.body.joints import SMPL_FLIP


def matrix_from_6d(six: torch.Tensor) -> torch.Tensor:
    """Gram-Schmidt of two columns (Zhou et al., CVPR 2019). (..., 6) -> (..., 3, 3).

    The six numbers are the first two columns of the matrix, row by row as HMR-type networks store them:
    (r00, r01, r10, r11, r20, r21).
    """
    columns = six.reshape(*six.shape[:-1], 3, 2)
    first = F.normalize(columns[..., 0], dim=-1)
    second = columns[..., 1]
    second = F.normalize(second - (first * second).sum(-1, keepdim=True) * first, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second, dim=-1)], dim=-1)


def sixd_from_matrix(matrix: torch.Tensor) -> torch.Tensor:
    """(..., 3, 3) -> (..., 6), the inverse of `matrix_from_6d` on rotations."""
    return matrix[..., :2].reshape(*matrix.shape[:-2], 6)


def matrix_from_axis_angle(rotvec: torch.Tensor) -> torch.Tensor:
    """Rodrigues' formula, (..., 3) radians -> (..., 3, 3); exact and differentiable at zero."""
    x, y, z = rotvec.unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*rotvec.shape[:-1], 3, 3)
    return torch.linalg.matrix_exp(skew)


def mirror_pose(pose: torch.Tensor) -> torch.Tensor:
    """(..., 24, 3, 3) -> the pose in the mirrored picture: left and right are swapped, and x is negated on both sides
    of each rotation. It is its own inverse."""
    sign = pose.new_tensor([-1, 1, 1])
    return pose[..., list(SMPL_FLIP), :, :] * sign[:, None] * sign
