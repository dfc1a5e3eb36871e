"""The files next to a model's weights: metrics, model card, ablation and pictures."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from threedsl.ui.evidence.metrics import cell
from threedsl.ui.evidence.model_card import sections

PICTURES = {
    "bodies.jpg": "Predicted bodies over pictures of the test set: best, median and worst by keypoint error.",
    "openpeople.jpg": "Outdoor photos of photoreal people, and the predicted bodies over them.",
    "failures.jpg": "The best, median and worst searches by both streams: the query, then the gallery as ranked.",
    "cmc.png": "CMC curves.",
}
MOST_BYTES = 32 * 2**20  # of one file


@dataclass(frozen=True)
class Evidence:
    """What a checkpoint's folder says of the model; what is missing is empty."""

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
    """What a checkpoint's folder contains; a damaged or missing file is left out."""
    if folder is None:
        return Evidence("a model without files")
    metrics, ablation = _json(folder, "metrics.json"), _json(folder, "ablation.json")
    return Evidence(
        folder.resolve().name,
        metrics if isinstance(metrics, dict) else {},
        sections(_text(folder, "README.md")),
        _text(folder, "ablation.md").strip() or ablation_table(ablation),
        _numbers(ablation.get("trained") if isinstance(ablation, dict) else None),
        size_of(_json(folder, "config.json")),
        tuple((folder / name, words) for name, words in PICTURES.items() if _is_picture(folder, name)),
    )


def _is_own(folder: Path, name: str) -> bool:
    """Whether this is a file of the checkpoint and no link to another one of this machine, which would be shown to
    everybody. In the Hub's cache, files are links to those in blobs/, next to snapshots/."""
    real, home = (folder / name).resolve(), folder.resolve()
    own = real.is_relative_to(home) or (
        home.parent.name == "snapshots" and real.parent == home.parent.parent / "blobs"
    )
    return own and real.is_file() and real.stat().st_size <= MOST_BYTES


def _is_picture(folder: Path, name: str) -> bool:
    try:
        if not _is_own(folder, name):
            return False
        with Image.open(folder / name, formats=("JPEG", "PNG")):
            return True
    except (OSError, ValueError, SyntaxError, RuntimeError, Image.DecompressionBombError):
        return False


def _text(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8") if _is_own(folder, name) else ""
    except (OSError, RuntimeError, UnicodeDecodeError):  # RuntimeError: a link to itself, before Python 3.13
        return ""


def _json(folder: Path, name: str) -> object:
    try:
        return json.loads(_text(folder, name))
    except (ValueError, RecursionError):
        return None


def _numbers(found: object) -> dict[str, int]:
    items = found.items() if isinstance(found, dict) else ()
    return {name: value for name, value in items if isinstance(value, int)}


def size_of(config: object) -> tuple[int, int] | None:
    """(height, width) in pixels of the pictures that a network reads, from its config.json."""
    found = _numbers(config)
    return (found["height"], found["width"]) if {"height", "width"} <= found.keys() else None


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
