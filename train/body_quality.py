"""How well predicted bodies fit pictures: keypoints, silhouettes, shape."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from threedsl.body import BodyModel
from threedsl.body.camera import project
from threedsl.body.rotation import matrix_from_6d
from threedsl.data.keypoints import read_alphapose
from threedsl.data.listfile import Record
from threedsl.data.transforms import resize_crop, to_batch
from threedsl.network import ThreeDSLNetwork
from threedsl.network.heads import mean_pose_and_camera
from train.dataset import load_crops, pose_of, read_mask

LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP = 5, 6, 11, 12
VISIBLE = 0.5  # keypoints with less confidence are not judged


@dataclass
class Bodies:
    """Predicted parameters of N pictures as tensors, and what they project to."""

    betas: torch.Tensor  # (N, 10)
    keypoints: NDArray  # (N, 17, 2) pixels of the judged crop
    masks: NDArray  # (N, H, W) bool


def keypoint_error(predicted: NDArray, truth: NDArray) -> dict[str, float]:
    """Errors over visible keypoints.

    Args:
        predicted: (N, 17, 2) and truth: (N, 17, 3), pixels of the same crop; truth's last column is confidence.

    Returns:
        "mean px", and "PCK@a": the share of keypoints within a x the torso's diagonal (left shoulder to right hip or
        the other way, the longer one, of the truth).
    """
    visible = truth[..., 2] >= VISIBLE
    distance = np.linalg.norm(predicted - truth[..., :2], axis=-1)
    diagonals = [
        np.linalg.norm(truth[:, a, :2] - truth[:, b, :2], axis=-1)
        for a, b in ((LEFT_SHOULDER, RIGHT_HIP), (RIGHT_SHOULDER, LEFT_HIP))
    ]
    relative = distance / np.maximum(*diagonals)[:, None]
    return {"mean px": float(distance[visible].mean())} | {
        f"PCK@{share}": float((relative[visible] <= share).mean()) for share in (0.2, 0.5)
    }


def mask_iou(predicted: NDArray, truth: NDArray) -> NDArray:
    """(N, H, W) bool -> (N,) intersection over union."""
    union = (predicted | truth).sum((1, 2))
    return (predicted & truth).sum((1, 2)) / np.maximum(union, 1)


def hard_mask(pixels: NDArray, faces: NDArray, size: tuple[int, int]) -> NDArray:
    """Exact silhouette (H, W) bool of one mesh whose vertices (V, 2) are pixels."""
    mask = np.zeros(size, np.uint8)
    shift = 4  # OpenCV's fixed-point pixels; it puts pixel centres at whole numbers
    points = np.round((pixels - 0.5) * (1 << shift)).astype(np.int32)
    for triangle in points[faces]:
        cv2.fillConvexPoly(mask, triangle, 1, shift=shift)
    return mask.astype(bool)


@torch.inference_mode()
def predict_bodies(
    network: ThreeDSLNetwork, body: BodyModel, crops: NDArray, size: tuple[int, int], mean: bool = False
) -> Bodies:
    """Bodies of (N, h, w, 3) crops projected into `size`; with `mean` where the regression starts instead."""
    network.eval()
    betas, keypoints, masks = [], [], []
    for start in range(0, len(crops), 64):
        out = network(to_batch(crops[start : start + 64]))
        shape, pose, camera, delta = out.betas, out.pose, out.camera, out.displacement
        if mean:
            initial = mean_pose_and_camera()
            pose = matrix_from_6d(initial[:144].view(24, 6)).expand_as(pose)
            shape, camera, delta = (
                torch.zeros_like(shape),
                initial[144:].expand_as(camera),
                torch.zeros_like(delta),
            )
        posed = body(shape, pose, delta)
        betas.append(shape)
        keypoints.append(project(posed.keypoints, camera, size)[0].numpy())
        pixels = project(posed.vertices, camera, size)[0].numpy()
        masks += [hard_mask(one, body.faces_coarse, size) for one in pixels]
    return Bodies(torch.cat(betas), np.concatenate(keypoints), np.stack(masks))


def judge_bodies(
    network: ThreeDSLNetwork, body: BodyModel, root: Path, records: list[Record], input_size: tuple[int, int]
) -> dict[str, dict[str, float]]:
    """Figures for the network's bodies ("predicted") and for the regression's start ("mean body"), at 256 x 128."""
    size = (256, 128)
    crops = load_crops(records, input_size)
    poses = read_alphapose(root / "pose" / "alphapose-results.json")
    truth = np.stack([pose_of(record, root, poses) for record in records])
    masks = np.stack([resize_crop(read_mask(root, record, size), size) > 127 for record in records])
    figures = {}
    for name, mean in (("predicted", False), ("mean body", True)):
        bodies = predict_bodies(network, body, crops, size, mean)
        overlap = mask_iou(bodies.masks, masks)
        figures[name] = keypoint_error(bodies.keypoints, truth) | {"silhouette IoU": float(overlap.mean())}
        figures[name]["pictures"] = len(records)
    return figures
