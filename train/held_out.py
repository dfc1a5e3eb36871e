"""Evaluation on the validation people during training: retrieval scores and body overlays for TensorBoard."""

import logging

import numpy as np
import torch
from numpy.typing import NDArray

from threedsl.body import BodyModel
from threedsl.data.transforms import resize_crop, to_batch
from threedsl.network import ThreeDSLNetwork
from threedsl.render.overlay import draw_overlay
from train.measure.retrieval import DescriptorsByStream, RetrievalSet

log = logging.getLogger("train")

SHOWN = 6


def evaluate_validation(
    network: ThreeDSLNetwork,
    validation: RetrievalSet,
    body: BodyModel,
    device: torch.device,
    writer,
    step: int,
) -> tuple[DescriptorsByStream, DescriptorsByStream]:
    """Score the network under the first protocol and draw bodies; both go to TensorBoard, scores to the log as well.

    Returns:
        the descriptors of queries and gallery, from which feature shares can be chosen.
    """
    if network.shape_stream is not None:
        shown = validation.query[evenly(len(validation.query))]
        writer.add_image("bodies", body_pictures(network, body, shown, device), step, dataformats="HWC")
    protocol = validation.protocols[0]
    described = validation.describe(network, device)
    for stream, scores in validation.score(*described, protocol).items():
        rank_1, precision = scores.rank(1), scores.mean_average_precision
        writer.add_scalar(f"{protocol} rank-1/{stream}", rank_1, step)
        writer.add_scalar(f"{protocol} mAP/{stream}", precision, step)
        log.info(
            "step %d  %s, validation people, %s: rank-1 %.1f %%  mAP %.1f %%",
            *(step, protocol, stream, 100 * rank_1, 100 * precision),
        )
    return described


def evenly(count: int, shown: int = SHOWN) -> NDArray[np.int64]:
    """Places of at most `shown` pictures among `count`, spread evenly; the same every time."""
    return np.unique(np.linspace(0, count - 1, min(count, shown)).round().astype(np.int64))


@torch.inference_mode()
def body_pictures(
    network: ThreeDSLNetwork,
    body: BodyModel,
    crops: NDArray[np.uint8],
    device: torch.device | str = "cpu",
    height: int = 256,
) -> NDArray[np.uint8]:
    """Crops above, the predicted bodies over them below; the network's mode is restored.

    Args:
        network: one with a shape stream, on `device`.
        body: the body model, on any device.
        crops: (N, H, W, 3) RGB uint8 of the network's input size, N at least 1.
        height: of each picture of the sheet, in pixels.

    Returns:
        RGB uint8 (2 x height, N x width, 3), as `SummaryWriter.add_image(…, dataformats="HWC")` takes it.
    """
    was_training = network.training
    network.eval()
    out = network(to_batch(crops).to(device))
    network.train(was_training)
    betas, pose, displacement, cameras = (
        value.float().to(body.coarse_template.device)
        for value in (out.betas, out.pose, out.displacement, out.camera)
    )
    meshes = body(betas, pose, body.smooth(displacement), "display").vertices.cpu().numpy()
    size = (height, round(height * crops.shape[2] / crops.shape[1]))
    shown = [resize_crop(crop, size) for crop in crops]
    faces = body.faces_display
    drawn = [
        draw_overlay(crop, mesh, camera, faces)
        for crop, mesh, camera in zip(shown, meshes, cameras.cpu().numpy(), strict=True)
    ]
    return np.concatenate([np.concatenate(shown, 1), np.concatenate(drawn, 1)])
