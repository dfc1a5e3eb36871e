"""Silhouettes of bodies in camera view, drawn by the portable renderer or by PyTorch3D."""

import torch
from torch import Tensor

from threedsl.body.camera import project
from threedsl.render import pytorch3d_silhouette
from threedsl.render.silhouette import DEFAULT_SIGMA, soft_silhouette

RENDERERS = ("portable", "pytorch3d")
"""`threedsl.render.silhouette`, and `threedsl.render.pytorch3d_silhouette` if PyTorch3D is installed."""


def project_silhouette(
    vertices: Tensor,
    camera: Tensor,
    faces: Tensor,
    size: tuple[int, int],
    sigma: float = DEFAULT_SIGMA,
    front_only: bool = False,
    renderer: str = "portable",
) -> Tensor:
    """Soft silhouettes (B, H, W) of bodies (B, V, 3) in metres as cameras (B, 3) = (s, tx, ty) see them.

    Half precision is projected in float32: bfloat16 has only 8 bits for a pixel's position.
    renderer: "portable", or "pytorch3d" where that is installed. The other arguments are those of `soft_silhouette`.
    """
    if renderer not in RENDERERS:
        raise ValueError(f"renderer must be {' or '.join(RENDERERS)}, not {renderer!r}")
    if vertices.dtype not in (torch.float32, torch.float64):
        vertices = vertices.float()
    pixels, depth = project(vertices, camera.to(vertices.dtype), size)
    if renderer == "pytorch3d":
        points = torch.cat([pixels, depth[..., None]], -1)
        return pytorch3d_silhouette.soft_silhouette(points, faces, size, sigma=sigma, front_only=front_only)
    return soft_silhouette(pixels, faces, size, sigma=sigma, front_only=front_only)
