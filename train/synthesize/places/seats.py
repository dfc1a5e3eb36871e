"""What a sitting person sits on: a box, a stool or a bench, drawn with the person."""

from __future__ import annotations

import numpy as np

from train.synthesize.places.textures import muted
from train.synthesize.render import Surface

_CORNERS = np.array([[x, y, z] for x in (0.0, 1.0) for y in (0.0, 1.0) for z in (0.0, 1.0)])
_SIDES = np.array(
    [
        [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
        [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
    ],
    np.uint32,
)  # fmt: skip


def seat(
    bare: np.ndarray, seated: np.ndarray, facing: np.ndarray, rng: np.random.Generator
) -> Surface | None:
    """A seat under a sitting person; None for one in nine, who sits on what the picture does not show.

    bare: (V,3) the body in camera axes; seated: (V,) bool, its pelvis and thighs; facing: (3,3) from the body's axes
    (x to its left, y up, z to its front) to the camera's.
    """
    if rng.random() < 0.11:
        return None
    body = bare @ facing
    floor, touching = body[:, 1].min(), body[seated]
    low, high = touching.min(0), touching.max(0)
    top = low[1] + 0.015  # flesh gives way
    back = low[2] - rng.uniform(0.0, 0.12)
    front = min(back + rng.uniform(0.4, 0.55), high[2] - 0.06)
    middle = (low[0] + high[0]) / 2
    kind = rng.choice(["box", "stool", "bench", "chair"], p=[0.3, 0.2, 0.35, 0.15])
    wide = {"box": rng.uniform(0.5, 2.6), "stool": 0.42, "chair": 0.5, "bench": rng.uniform(1.2, 2.4)}[
        str(kind)
    ]
    left = middle - wide * (0.5 if wide < 0.9 else rng.uniform(0.3, 0.7))
    right = left + wide
    if kind == "box":
        boxes = [((left, floor, back), (right, top, front))]
    else:
        plank = rng.uniform(0.03, 0.08)
        boxes = [((left, top - plank, back), (right, top, front))]
        for x in (left + 0.03, right - 0.08):
            for z in (back + 0.03, front - 0.08):
                boxes.append(((x, floor, z), (x + 0.05, top - plank, z + 0.05)))
        if kind == "chair" or (kind == "bench" and rng.random() < 0.5):
            tall = rng.uniform(0.3, 0.45)
            rear = min(back, body[(body[:, 1] < top + tall) & (body[:, 1] > top), 2].min()) - 0.03
            boxes.append(((left, top + 0.12, rear - 0.03), (right, top + tall, rear)))
    corners = np.concatenate([np.array(a) + _CORNERS * (np.array(b) - np.array(a)) for a, b in boxes])
    # Corners are not shared between sides, so that each side is shaded flat.
    vertices = np.concatenate([corners[_SIDES.ravel() + 8 * i] for i in range(len(boxes))])
    triangles = np.arange(len(vertices), dtype=np.uint32).reshape(-1, 3)
    base = (
        np.array([140, 104, 70]) * rng.uniform(0.4, 1.3) if rng.random() < 0.4 else muted(rng, 40, 210, 0.12)
    )
    boards, spread = rng.uniform(0.06, 0.14), rng.choice([0.0, 0.09])

    def colour(primitives, shares):
        at = np.einsum("nkc,nk->nc", vertices[triangles[primitives]], shares)
        board = np.sin(37.0 * np.floor((at[:, 2] + at[:, 1]) / boards))
        return base * (1 + spread * board)[:, None], np.ones(len(at), bool)

    return Surface(vertices @ facing.T, triangles, colour, scenery=True)
