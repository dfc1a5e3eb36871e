"""Evaluation results as text tables and as JSON, every number with the name of its protocol."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from threedsl.evaluation.figures import METRICS, Estimate
from threedsl.evaluation.results import Result, counted
from threedsl.evaluation.tables.plain import paper_cells, source
from threedsl.evaluation.tables.published import SOURCE, published_for

WIDTH = 100  # columns of the terminal
WITH_INTERVAL = ("rank-1", "mAP")  # in the table, where more would not fit


def as_json(result: Result, model: dict) -> list[dict]:
    """One plain object per stream; shares from 0 to 1.

    model: fields that say what was evaluated.
    """
    protocol, trial = result.trial.protocol, result.trial
    paper = published_for(result)
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
        "differences": result.differences,
        "draws": len(trial.draws),
        "paper": paper and {"source": SOURCE, "note": paper.note, **paper.rows},
    }
    return [
        shared
        | {"stream": stream}
        | {name: _figure_as_json(figures.figures[name]) for name in METRICS}
        | {"chance": figures.chance}
        for stream, figures in result.streams.items()
    ]


def _figure_as_json(figure: Estimate) -> dict:
    fields = {"value": figure.value, "interval": list(figure.interval)}
    return fields if figure.spread is None else fields | {"spread": figure.spread}


def as_text(results: Sequence[Result], model: str) -> str:
    """For every folder and protocol a heading and a table in percent, with a row per stream and one for chance; below
    them what every protocol ranks.

    model: what was evaluated, in words.
    """
    several = len({result.folder for result in results}) > 1
    # One width for all tables, so that protocols can be compared down a column.
    tables = [_rows(result) for result in results]
    widths = [max(len(row[column]) for rows in tables for row in rows) for column in range(1 + len(METRICS))]
    lines = [model]
    for result, rows in zip(results, tables, strict=True):
        lines += ["", _wrapped(_heading(result, several))]
        lines += [
            "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
    lines.append("")
    drawn = " ± is the standard deviation over the draws." if any("±" in line for line in lines) else ""
    lines.append(
        _wrapped(
            f"Percent; (low–high) is the 95 % interval from resampling people.{drawn} chance is a random order of the "
            "gallery. --json gives intervals for every figure."
        )
    )
    unlike = {result.folder: result.differences for result in results if result.differences}
    for folder, sentences in unlike.items():
        where = f"{folder}: " if several else ""
        lines.append(
            f"{where}{counted(len(sentences), 'difference', 'differences')} from the published sizes "
            f"({'; '.join(sentences)}): results cannot be compared with papers."
        )
    notes = {result.name: result.trial.protocol for result in results}
    for name, protocol in notes.items():
        lines += ["", _wrapped(f"{name}: {protocol.summary}"), _wrapped(f"  source: {protocol.source}")]
    papers = dict.fromkeys(source(paper) for result in results if (paper := published_for(result)))
    lines += [line for words in papers for line in ("", _wrapped(words))]
    return "\n".join(lines)


def _rows(result: Result) -> list[list[str]]:
    """Words of a table: its head, a row a stream, the paper's where they may be compared, chance."""
    rows = [["stream", *METRICS]]
    for stream, found in result.streams.items():
        rows.append([stream, *(cell(found.figures[name], name in WITH_INTERVAL) for name in METRICS)])
    if paper := published_for(result):
        rows += [[name, *paper_cells(shares)] for name, shares in paper.rows.items()]
    return [*rows, ["chance", *(f"{100 * result.any.chance[name]:.1f}" for name in METRICS)]]


def cell(figure: Estimate, interval: bool = True) -> str:
    """In percent: "19.4 (14.3–24.7)", or "54.2 ± 1.1 (50.1–58.3)" over several draws, or without interval "19.4"."""
    value = f"{100 * figure.value:.1f}"
    if not interval:
        return value
    low, high = figure.interval
    spread = "" if figure.spread is None else f" ± {100 * figure.spread:.1f}"
    return f"{value}{spread} ({100 * low:.1f}–{100 * high:.1f})"


def _heading(result: Result, name_folder: bool) -> str:
    trial, scored = result.trial, len(result.any.first.query)
    where = f"{result.folder}, " if name_folder else ""
    left_out = len(trial.query) - scored
    has = "has" if left_out == 1 else "have"
    without = f" ({left_out:,} more {has} no true match)" if left_out else ""
    draws = f" in each of {len(trial.draws)} draws" if len(trial.draws) > 1 else ""
    return (
        f"{where}{result.name}: {counted(scored, 'query', 'queries')} of "
        f"{counted(result.any.people, 'person', 'people')}{without}, "
        f"{counted(len(trial.draws[0]), 'gallery picture', 'gallery pictures')}{draws}"
    )


def _wrapped(words: str) -> str:
    return textwrap.fill(
        words, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
