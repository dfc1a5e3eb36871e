"""Silhouettes and gradients by PyTorch3D for the tests, kept for machines without it.

Made anew, in an environment with PyTorch3D, from the repository's root:
    PYTHONPATH=. python tests/render/pytorch3d_reference.py
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from threedsl.render import pytorch3d_silhouette
from train.losses import silhouette_loss

FILE = Path(__file__).parent / "data" / "pytorch3d_silhouettes.npz"
BODIES = 3
# Name -> arguments of both renderers. The second picture is wider than high, so units follow the other side.
CASES = {
    "default": {"size": (64, 32), "sigma": 0.025},
    "front": {"size": (64, 32), "sigma": 0.025, "front_only": True},
    "wide": {"size": (40, 48), "sigma": 0.1, "cutoff": 1e-3},
}
FACES_PER_PIXEL = 150


def drawn_by_pytorch3d(points: torch.Tensor, faces: torch.Tensor) -> dict[str, np.ndarray]:
    """Pictures and the gradients of the training's loss for every case; points for 64 x 32."""
    found = {}
    for name, case in CASES.items():
        leaf = placed(points, case["size"]).requires_grad_()
        picture = pytorch3d_silhouette.soft_silhouette(leaf, faces, **case, faces_per_pixel=FACES_PER_PIXEL)
        silhouette_loss(picture, other_bodies(picture)).backward()
        found[f"{name} picture"] = picture.detach().numpy()
        found[f"{name} gradient"] = leaf.grad[..., :2].numpy()
    return found


def placed(points: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Pixels of a 64 x 32 picture shrunk to the height of another, and in its middle."""
    scale = size[0] / 64
    moved = points.clone()
    moved[..., 0] = (points[..., 0] - 16) * scale + size[1] / 2
    moved[..., 1] = points[..., 1] * scale
    return moved


def other_bodies(picture: torch.Tensor) -> torch.Tensor:
    """The target: the mask of the body before."""
    return (picture.detach().roll(1, 0) > 0.5).float()


def load() -> tuple[torch.Tensor, torch.Tensor, dict[str, np.ndarray]]:
    """Points (BODIES, V, 3), faces (F, 3), and what `drawn_by_pytorch3d` found when the file was made."""
    with np.load(FILE) as file:
        arrays = {name: file[name] for name in file.files}
    return torch.from_numpy(arrays.pop("points")), torch.from_numpy(arrays.pop("faces")).long(), arrays


def main() -> None:
    from benchmarks.renderers import pixels, random_bodies
    from threedsl.body import BodyModel

    body = BodyModel.load()
    points = pixels(*random_bodies(body, BODIES, seed=3)).detach()
    faces = torch.from_numpy(body.faces_coarse)
    settings = {
        "cases": CASES,
        "faces_per_pixel": FACES_PER_PIXEL,
        "easypytorch3d": version("easypytorch3d"),
        "torch": torch.__version__,
    }
    FILE.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        FILE,
        points=points.numpy(),
        faces=faces.numpy().astype(np.int16),
        settings=json.dumps(settings),
        **drawn_by_pytorch3d(points, faces),
    )


if __name__ == "__main__":
    main()
