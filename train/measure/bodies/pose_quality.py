"""Errors of predicted bodies in three dimensions, where a dataset has ground truth (truth.npz)."""

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
from train.data.dataset import load_crops
from train.synthesize.truth import read_truth


@torch.inference_mode()
def evaluate_poses(
    network: ThreeDSLNetwork, body: BodyModel, root: Path, records: list[Record], size: tuple[int, int]
) -> dict[str, dict[str, float]] | None:
    """`compare_poses` for the network's bodies ("predicted") and for the regression's start ("mean body"); None without
    truth.npz."""
    truth = read_truth(root, records)
    if truth is None:
        return None
    found = {
        "predicted": regress(network, load_crops(records, size)),
        "mean body": (
            torch.zeros_like(truth.betas),
            matrix_from_6d(mean_pose_and_camera()[:144].unflatten(0, (24, 6))).expand_as(truth.pose),
        ),
    }
    real = body(truth.betas, truth.pose).joints.numpy(), truth.pose[:, 0].numpy()
    return {
        name: compare_poses(body(betas, pose).joints.numpy(), real[0], pose[:, 0].numpy(), real[1])
        for name, (betas, pose) in found.items()
    }


@torch.inference_mode()
def regress(network: ThreeDSLNetwork, crops: NDArray[np.uint8]) -> tuple[torch.Tensor, torch.Tensor]:
    """Betas (N, 10) and pose (N, 24, 3, 3) of (N, H, W, 3) RGB crops of the network's input size."""
    network.eval()
    batches = (to_batch(crops[start : start + 64]) for start in range(0, len(crops), 64))
    parts = [network(batch, appearance=False) for batch in batches]
    return torch.cat([part.betas for part in parts]), torch.cat([part.pose for part in parts])


def compare_poses(joints: NDArray, truth: NDArray, facing: NDArray, true_facing: NDArray) -> dict[str, float]:
    """Errors of joints and of the whole body's orientation.

    Args:
        joints, truth: (N, 24, 3) metres, the pelvis first.
        facing, true_facing: (N, 3, 3) rotations of the pelvis.

    Returns:
        "MPJPE, mm": mean distance of joints with the pelvises aligned; "PA-MPJPE, mm": after the similarity
        transform that fits best, which ignores a wrong orientation and size (both as in SPIN, Kolotouros et al.,
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
    """(K, 3) points turned, scaled and moved, not mirrored, to be as close to the target (K, 3) as possible (Umeyama,
    TPAMI 1991)."""
    centre, goal = points.mean(0), target.mean(0)
    own, other = points - centre, target - goal
    left, sizes, right = np.linalg.svd(other.T @ own)
    signs = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    scale = (sizes * signs).sum() / np.square(own).sum()
    return scale * own @ ((left * signs) @ right).T + goal
