"""How well predicted bodies fit pictures: keypoints, silhouettes, shape."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from threedsl.body import BodyModel
from threedsl.body.camera import project
from threedsl.body.rotation import matrix_from_6d
from threedsl.data.images import load_image
from threedsl.data.keypoints import read_alphapose
from threedsl.data.listfile import Record
from threedsl.data.transforms import resize_crop, to_batch
from threedsl.errors import InputError
from threedsl.files import write_whole
from threedsl.network import ThreeDSLNetwork
from threedsl.network.heads import mean_pose_and_camera
from threedsl.render.overlay import draw_overlay
from train.data.dataset import load_crops
from train.data.listing import pose_of, read_mask, scaled_pose

LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP = 5, 6, 11, 12
VISIBLE = 0.6  # keypoints with less confidence are not scored; hidden synthetic ones have at most 0.55
SHEET_SIZE = (256, 128)
SHEET_ROW = 6  # pictures per row


@dataclass
class Projected:
    """Projected bodies of N pictures."""

    keypoints: NDArray  # (N, 17, 2) pixels of the evaluated crop
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
    """Silhouette (H, W) bool of one mesh whose vertices (V, 2) are pixels.

    OpenCV also fills the pixels a triangle's outline touches, so small pictures are drawn four times larger.
    """
    mask = np.zeros((4 * size[0], 4 * size[1]), np.uint8)
    shift = 4  # OpenCV's fixed-point pixels; its pixel centres are at integers
    points = np.round((4 * pixels - 0.5) * (1 << shift)).astype(np.int32)
    for triangle in points[faces]:
        cv2.fillConvexPoly(mask, triangle, 255, shift=shift)
    return resize_crop(mask, size) > 127


@torch.inference_mode()
def project_bodies(
    network: ThreeDSLNetwork | None, body: BodyModel, crops: NDArray, size: tuple[int, int]
) -> Projected:
    """Bodies of (N, h, w, 3) crops projected into `size`; without a network where its regression starts."""
    keypoints, masks = [], []
    for start in tqdm(range(0, len(crops), 64), desc="bodies", unit="batch", delay=2):
        batch = crops[start : start + 64]
        if network is None:
            initial = mean_pose_and_camera().expand(len(batch), -1)
            posed = body(torch.zeros(len(batch), 10), matrix_from_6d(initial[:, :144].unflatten(1, (24, 6))))
            camera = initial[:, 144:]
        else:
            out = network.eval()(to_batch(batch))
            posed, camera = body(out.betas, out.pose, out.displacement), out.camera
        keypoints.append(project(posed.keypoints, camera, size)[0].numpy())
        pixels = project(posed.vertices, camera, size)[0].numpy()
        masks += [hard_mask(one, body.faces_coarse, size) for one in pixels]
    return Projected(np.concatenate(keypoints), np.stack(masks))


def evaluate_bodies(
    network: ThreeDSLNetwork,
    body: BodyModel,
    root: Path,
    records: list[Record],
    input_size: tuple[int, int],
    sheet: Path | None = None,
) -> dict[str, dict[str, float]]:
    """Figures for the network's bodies ("predicted") and for the regression's start ("mean body").

    Pictures, masks and keypoints are brought to 256 x 128; pictures without keypoints are left out. `sheet` becomes a
    picture of the best, median and worst bodies.
    """
    size = (256, 128)
    poses = read_alphapose(root / "pose" / "alphapose-results.json")
    records = [record for record in records if pose_of(record, root, poses) is not None]
    if not records:
        raise InputError(
            f"No pictures to evaluate bodies on: {root}/pose has no keypoints for the query pictures."
        )
    crops = load_crops(records, input_size)
    truth = np.stack([scaled_pose(record, root, poses, size) for record in records])
    masks = np.stack([read_mask(root, record, size) > 127 for record in records])
    figures = {}
    for name, model in (("predicted", network), ("mean body", None)):
        bodies = project_bodies(model, body, crops, size)
        overlap = mask_iou(bodies.masks, masks)
        figures[name] = keypoint_error(bodies.keypoints, truth) | {"silhouette IoU": float(overlap.mean())}
        figures[name]["pictures"] = len(records)
        if model is not None and sheet is not None:
            write_sheet(sheet, network, body, records, picture_error(bodies.keypoints, truth), input_size)
    return figures


def picture_error(predicted: NDArray, truth: NDArray) -> NDArray:
    """(N,) mean distance in pixels over each picture's visible keypoints."""
    visible = truth[..., 2] >= VISIBLE
    distance = np.linalg.norm(predicted - truth[..., :2], axis=-1)
    return (distance * visible).sum(1) / np.maximum(visible.sum(1), 1)


def write_sheet(
    path: Path,
    network: ThreeDSLNetwork,
    body: BodyModel,
    records: list[Record],
    errors: NDArray,
    input_size: tuple[int, int],
) -> None:
    """Write a JPEG of three rows of picture and overlay: smallest, median and largest of `errors` (N,), from the left
    in order of error."""
    order = np.argsort(errors, kind="stable")
    middle = max(0, (len(order) - SHEET_ROW) // 2)
    rows = [order[:SHEET_ROW], order[middle : middle + SHEET_ROW], order[-SHEET_ROW:]]
    sheet = np.concatenate([_sheet_row(network, body, [records[i] for i in row], input_size) for row in rows])
    quality = [cv2.IMWRITE_JPEG_QUALITY, 85]
    write_whole(path, cv2.imencode(".jpg", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), quality)[1].tobytes())


@torch.inference_mode()
def _sheet_row(
    network: ThreeDSLNetwork, body: BodyModel, records: list[Record], input_size: tuple[int, int]
) -> NDArray:
    pictures = [load_image(record.path) for record in records]
    out = network.eval()(to_batch([resize_crop(picture, input_size) for picture in pictures]))
    vertices = body(out.betas, out.pose, out.displacement, "display").vertices.numpy()
    cells = []
    for picture, mesh, camera in zip(pictures, vertices, out.camera.numpy(), strict=True):
        shown = resize_crop(picture, SHEET_SIZE)
        cells += [shown, draw_overlay(shown, mesh, camera, body.faces_display)]
    return np.concatenate(cells, axis=1)
