"""Zero-shot on the demo people: ten outdoor photos against fifty studio pictures, nothing of which was trained on."""

import numpy as np

from threedsl.data.detect import query_box
from threedsl.data.images import load_image
from threedsl.data.transforms import resize_crop
from threedsl.demo import demo_galleries
from threedsl.errors import InputError
from threedsl.evaluation.metrics import evaluate, similarities
from threedsl.evaluation.testset import labels_of
from threedsl.network import ThreeDSLNetwork
from train.retrieval import describe


def zero_shot(network: ThreeDSLNetwork, size: tuple[int, int]) -> dict:
    """Rank-1, rank-5 and mAP by stream; every query's person has five pictures in the gallery, so chance is 10 %."""
    people = demo_galleries().get("openpeople")
    if people is None:
        raise InputError("The demo people are not installed; run `pip install openpeople`.")
    records, examples = people.records, people.examples
    gallery = np.stack([resize_crop(load_image(record.path), size) for record in records])
    photos = [load_image(example.path) for example in examples]
    query = np.stack([resize_crop(query_box(photo)[0].crop(photo), size) for photo in photos])
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
