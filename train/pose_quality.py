"""How near predicted bodies are to the true ones in three dimensions, where a data set's truth.npz knows them."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from threedsl.body import BodyModel
from threedsl.body.rotation import matrix_from_6d
from threedsl.data.listfile import Record
from threedsl.data.transforms import to_batch
from threedsl.network import ThreeDSLNetwork
from threedsl.network.heads import mean_pose_and_camera
from train.dataset import load_crops


@torch.inference_mode()
def judge_poses(
    network: ThreeDSLNetwork, body: BodyModel, root: Path, records: list[Record], size: tuple[int, int]
) -> dict[str, dict[str, float]] | None:
    """`compare_poses` for the network's bodies ("predicted") and for the regression's start ("mean body"); None without
    truth.npz."""
    if not (root / "truth.npz").is_file():
        return None
    with np.load(root / "truth.npz") as file:
        place = {name: i for i, name in enumerate(file["paths"].tolist())}
        rows = [place[record.path.relative_to(root).as_posix()] for record in records]
        betas, pose = (torch.from_numpy(file[name][rows]).float() for name in ("betas", "pose"))
    crops = load_crops(records, size)
    network.eval()
    parts = [
        network(to_batch(crops[start : start + 64]), appearance=False) for start in range(0, len(crops), 64)
    ]
    found = {
        "predicted": (torch.cat([part.betas for part in parts]), torch.cat([part.pose for part in parts])),
        "mean body": (
            torch.zeros_like(betas),
            matrix_from_6d(mean_pose_and_camera()[:144].unflatten(0, (24, 6))).expand_as(pose),
        ),
    }
    true_joints = body(betas, pose).joints.numpy()
    return {
        name: compare_poses(body(*one).joints.numpy(), true_joints, one[1][:, 0].numpy(), pose[:, 0].numpy())
        for name, one in found.items()
    }


def compare_poses(joints: NDArray, truth: NDArray, facing: NDArray, true_facing: NDArray) -> dict[str, float]:
    """Errors of joints and of the whole body's orientation.

    Args:
        joints, truth: (N, 24, 3) metres, the pelvis first.
        facing, true_facing: (N, 3, 3) rotations of the pelvis.

    Returns:
        "MPJPE, mm": mean distance of joints with both pelves in one place; "PA-MPJPE, mm": after the similarity
        transform that fits best, which forgives a wrong orientation and size (both as in SPIN, Kolotouros et al.,
        ICCV 2019); "orientation error, median degrees"; "more than 90 degrees off": a share of the pictures.
    """
    moved = joints - joints[:, :1] - (truth - truth[:, :1])
    aligned = np.stack([procrustes(one, other) for one, other in zip(joints, truth, strict=True)]) - truth
    trace = np.einsum("nij,nij->n", facing, true_facing)
    degrees = np.rad2deg(np.arccos(np.clip((trace - 1) / 2, -1, 1)))
    return {
        "MPJPE, mm": float(1000 * np.linalg.norm(moved, axis=-1).mean()),
        "PA-MPJPE, mm": float(1000 * np.linalg.norm(aligned, axis=-1).mean()),
        "orientation error, median degrees": float(np.median(degrees)),
        "more than 90 degrees off": float((degrees > 90).mean()),
    }


def procrustes(points: NDArray, target: NDArray) -> NDArray:
    """(K, 3) points turned, scaled and moved, not mirrored, to lie as near to the target (K, 3) as they can (Umeyama,
    TPAMI 1991)."""
    centre, goal = points.mean(0), target.mean(0)
    own, other = points - centre, target - goal
    left, sizes, right = np.linalg.svd(other.T @ own)
    signs = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    scale = (sizes * signs).sum() / np.square(own).sum()
    return scale * own @ ((left * signs) @ right).T + goal
