"""What the network says about crops of people, one by one or several of one person together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from threedsl.body.bodies import Bodies
from threedsl.body.measures import body_measures
from threedsl.descriptors import Descriptors, merge, one_by_one
from threedsl.people.keypoints import in_pixels, seen_in_each
from threedsl.pipeline import ThreeDSL


@dataclass(frozen=True)
class Prediction:
    """What the network says about one crop, as plain arrays that may cross a process border (ZeroGPU)."""

    output: Descriptors  # of the crop, one row
    betas: np.ndarray  # (10,)
    pose: np.ndarray  # (24, 3, 3) rotation of each joint
    displacement: np.ndarray  # (V_coarse, 3) metres
    camera: np.ndarray  # (3,) weak perspective s, t_x, t_y
    vertices: np.ndarray  # (V, 3) metres, display topology, as the camera sees it
    upright: np.ndarray  # (V, 3) the same on level ground
    faces: np.ndarray  # (F, 3)
    measures: dict[str, float]
    aspect: float  # width / height of the network's input
    keypoints: np.ndarray  # (17, 2) the body's COCO keypoints as shares of the crop, x right, y down
    found: np.ndarray | None  # (17, 3) those that the finder sees, and their confidence
    confidence: float  # of the body, see threedsl.body.coco.agreement; NaN where nothing was found


def predict(
    model: ThreeDSL, crops: Sequence[np.ndarray], known: Sequence[np.ndarray | None] | None = None
) -> list[Prediction]:
    """One forward pass over RGB uint8 crops (H, W, 3), the bodies fitted to their keypoints.

    known: for each crop, (17, 3) COCO keypoints x, y as shares of it, confidence; None: to be looked for.
    """
    height, width = model.input_size
    found = seen_in_each(crops, known)
    output = model(list(crops), keypoints=in_pixels(found, model.input_size))
    bodies = output.bodies
    predictions = []
    for i, own in enumerate(one_by_one(output)):
        with torch.inference_mode():
            measures = body_measures(model.body, bodies.betas[i], bodies.displacement[i])
        predictions.append(
            Prediction(
                output=own,
                betas=bodies.betas[i],
                pose=bodies.pose[i],
                displacement=bodies.displacement[i],
                camera=bodies.camera[i],
                vertices=bodies.vertices[i],
                upright=bodies.upright[i],
                faces=bodies.faces,
                measures=measures,
                aspect=width / height,
                keypoints=bodies.keypoints[i] / [width, height],
                found=found[i],
                confidence=float(bodies.confidence[i]),
            )
        )
    return predictions


def merge_predictions(model: ThreeDSL, predictions: Sequence[Prediction]) -> list[Prediction]:
    """One person's photos with one body: for each photo, what was predicted with the means of descriptors and shape
    in place of its own, in its own pose and camera."""
    if len(predictions) == 1:
        return list(predictions)
    output = merge([one.output for one in predictions])
    betas = np.mean([one.betas for one in predictions], axis=0)
    displacement = np.mean([one.displacement for one in predictions], axis=0)
    with torch.inference_mode():
        measures = body_measures(model.body, betas, displacement)
    count = len(predictions)
    pose = np.stack([one.pose for one in predictions])
    camera = np.stack([one.camera for one in predictions])
    bodies = Bodies(
        np.stack([betas] * count),
        pose,
        camera,
        np.stack([displacement] * count),
        model.body,
        model.input_size,
    )
    height, width = model.input_size
    return [
        replace(
            own,
            output=output,
            betas=betas,
            displacement=displacement,
            vertices=bodies.vertices[i],
            upright=bodies.upright[i],
            measures=measures,
            keypoints=bodies.keypoints[i] / [width, height],
        )
        for i, own in enumerate(predictions)
    ]
