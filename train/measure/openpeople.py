"""Zero-shot figures on the demo people: ten outdoor photos against fifty studio pictures and vice versa; none was
trained on."""

from pathlib import Path

import cv2
import numpy as np
import torch

from threedsl.body import BodyModel
from threedsl.data.images import load_image
from threedsl.data.transforms import resize_crop, to_batch
from threedsl.errors import InputError
from threedsl.evaluation.labels import labels_of
from threedsl.evaluation.metrics import REMOVALS
from threedsl.evaluation.scoring import score_descriptors
from threedsl.files import write_whole
from threedsl.gallery.demo import demo_galleries
from threedsl.network import ThreeDSLNetwork
from threedsl.people import query_box
from threedsl.render.overlay import draw_overlay
from train.measure.retrieval import describe, per_query, summary

OVERLAYS = "openpeople.jpg"
SHOWN = (320, 160)  # height, width in pixels of a crop in the picture


def zero_shot(network: ThreeDSLNetwork, size: tuple[int, int], seed: int = 0) -> dict:
    """Rank-1, rank-5 and mAP by stream, chance being 10 % at rank-1: each person has as many pictures in the gallery.

    Outdoor photos search among studio pictures; under "from the studio" studio pictures, which show all sides of a
    person, search among outdoor photos, and the figures have 95 % intervals from resampling the ten people.
    """
    people = demo_galleries().get("openpeople")
    if people is None:
        raise InputError("The demo people are not installed; run `pip install openpeople`.")
    records, examples = people.records, people.examples
    studio = np.stack([resize_crop(load_image(record.path), size) for record in records])
    photos = [load_image(example.path) for example in examples]
    outdoor = np.stack([resize_crop(query_box(photo)[0].crop(photo), size) for photo in photos])
    outdoor, studio = describe(network, outdoor), describe(network, studio)
    figures = {"queries": len(examples), "gallery pictures": len(records)}
    back = {"queries": len(records), "gallery pictures": len(examples)}
    # No outdoor photo shares a camera with a studio picture, so the protocol removes nothing.
    labels = labels_of(examples), labels_of(records)
    for stream in outdoor:
        sides, rule = (outdoor[stream], studio[stream]), (REMOVALS["standard"], "standard")
        scores = score_descriptors(*sides, *labels, *rule)
        figures[stream] = {name: float(np.mean(values)) for name, values in per_query(scores).items()}
        scores = score_descriptors(*sides[::-1], *labels[::-1], *rule)
        back[stream] = summary(scores, labels[1].pids, seed)
    return figures | {"from the studio": back}


@torch.inference_mode()
def write_overlays(path: Path, network: ThreeDSLNetwork, body: BodyModel, size: tuple[int, int]) -> None:
    """Write a JPEG of the ten outdoor crops, the pictures above and the same with the body overlaid below."""
    photos = [load_image(example.path) for example in demo_galleries()["openpeople"].examples]
    crops = [query_box(photo)[0].crop(photo) for photo in photos]
    out = network.eval()(to_batch([resize_crop(crop, size) for crop in crops]))
    meshes = body(out.betas, out.pose, body.smooth(out.displacement), "display").vertices.numpy()
    shown = [resize_crop(crop, SHOWN) for crop in crops]
    covered = [
        draw_overlay(picture, mesh, camera, body.faces_display)
        for picture, mesh, camera in zip(shown, meshes, out.camera.numpy(), strict=True)
    ]
    sheet = np.concatenate([np.concatenate(row, axis=1) for row in (shown, covered)])
    quality = [cv2.IMWRITE_JPEG_QUALITY, 85]
    write_whole(path, cv2.imencode(".jpg", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), quality)[1].tobytes())
