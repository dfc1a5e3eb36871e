"""Retrieval scores by the number of people in the gallery: up to three pictures each, in other clothes than the
query's; the query's person in the query's camera is removed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threedsl.data.listfile import Record
from threedsl.evaluation.metrics import REMOVALS, Labels, Scores
from threedsl.evaluation.scoring import score_descriptors

SIZES = (50, 100, 500)
PROTOCOL = "cloth-changing, 3 pictures a person"  # 3 at most


@dataclass(frozen=True)
class GalleryDraw:
    """Positions in a list of records: queries, and a gallery of up to three pictures per person in other clothes."""

    query: NDArray[np.int64]
    gallery: NDArray[np.int64]


def draw_people(records: Sequence[Record], people: int, seed: int) -> GalleryDraw | None:
    """Draw `people` people and, for each, one outfit for the queries and up to three gallery pictures from the others.

    The gallery pictures come from as many outfits as there are. None when there are fewer people.
    """
    wardrobes: dict[str, dict[str, list[int]]] = {}
    for index, record in enumerate(records):
        wardrobes.setdefault(record.pid, {}).setdefault(record.clothes, []).append(index)
    changing = [pid for pid in sorted(wardrobes) if len(wardrobes[pid]) > 1]
    if len(changing) < people:
        return None
    rng = np.random.default_rng((seed, people))
    query, gallery = [], []
    for place in rng.permutation(len(changing))[:people]:
        outfits = list(wardrobes[changing[place]].values())
        worn, *others = (rng.permutation(outfits[i]).tolist() for i in rng.permutation(len(outfits)))
        query += worn
        deep = max(len(other) for other in others)
        turns = [other[turn] for turn in range(deep) for other in others if turn < len(other)]
        gallery += turns[:3]
    return GalleryDraw(np.array(query), np.array(gallery))


def score(descriptors: NDArray[np.float32], labels: Labels, draw: GalleryDraw) -> Scores:
    """Scores of unit descriptors (N, D) of all records under PROTOCOL."""
    query, gallery = draw.query, draw.gallery
    return score_descriptors(
        descriptors[query],
        descriptors[gallery],
        labels.take(query),
        labels.take(gallery),
        REMOVALS["cloth-changing"],
        PROTOCOL,
    )


def by_size(
    descriptors: NDArray[np.float32], labels: Labels, records: Sequence[Record], seed: int, draws: int = 10
) -> dict[str, dict[str, float]]:
    """{"50 people": {"rank-1": …, "rank-5": …, "rank-10": …, "mAP": …}, …}: means over draws of people."""
    figures = {}
    for size in SIZES:
        drawn = [draw_people(records, size, seed + number) for number in range(draws)]
        if drawn[0] is None:
            continue
        scores = [score(descriptors, labels, draw) for draw in drawn]
        figures[f"{size} people"] = {
            **{f"rank-{k}": float(np.mean([s.rank(k) for s in scores])) for k in (1, 5, 10)},
            "mAP": float(np.mean([s.mean_average_precision for s in scores])),
        }
    return figures
