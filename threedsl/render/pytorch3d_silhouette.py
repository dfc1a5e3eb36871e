"""The silhouettes of `threedsl.render.silhouette` drawn by PyTorch3D instead, if installed.

Same arguments, same pixels, same blur: its rasteriser measures in units in which the picture's shorter side spans
2, with x to the left and y up, and its ``SoftSilhouetteShader`` forms the same soft union.
"""

import math

import torch
from torch import Tensor

from threedsl.errors import InputError
from threedsl.render.silhouette import DEFAULT_SIGMA

FACES_PER_PIXEL = 100
"""Up to 65 meet in one pixel of a 64 x 32 picture of a body of 1,226 faces at the default blur; CUDA allows 150."""


def require_pytorch3d() -> None:
    """InputError if PyTorch3D's compiled extension cannot be imported: missing, or built for another torch."""
    try:
        from pytorch3d import _C  # noqa: F401
    except (ImportError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"PyTorch3D cannot be imported ({reason}); install easypytorch3d==0.7.9.post1 with torch==2.12.1, "
            "or set the configuration field silhouette_renderer to portable."
        ) from None


def soft_silhouette(
    vertices: Tensor,
    faces: Tensor,
    size: tuple[int, int],
    sigma: float = DEFAULT_SIGMA,
    cutoff: float = 1e-4,
    front_only: bool = False,
    faces_per_pixel: int = FACES_PER_PIXEL,
) -> Tensor:
    """Soft silhouettes (B, H, W), float32 in [0, 1]; the arguments are those of the portable `soft_silhouette`.

    Of more than `faces_per_pixel` faces that meet a pixel only the nearest count: by the third coordinate, where
    there is one, positive in front of the camera. It receives no gradient. Behaviour for vertices that are
    not finite is undefined.

    Raises:
        InputError: PyTorch3D is not installed.
    """
    require_pytorch3d()
    from pytorch3d.renderer import BlendParams, SoftSilhouetteShader
    from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes
    from pytorch3d.renderer.mesh.rasterizer import Fragments
    from pytorch3d.structures import Meshes

    height, width = size
    points = vertices.float()
    unit = min(height, width) / 2
    across, down = (width / 2 - points[..., 0]) / unit, (height / 2 - points[..., 1]) / unit
    depth = points[..., 2].detach() if points.shape[-1] == 3 else torch.ones_like(across)
    meshes = Meshes(
        torch.stack([across, down, depth], -1), faces.to(points.device).expand(len(points), -1, -1)
    )
    sigma = sigma / unit**2
    found = rasterize_meshes(
        meshes,
        image_size=(height, width),
        blur_radius=math.log((1 - cutoff) / cutoff) * sigma,
        faces_per_pixel=faces_per_pixel,
        # Otherwise depths beyond a thin face would be negative, and the face dropped.
        clip_barycentric_coords=True,
        cull_backfaces=front_only,
    )
    face, depth, weights, distance = found
    fragments = Fragments(pix_to_face=face, zbuf=depth, bary_coords=weights, dists=distance)
    return SoftSilhouetteShader(BlendParams(sigma=sigma))(fragments, meshes)[..., 3]
