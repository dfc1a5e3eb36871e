"""The figures of one protocol: CMC, mAP and mINP with intervals, over every draw, and the chance level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threedsl.errors import InputError
from threedsl.evaluation.metrics import REMOVALS, Scores, bootstrap_interval, expected_figures
from threedsl.evaluation.scoring import score_descriptors, score_distances
from threedsl.evaluation.testset import Trial
from threedsl.progress import Report

CUTS = (1, 5, 10, 20)
METRICS = (*(f"rank-{k}" for k in CUTS), "mAP", "mINP")
CURVE = 20  # ranks of the CMC plot


@dataclass(frozen=True)
class Refinement:
    """Refinement of the gallery ranking by cosine similarity.

    As is usual, both look for neighbours in the whole gallery of a protocol, before anything is removed for a query.

    Attributes:
        rerank: k-reciprocal re-ranking.
        expand: replace each query by its mean with that many nearest gallery pictures; 0: plain query.
    """

    rerank: bool = False
    expand: int = 0

    @property
    def name(self) -> str:
        """What is added to a protocol's name; "" for the plain cosine."""
        words = [f"expanded by {self.expand}"] if self.expand else []
        return ", ".join(words + ["re-ranked"] if self.rerank else words)


PLAIN = Refinement()


@dataclass(frozen=True)
class Estimate:
    """A mean over queries from 0 to 1, its 95 % interval over people, and its standard deviation over the draws."""

    value: float
    interval: tuple[float, float]
    spread: float | None = None


@dataclass(frozen=True)
class Figures:
    """What one stream scores under one protocol.

    Attributes:
        figures: by the names in METRICS.
        chance: the same for a random order of the gallery.
        cmc, chance_cmc: (CURVE,) share of queries with a true match among the first 1, 2, … pictures.
        first: scores of every query, in the first draw.
        distances: gives a query's distances to the pictures of the first draw, by its row.
        people: number of people in the scored queries.
    """

    figures: dict[str, Estimate]
    chance: dict[str, float]
    cmc: NDArray[np.float64]
    chance_cmc: NDArray[np.float64]
    first: Scores
    distances: Callable[[int], NDArray]
    people: int


def figures_of(
    trial: Trial,
    query: NDArray[np.float32],
    gallery: NDArray[np.float32],
    ranking: Refinement = PLAIN,
    seed: int = 0,
    report: Report | None = None,
) -> Figures:
    """Score unit descriptors (Q, D) and (G, D) of a trial's pictures.

    Raises:
        InputError: no query has a true match.
    """
    drawn = [
        _rank(
            trial,
            query,
            taken(gallery, rows),
            rows,
            ranking,
            report and _part(report, number, len(trial.draws)),
        )
        for number, rows in enumerate(trial.draws)
    ]
    scores, first, distances = [scores for scores, _ in drawn], drawn[0][0], drawn[0][1]
    if any(not np.array_equal(other.query, first.query) for other in scores):
        raise InputError(
            f"under {trial.protocol.name!r} a query has a true match in one draw and none in another; "
            "queries and gallery must be of different cameras."
        )
    people = trial.query_labels.pids[first.query]
    each = {f"rank-{k}": np.stack([other.first_rank <= k for other in scores]) for k in CUTS}
    each["mAP"] = np.stack([other.average_precision for other in scores])
    each["mINP"] = np.stack([other.inverse_negative_penalty for other in scores])
    chance = expected_figures(trial.matches[first.query], trial.ranked[first.query], range(1, CURVE + 1))
    return Figures(
        figures={name: _figure(values, people, seed) for name, values in each.items()},
        chance={name: chance[name] for name in METRICS},
        cmc=np.mean([other.cmc(range(1, CURVE + 1)) for other in scores], axis=0),
        chance_cmc=np.array([chance[f"rank-{k}"] for k in range(1, CURVE + 1)]),
        first=first,
        distances=distances,
        people=len(set(people)),
    )


def taken(descriptors: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """descriptors[rows]; no copy if the rows are consecutive, since a large gallery fills a third of a gigabyte."""
    if len(rows) and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
        return descriptors[rows[0] : rows[0] + len(rows)]
    return descriptors[rows]


def _rank(
    trial: Trial,
    query: NDArray[np.float32],
    gallery: NDArray[np.float32],
    rows: NDArray[np.int64],
    ranking: Refinement,
    report: Report | None,
) -> tuple[Scores, Callable[[int], NDArray]]:
    """Scores of one draw, and what gives one query's distances to its gallery pictures."""
    labels = trial.query_labels, trial.gallery_labels.take(rows)
    rule = REMOVALS[trial.protocol.removed], trial.protocol.name
    if ranking.expand:
        from threedsl.evaluation.expansion import expand_queries

        query = expand_queries(query, gallery, k=ranking.expand)
    if not ranking.rerank:
        return score_descriptors(query, gallery, *labels, *rule, report), lambda row: -(gallery @ query[row])
    from threedsl.evaluation.reranking import rerank

    reranked = rerank(query, gallery, report=report)
    return score_distances(reranked.blocks(), *labels, *rule), reranked.row


def _part(report: Report, number: int, of: int) -> Report:
    """Progress of one draw as progress of all."""
    return lambda done, total: report(number * total + done, of * total)


def _figure(values: NDArray, people: NDArray, seed: int) -> Estimate:
    """values: (draws, n); a query counts with its mean over the draws."""
    interval = bootstrap_interval(values.mean(0), people, seed)
    spread = float(values.mean(1).std(ddof=1)) if len(values) > 1 else None
    return Estimate(float(values.mean()), interval, spread)
