"""Rows of results as text tables in percent."""

from __future__ import annotations

from collections.abc import Sequence

from threedsl.evaluation.figures import METRICS
from threedsl.evaluation.results import counted
from threedsl.evaluation.tables.published import SOURCE, Published
from threedsl.evaluation.tables.runs import Mean, Row

NOTHING = "-"


def as_plain(rows: Sequence[Row]) -> str:
    """A table for every dataset and protocol, a row for every training and stream."""
    lines: list[str] = []
    for block in dict.fromkeys(row.block for row in rows):
        own = [row for row in rows if row.block == block]
        facts, cells = own[0].facts, [["training", "stream", "seeds", *METRICS]]
        for row in own:
            cells.append(
                [row.training, row.stream, str(row.seeds), *(_cell(row.figures[name]) for name in METRICS)]
            )
        if paper := own[0].published:
            cells += [[name, "", "", *paper_cells(shares)] for name, shares in paper.rows.items()]
        lines += [
            f"{block[0]}, {block[1]}: {counted(facts['queries'], 'query', 'queries')} of "
            f"{counted(facts['people'], 'person', 'people')}, "
            f"{counted(facts['gallery'], 'gallery picture', 'gallery pictures')}",
            *columns(cells),
            *([source(paper)] if paper else []),
            "",
        ]
    deviating = " ± is the standard deviation over seeds." if any(row.seeds > 1 for row in rows) else ""
    single = (
        " (low–high) is the 95 % interval from resampling people."
        if any(row.seeds == 1 for row in rows)
        else ""
    )
    return "\n".join([*lines, f"Percent, means over seeds.{deviating}{single}"])


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines whose cells stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(w.ljust(n) for w, n in zip(row, widths, strict=True)).rstrip() for row in rows]


def paper_cells(shares: dict[str, float]) -> list[str]:
    """Those of METRICS that the paper prints, in percent."""
    return [f"{100 * shares[name]:.1f}" if name in shares else NOTHING for name in METRICS]


def source(paper: Published) -> str:
    """Where the paper's rows come from, and what they leave open."""
    return f"paper: {SOURCE}, as printed.{' ' if paper.note else ''}{paper.note}"


def _cell(figure: Mean) -> str:
    text = f"{100 * figure.value:.1f}"
    if figure.deviation is not None:
        return f"{text} ± {100 * figure.deviation:.1f}"
    if figure.interval is None:
        return text
    low, high = figure.interval
    return f"{text} ({100 * low:.1f}–{100 * high:.1f})"
