"""Numbers out of a checkpoint's metrics.json: shares, intervals, curves."""

import re
from collections.abc import Iterable


def value_of(scores: dict, metric: str) -> float | None:
    """A share from 0 to 1: metrics.json has it bare, or with its interval."""
    figure = scores.get(metric) if isinstance(scores, dict) else None
    if isinstance(figure, dict):
        figure = figure.get("value")
    return float(figure) if isinstance(figure, int | float) else None


def metrics_of(rows: Iterable[dict]) -> list[str]:
    """rank-1, rank-5, …, mAP, mINP: as far as any row has them."""
    names = {name for scores in rows for name in scores if value_of(scores, name) is not None}
    ranks = sorted(
        (name for name in names if re.fullmatch(r"rank-\d+", name)), key=lambda name: int(name[5:])
    )
    return ranks + [name for name in ("mAP", "mINP") if name in names]


def cell(scores: dict, metric: str) -> str:
    value, figure = value_of(scores, metric), scores.get(metric)
    if value is None:
        return ""
    interval = figure.get("interval") if isinstance(figure, dict) else None
    return f"{100 * value:.1f}" + (
        f" ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})" if interval else ""
    )


def cmc_of(scores: dict) -> tuple[tuple[float, float], ...]:
    """(k, share) from a whole curve under "cmc" (a list from k = 1 on), or else from rank-1, rank-5, …"""
    curve = scores.get("cmc")
    if isinstance(curve, list) and curve:
        return tuple((k, float(share)) for k, share in enumerate(curve, 1))
    return tuple(
        (int(name[5:]), value_of(scores, name)) for name in metrics_of([scores]) if name.startswith("rank-")
    )


def sizes_of(by_size: dict) -> tuple[tuple[float, float], ...]:
    """(people, rank-1) from {"50 people": {"rank-1": …}, …}."""
    return tuple(
        (int(size.split()[0]), value)
        for size, scores in by_size.items()
        if size.split()[0].isdigit() and (value := value_of(scores, "rank-1")) is not None
    )
