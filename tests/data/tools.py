"""What the tools write, for the tests of `annotate`."""

import json

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 32, 64


def detection(image, x=5.0, score=1.0):
    """One person whose joints lie at (x, 2 x) with confidence 0.5."""
    return {"image_id": image, "category_id": 1, "keypoints": [x, 2 * x, 0.5] * 17, "score": score}


def parsing_png(path, size=(WIDTH, HEIGHT), labels=20, bag=False):
    """A palette PNG as the tool writes it: a person in the left half, a bag (label 16) in the top row of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros(size[::-1], np.uint8)
    values[:, : size[0] // 2] = 5
    if bag:
        values[0, : size[0] // 2] = 16
    image = Image.fromarray(values)
    colours = (
        "000000 800000 008000 808000 000080 800080 008080 808080 400000 c00000 408000 c08000 400080 c00080"
    )
    colours = bytes.fromhex(f"{colours} 408080 c08080 004000 804000 00c000 80c000")
    image.putpalette(colours[: 3 * labels])
    image.save(path)


def write_results(path, *detections):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(list(detections)))
    return path
