r"""Rows of results as a LaTeX table with booktabs rules, to be \input into a paper."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from threedsl.evaluation.tables.published import SOURCE
from threedsl.evaluation.tables.runs import Mean, Row

METRICS = ("rank-1", "rank-5", "rank-10", "mAP")
ESCAPED = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def as_latex(rows: Sequence[Row]) -> str:
    """One tabular for every dataset and protocol, in percent, with the paper's rows where they may be compared.

    Means over seeds have their standard deviation after a plus-minus sign; the best mean of a column is bold.
    """
    ordered = sorted(rows, key=lambda row: list(dict.fromkeys(r.block for r in rows)).index(row.block))
    tables = [_table(list(block)) for _, block in groupby(ordered, key=lambda row: row.block)]
    return "\n".join(["% Needs \\usepackage{booktabs}.", *tables])


def _table(rows: list[Row]) -> str:
    first = rows[0]
    best = {name: max(round(100 * row.figures[name].value, 1) for row in rows) for name in METRICS}
    seeds = sorted({row.seeds for row in rows})
    facts = first.facts
    counts = f"{facts['queries']} queries of {facts['people']} people, {facts['gallery']} gallery pictures"
    drawn = f"; seeds: {', '.join(map(str, seeds))}" if seeds != [1] else ""
    lines = [
        _comment(f"{first.dataset}, protocol {first.protocol}: {counts}{drawn}"),
        r"\begin{tabular}{ll" + "r" * len(METRICS) + "}",
        r"\toprule",
        " & ".join(["training", "stream", *map(_heading, METRICS)]) + r" \\",
        r"\midrule",
    ]
    for row in rows:
        cells = [_cell(row.figures[name], best[name], len(rows) > 1) for name in METRICS]
        lines.append(" & ".join([escaped(row.training), escaped(row.stream), *cells]) + r" \\")
    if paper := first.published:
        lines += [r"\midrule", f"% {SOURCE}. {paper.note}".rstrip()]
        for name, shares in paper.rows.items():
            cells = [f"{100 * shares[one]:.1f}" if one in shares else "--" for one in METRICS]
            lines.append(" & ".join([escaped(name), "", *cells]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _comment(words: str) -> str:
    """One line; a name with a line end in it would otherwise go on as commands."""
    return f"% {' '.join(words.split())}"


def _heading(metric: str) -> str:
    return metric if metric == "mAP" else f"R{metric.removeprefix('rank-')}"


def _cell(figure: Mean, best: float, marks: bool) -> str:
    shown = f"{100 * figure.value:.1f}"
    text = rf"\textbf{{{shown}}}" if marks and float(shown) == best else shown
    return text if figure.deviation is None else rf"{text} $\pm$ {100 * figure.deviation:.1f}"


def escaped(words: str) -> str:
    """Words with LaTeX's special characters escaped."""
    return "".join(ESCAPED.get(letter, letter) for letter in words)
