"""The weak-perspective camera of HMR and 3DSL (docs/method.md, section 2), turned into a pinhole in front of the body.

Camera space: x right, y up, z towards the viewer, metres. A body at the identity pose faces the viewer.
Pixels: x right, y down, (0, 0) is the picture's upper left corner and pixel centres lie at + 0.5.
"""

import torch

FOCAL = 500 / 224
"""Focal length in crop heights (500 pixels for a crop of 224)."""


def camera_distance(scale: torch.Tensor) -> torch.Tensor:
    """Distance in metres at which `scale` x 1 m spans half the crop's height: t_z = 2 f / (S s), f in pixels."""
    return 2 * FOCAL / (scale + 1e-9)


def project(
    points: torch.Tensor, camera: torch.Tensor, size: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Project points of the body's space into a crop.

    Args:
        points: (B, N, 3) metres, camera space without translation (the pelvis near the origin).
        camera: (B, 3) weak perspective (s, t_x, t_y); s > 0, t in metres.
        size: (height, width) of the crop in pixels; the principal point is its centre.

    Returns:
        pixels (B, N, 2) and depth (B, N) in metres, positive in front of the camera.
    """
    height, width = size
    depth = camera_distance(camera[:, :1]) - points[..., 2]
    per_metre = FOCAL * height / depth.clamp_min(1e-3)
    x = width / 2 + per_metre * (points[..., 0] + camera[:, 1:2])
    y = height / 2 - per_metre * (points[..., 1] + camera[:, 2:3])
    return torch.stack([x, y], dim=-1), depth
