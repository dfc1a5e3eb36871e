"""A picture of predicted bodies over photos: the best, the median and the worst of a set."""

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from threedsl.body import BodyModel
from threedsl.data.images import load_image
from threedsl.data.listfile import Record
from threedsl.data.transforms import resize_crop, to_batch
from threedsl.network import ThreeDSLNetwork
from threedsl.render.overlay import draw_overlay

SIZE = (256, 128)
EACH = 6  # pictures a row


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
    middle = max(0, (len(order) - EACH) // 2)
    rows = [order[:EACH], order[middle : middle + EACH], order[-EACH:]]
    sheet = np.concatenate([_row(network, body, [records[i] for i in row], input_size) for row in rows])
    cv2.imwrite(str(path), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])


@torch.inference_mode()
def _row(
    network: ThreeDSLNetwork, body: BodyModel, records: list[Record], input_size: tuple[int, int]
) -> NDArray:
    pictures = [load_image(record.path) for record in records]
    out = network.eval()(to_batch([resize_crop(picture, input_size) for picture in pictures]))
    vertices = body(out.betas, out.pose, out.displacement, "display").vertices.numpy()
    cells = []
    for picture, mesh, camera in zip(pictures, vertices, out.camera.numpy(), strict=True):
        shown = resize_crop(picture, SIZE)
        cells += [shown, draw_overlay(shown, mesh, camera, body.faces_display)]
    return np.concatenate(cells, axis=1)
