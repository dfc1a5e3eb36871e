"""Zero-shot on the demo people: ten outdoor photos against fifty studio pictures, nothing of which was trained on."""

import numpy as np

from threedsl.data.detect import find_people
from threedsl.data.images import load_image
from threedsl.data.transforms import resize_crop
from threedsl.demo import load_openpeople
from threedsl.evaluation.metrics import evaluate, similarities
from threedsl.network import ThreeDSLNetwork
from train.retrieval import describe, labels_of


def zero_shot(network: ThreeDSLNetwork, size: tuple[int, int]) -> dict:
    """Rank-1, rank-5 and mAP by stream; every query's person has five pictures in the gallery, so chance is 10 %."""
    records, examples = load_openpeople()
    gallery = np.stack([resize_crop(load_image(record.path), size) for record in records])
    query = np.stack([resize_crop(_person(load_image(example.path)), size) for example in examples])
    described = describe(network, query), describe(network, gallery)
    # No outdoor photo shares a camera with a studio picture, so the protocol removes nothing.
    labels = labels_of(examples), labels_of(records)
    figures = {"queries": len(query), "gallery pictures": len(gallery)}
    for stream in described[0]:
        scores = evaluate(similarities(described[0][stream], described[1][stream]), *labels, "standard")
        figures[stream] = {
            "rank-1": scores.rank(1),
            "rank-5": scores.rank(5),
            "mAP": scores.mean_average_precision,
        }
    return figures


def _person(photo: np.ndarray) -> np.ndarray:
    people = find_people(photo)
    return people[0].crop(photo) if people else photo
