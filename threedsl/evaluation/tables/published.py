"""The paper's own figures (docs/method.md, section 4), for results under the same protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threedsl.evaluation.results import Result

SOURCE = "Chen et al., Learning 3D Shape Feature for Texture-Insensitive Person Re-identification (CVPR 2021)"


@dataclass(frozen=True)
class Published:
    """What the paper prints for one dataset and protocol.

    Attributes:
        ours, baseline: metric -> share from 0 to 1, of 3DSL and of the paper's baseline.
        note: what the paper leaves open, "" where nothing.
    """

    ours: dict[str, float]
    baseline: dict[str, float]
    note: str = ""

    @property
    def rows(self) -> dict[str, dict[str, float]]:
        """By the names printed."""
        return {"3DSL, paper": self.ours, "baseline, paper": self.baseline}


def _of(metrics: str, ours: tuple[float, float], baseline: tuple[float, float], note: str = "") -> Published:
    """From percent, as printed."""
    shares = [
        dict(zip(metrics.split(), (round(v / 100, 6) for v in row), strict=True)) for row in (ours, baseline)
    ]
    return Published(*shares, note)


PUBLISHED: dict[tuple[str, str], Published] = {
    ("prcc", "prcc/cross-clothes-single-shot"): _of("rank-1 rank-10", (51.3, 86.5), (45.6, 83.0)),
    ("ltcc", "cloth-changing"): _of("rank-1 mAP", (31.2, 14.8), (25.0, 9.7)),
    ("vcclothes", "vcclothes/cloth-changing"): _of(
        "rank-1 mAP",
        (79.9, 81.2),
        (73.6, 71.5),
        "The paper names cameras 3 and 4 but not which of them the queries are from.",
    ),
    ("fgpr", "fgpr/all"): _of("rank-1 rank-5", (88.0, 95.0), (84.6, 93.2)),
    ("fgpr", "fgpr/blue"): _of("rank-1 rank-5", (88.3, 96.0), (85.8, 93.8)),
    ("fgpr", "fgpr/white"): _of("rank-1 rank-5", (88.9, 95.9), (86.0, 94.2)),
    ("market1501", "standard"): _of("rank-1 mAP", (95.0, 87.3), (94.7, 84.8)),
    ("dukemtmc", "standard"): _of("rank-1 mAP", (88.2, 76.1), (86.8, 74.0)),
}
"""By dataset, as `prepare` names it, and protocol. The paper re-ranks nothing and queries with single pictures."""


def find_published(dataset: str, protocol: str, unlike: object, refined: bool) -> Published | None:
    """The paper's figures that a result may stand next to; None where protocol, dataset or ranking differ.

    Args:
        unlike: differences from the published dataset; anything true means that it is another.
        refined: whether the ranking was re-ranked or its queries expanded.
    """
    return None if unlike or refined else PUBLISHED.get((dataset, protocol))


def published_for(result: Result) -> Published | None:
    """The same for a result of `evaluate`."""
    ranking = result.ranking
    refined = ranking.rerank or bool(ranking.expand)
    return find_published(result.dataset, result.trial.protocol.name, result.differences, refined)
