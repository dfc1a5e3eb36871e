"""How far scores can be trusted: pairs of the cloth-changing crowds, one person's against two people's."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threedsl.data.listfile import Record
from threedsl.evaluation.metrics import Labels, similarities
from train.crowds import PROTOCOL, gather
from train.retrieval import Descriptors

PEOPLE, DRAWS = 100, 10
BINS = 200
RATES = (1e-1, 1e-2, 1e-3, 1e-4)


def calibrate(described: Descriptors, labels: Labels, records: Sequence[Record], seed: int) -> dict | None:
    """Scores of all pairs of PEOPLE people under `train.crowds.PROTOCOL`, DRAWS times; None when there are fewer.

    Returns:
        {"protocol", "people", "pairs", "streams": {stream: {"score", "same", "false match rate", "true match rate":
        lists of one length, see `threedsl.calibration.Curve`; "true match rate at": {false-match: true-match rate}}}}
    """
    crowds = [gather(records, PEOPLE, seed + draw) for draw in range(DRAWS)]
    if crowds[0] is None:
        return None
    streams, pairs = {}, 0
    for stream, descriptors in described.items():
        scores, same = [], []
        for crowd in crowds:
            person = labels.pids[crowd.query][:, None] == labels.pids[crowd.gallery]
            removed = person & (labels.camids[crowd.query][:, None] == labels.camids[crowd.gallery])
            scores.append(similarities(descriptors[crowd.query], descriptors[crowd.gallery])[~removed])
            same.append(person[~removed])
        scores, same = np.concatenate(scores), np.concatenate(same)
        streams[stream], pairs = curve(scores, same), len(scores)
    return {"protocol": PROTOCOL, "people": PEOPLE, "pairs": pairs, "streams": streams}


def curve(scores: NDArray, same: NDArray[np.bool_], bins: int = BINS) -> dict:
    """Figures by score, of (N,) pairs and whether each is one person."""
    edges = np.linspace(scores.min(), scores.max(), bins + 1)
    place = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, bins - 1)
    total = np.bincount(place, minlength=bins)
    true = np.bincount(place, weights=same, minlength=bins)
    kept = total > 0
    share = isotonic(true[kept] / total[kept], total[kept])
    middles = ((edges[:-1] + edges[1:]) / 2)[kept]
    ones, others = np.sort(scores[same]), np.sort(scores[~same])

    def at_or_above(ordered: NDArray, values: NDArray) -> NDArray:
        return 1 - np.searchsorted(ordered, values, side="left") / len(ordered)

    thresholds = np.quantile(others, 1 - np.array(RATES))
    found = {
        "score": middles,
        "same": share,
        "false match rate": at_or_above(others, middles),
        "true match rate": at_or_above(ones, middles),
    }
    return {
        **{name: [round(float(value), 6) for value in values] for name, values in found.items()},
        "true match rate at": {
            f"{rate:g}": round(float(value), 6)
            for rate, value in zip(RATES, at_or_above(ones, thresholds), strict=True)
        },
    }


def isotonic(values: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """The never falling sequence nearest to `values` (N,) in weighted squares: pool adjacent violators."""
    blocks: list[list[float]] = []  # mean, weight, length
    for value, weight in zip(values, weights, strict=True):
        blocks.append([float(value), float(weight), 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, heavy, length = blocks.pop()
            before = blocks[-1]
            before[0] = (before[0] * before[1] + mean * heavy) / (before[1] + heavy)
            before[1] += heavy
            before[2] += length
    return np.repeat([block[0] for block in blocks], [block[2] for block in blocks])
