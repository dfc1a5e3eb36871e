"""Evaluation results as a table for people and as JSON, every number beside the name of its protocol."""

from __future__ import annotations

from collections.abc import Sequence

from threedsl.evaluation.figures import METRICS, Figure
from threedsl.evaluation.results import Result


def as_json(result: Result, model: dict) -> list[dict]:
    """One plain object a stream; shares from 0 to 1.

    model: fields that say what was evaluated.
    """
    protocol, trial = result.trial.protocol, result.trial
    shared = {
        "folder": result.folder,
        "dataset": result.dataset or None,
        "protocol": protocol.name,
        "summary": protocol.summary,
        "source": protocol.source,
        **model,
        "rerank": result.ranking.rerank,
        "expand": result.ranking.expand,
        "queries": len(result.any.first.query),
        "queries without a match": len(trial.query) - len(result.any.first.query),
        "gallery": len(trial.draws[0]),
        "people": result.any.people,
        "draws": len(trial.draws),
    }
    return [
        shared
        | {"stream": stream}
        | {name: _figure_as_json(figures.figures[name]) for name in METRICS}
        | {"chance": figures.chance}
        for stream, figures in result.streams.items()
    ]


def _figure_as_json(figure: Figure) -> dict:
    fields = {"value": figure.value, "interval": list(figure.interval)}
    return fields if figure.spread is None else fields | {"spread": figure.spread}


def as_text(results: Sequence[Result], model: str) -> str:
    """A table with a row for every folder, protocol and metric and a column for every stream, in percent, and below
    it what every protocol ranks.

    model: what was evaluated, in words.
    """
    streams = list(dict.fromkeys(stream for result in results for stream in result.streams))
    folders = list(dict.fromkeys(result.folder for result in results))
    rows = [[*(["data"] if len(folders) > 1 else []), "percent", *streams, "chance"]]
    for result in results:
        for metric in METRICS:
            cells = [
                cell(result.streams[stream].figures[metric]) if stream in result.streams else "-"
                for stream in streams
            ]
            row = [f"{result.name} {metric}", *cells, f"{100 * result.any.chance[metric]:.1f}"]
            rows.append([result.folder, *row] if len(folders) > 1 else row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    for number in range(len(results)):
        lines.insert(1 + number * (len(METRICS) + 1), "  ".join("-" * width for width in widths))
    notes = [_note(result, len(folders) > 1) for result in results]
    drawn = " ± is the standard deviation over the draws." if any("±" in line for line in lines) else ""
    how = f"(low to high) is the 95 % interval from resampling people.{drawn} chance is a random order of the gallery."
    return "\n".join([model, "", *lines, "", *notes, how])


def cell(figure: Figure) -> str:
    """In percent: "19.4 (14.3 to 24.7)", or "54.2 ± 1.1 (50.1 to 58.3)" over several draws."""
    low, high = figure.interval
    spread = "" if figure.spread is None else f" ± {100 * figure.spread:.1f}"
    return f"{100 * figure.value:.1f}{spread} ({100 * low:.1f} to {100 * high:.1f})"


def _note(result: Result, name_folder: bool) -> str:
    trial, scored = result.trial, len(result.any.first.query)
    where = f"{result.folder}, " if name_folder else ""
    left_out = len(trial.query) - scored
    without = f" ({left_out:,} more have no true match)" if left_out else ""
    draws = f" in each of {len(trial.draws)} draws" if len(trial.draws) > 1 else ""
    return "\n  ".join(
        [
            f"{where}{result.name}: {scored:,} queries of {result.any.people:,} people{without}, "
            f"{len(trial.draws[0]):,} gallery pictures{draws}",
            trial.protocol.summary,
            f"source: {trial.protocol.source}",
        ]
    )
