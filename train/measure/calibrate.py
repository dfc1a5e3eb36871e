"""Score calibration: match rates of same-person and different-person pairs, drawn as for cloth-changing galleries."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from threedsl.data.listfile import Record
from threedsl.evaluation.metrics import REMOVALS, Labels
from threedsl.evaluation.scoring import kept_gallery
from train.measure.gallery_size import PROTOCOL, draw_people
from train.measure.retrieval import DescriptorsByStream

PEOPLE, DRAWS = 100, 10
BINS = 200
RATES = (1e-1, 1e-2, 1e-3, 1e-4)


def calibrate(
    described: DescriptorsByStream, labels: Labels, records: Sequence[Record], seed: int
) -> dict | None:
    """Scores of all pairs of PEOPLE people under the protocol of `train.measure.gallery_size`, DRAWS times; None when
    there are fewer.

    Returns:
        {"protocol", "people", "pairs", "same pairs" (those of one person), "streams": {stream: {"score", "same", "false
        match rate", "true match rate": lists of one length, see `threedsl.calibration.Curve`; "true match rate at":
        {false-match: true-match rate}}}}
    """
    draws = [draw_people(records, PEOPLE, seed + number) for number in range(DRAWS)]
    if draws[0] is None:
        return None
    kept = [kept_pairs(labels.take(draw.query), labels.take(draw.gallery)) for draw in draws]
    same = np.concatenate([
        (labels.pids[draw.query][:, None] == labels.pids[draw.gallery])[pairs]
        for draw, pairs in zip(draws, kept, strict=True)
    ])  # fmt: skip
    streams = {}
    for stream, descriptors in described.items():
        scores = [
            (descriptors[draw.query] @ descriptors[draw.gallery].T)[pairs]
            for draw, pairs in zip(draws, kept, strict=True)
        ]
        streams[stream] = curve(np.concatenate(scores), same)
    pairs = len(same)
    return {
        "protocol": PROTOCOL,
        "people": PEOPLE,
        "pairs": pairs,
        "same pairs": int(same.sum()),
        "streams": streams,
    }


def kept_pairs(query: Labels, gallery: Labels) -> NDArray[np.bool_]:
    """(Q, G) which pairs count: all but those that cloth-changing removes from a query's gallery."""
    rule = REMOVALS["cloth-changing"]
    return np.stack([kept_gallery(query, row, gallery, rule, PROTOCOL) for row in range(len(query))])


def curve(scores: NDArray, same: NDArray[np.bool_], bins: int = BINS) -> dict:
    """Figures by score, of (N,) pairs and whether each is one person."""
    edges = np.linspace(scores.min(), scores.max(), bins + 1)
    place = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, bins - 1)
    total = np.bincount(place, minlength=bins)
    true = np.bincount(place, weights=same, minlength=bins)
    kept = total > 0
    share = isotonic_regression(true[kept] / total[kept], weights=total[kept]).x
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
