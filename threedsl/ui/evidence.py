"""What was measured of the model on the page, read from the files beside its weights."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

PICTURES = {
    "bodies.jpg": "Predicted bodies over pictures of the test set: best, median and worst by keypoint error.",
    "openpeople.jpg": "Outdoor photos of photoreal people, and the predicted bodies over them.",
    "failures.jpg": "The best, median and worst searches by both streams: the query, then the gallery as ranked.",
    "cmc.png": "CMC curves.",
}


@dataclass(frozen=True)
class Evidence:
    """The papers of a checkpoint as far as they are there."""

    name: str
    metrics: dict = field(default_factory=dict)  # metrics.json of `python -m train measure`
    card: dict[str, str] = field(default_factory=dict)  # README.md: heading -> Markdown below it
    ablation: str = ""  # Markdown
    trained: dict = field(
        default_factory=dict
    )  # ablation.json: height, width and steps of its trainings, where known
    size: tuple[int, int] | None = None  # config.json: height, width in pixels of what the model reads
    pictures: tuple[tuple[Path, str], ...] = ()  # (file, what it shows)


def read_evidence(folder: Path | None) -> Evidence:
    """What lies in a checkpoint's folder; a damaged or missing file is left out."""
    if folder is None:
        return Evidence("a model without files")
    metrics, ablation = _json(folder / "metrics.json"), _json(folder / "ablation.json")
    return Evidence(
        folder.resolve().name,
        metrics if isinstance(metrics, dict) else {},
        sections(_text(folder / "README.md")),
        _text(folder / "ablation.md").strip() or ablation_table(ablation),
        _numbers(ablation.get("trained") if isinstance(ablation, dict) else None),
        size_of(_json(folder / "config.json")),
        tuple((folder / name, words) for name, words in PICTURES.items() if (folder / name).is_file()),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _json(path: Path) -> object:
    try:
        return json.loads(_text(path))
    except ValueError:
        return None


def _numbers(found: object) -> dict[str, int]:
    items = found.items() if isinstance(found, dict) else ()
    return {name: value for name, value in items if isinstance(value, int)}


def size_of(config: object) -> tuple[int, int] | None:
    """(height, width) in pixels of the pictures that a network reads, from its config.json."""
    found = _numbers(config)
    return (found["height"], found["width"]) if {"height", "width"} <= found.keys() else None


def sections(card: str) -> dict[str, str]:
    """A model card's Markdown by heading, without front matter; pictures are taken out, as they are shown apart."""
    body = re.sub(r"\A---\n.*?\n---\n", "", card, flags=re.DOTALL)
    parts = re.split(r"^## +(.+)$", body, flags=re.MULTILINE)
    texts = [re.sub(r"!\[[^\]]*\]\([^)]*\)\n*", "", part).strip() for part in parts[2::2]]
    return dict(zip((title.strip() for title in parts[1::2]), texts, strict=True))


def ablation_table(figures: object) -> str:
    """Markdown of `python -m train compare`'s JSON: a row a training and stream; "" where it is none."""
    trainings = figures.get("trainings") if isinstance(figures, dict) else None
    if not isinstance(trainings, dict):
        return ""
    lines = ["| cloth-changing, percent | stream | rank-1 | mAP | seeds |", "| --- | --- | --- | --- | --- |"]
    for name, streams in trainings.items():
        for stream, row in streams.items():
            cells = [cell(row, metric) for metric in ("rank-1", "mAP")]
            lines.append(f"| {name} | {stream} | {' | '.join(cells)} | {row.get('seeds', '')} |")
    return "\n".join(lines)


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
