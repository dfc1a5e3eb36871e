"""What was measured of the model, as HTML: every figure under its protocol, nothing written down here."""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from threedsl.calibration import Calibration
from threedsl.evaluation.protocols import PROTOCOLS
from threedsl.ui.evidence.chart import Line, line_chart
from threedsl.ui.evidence.checkpoint_files import Evidence
from threedsl.ui.evidence.metrics import cell, cmc_of, metrics_of, sizes_of, value_of
from threedsl.ui.evidence.tables import NAMES, table

FALSE_MATCHES = (0.1, 0.01, 0.001)  # shares of the pairs of two people
CROWD = re.compile(r"(.+), (\d+) pictures? a person")  # the protocol whose figures are by number of people


def headline(evidence: Evidence) -> str:
    """One paragraph of HTML: the first protocol's rank-1 in words, or that nothing was measured."""
    retrieval = evidence.metrics.get("retrieval")
    if not retrieval:
        return (
            f"<p>No metrics found for {escape(evidence.name)}; <code>python -m train measure</code> writes "
            "them.</p>"
        )
    protocol, streams = next(iter(retrieval.items()))
    shares = ", ".join(
        f"<b>{100 * value:.1f} %</b> by {escape(NAMES.get(stream, stream))}"
        for stream, scores in streams.items()
        if (value := value_of(scores, "rank-1")) is not None
    )
    chance = value_of(evidence.metrics.get("chance", {}).get(protocol, {}), "rank-1")
    by_chance = "" if chance is None else f", {100 * chance:.1f} % by chance"
    where = f"protocol {escape(protocol)}, {test_set(evidence)}"
    return f"<p>The first match is correct in {shares}{by_chance}: {where}.</p>"


def test_set(evidence: Evidence) -> str:
    """How many pictures of how many people were searched, in words."""
    data = evidence.metrics.get("data", {})
    parts = [
        f"{data[name]:,} {words}"
        for name, words in (
            ("query pictures", "queries"),
            ("gallery pictures", "gallery pictures"),
            ("people", "people"),
        )
        if isinstance(data.get(name), int)
    ]
    if not parts:
        return "on the model card's test set"
    made = "synthetic people never trained on" if data.get("made by") else "the test set"
    return (
        f"{' against '.join(parts[:2])} of {parts[-1]} ({made})"
        if len(parts) == 3
        else f"{made}: {', '.join(parts)}"
    )


def tables(evidence: Evidence) -> dict[str, str]:
    """Protocol -> HTML table: a row a stream, baseline, gain and chance; percent with 95 % intervals."""
    metrics = evidence.metrics
    found = {}
    for protocol, streams in metrics.get("retrieval", {}).items():
        rows = {NAMES.get(stream, stream): scores for stream, scores in streams.items()}
        for name, part in (
            ("baseline", "baseline"),
            ("gain", "combined minus baseline"),
            ("chance", "chance"),
        ):
            if scores := metrics.get(part, {}).get(protocol):
                rows[NAMES[name]] = scores
        found[protocol] = table(
            f"Protocol {protocol}, percent; in brackets 95 % intervals from resampling people. {explained(protocol)}",
            metrics_of(rows.values()),
            {
                name: [cell(scores, metric) for metric in metrics_of(rows.values())]
                for name, scores in rows.items()
            },
        )
    return found


def explained(protocol: str) -> str:
    """What a protocol ranks and removes, where it is one of threedsl.evaluation's."""
    for known in PROTOCOLS:
        if known.name == protocol:
            return f"{known.summary[0].upper()}{known.summary[1:]}."
    return ""


def measured(evidence: Evidence) -> str:
    """HTML: for every protocol its CMC curve, and below it its table."""
    shown = tables(evidence)
    return side_by_side(
        [
            f"<div>{cmc_chart(evidence, protocol)}{folded(f'Table, protocol {protocol}', html)}</div>"
            for protocol, html in shown.items()
        ]
    )


def folded(title: str, html: str) -> str:
    """HTML that opens with a click on its title; "" where there is none."""
    return f"<details><summary>{escape(title)}</summary>{html}</details>" if html else ""


def side_by_side(parts: Sequence[str]) -> str:
    """HTML parts next to each other, or below each other where there is no room."""
    return f'<div class="side-by-side">{"".join(parts)}</div>'


def cmc_chart(evidence: Evidence, protocol: str) -> str:
    """The share of queries with a correct match in the top k, at every k that was measured; "" where none was."""
    rows = evidence.metrics["retrieval"][protocol] | {
        "chance": evidence.metrics.get("chance", {}).get(protocol, {})
    }
    lines = [
        Line(NAMES.get(name, name), name, points) for name, row in rows.items() if (points := cmc_of(row))
    ]
    return line_chart(f"CMC, protocol {protocol}", "a correct match in the top k", lines) if lines else ""


def size_charts(evidence: Evidence) -> list[str]:
    """Rank-1 against the number of people in the gallery, dressed as they like and, where measured, all alike."""
    charts = []
    for kind, figures in (
        ("", evidence.metrics),
        (", everyone in the same outfits", evidence.metrics.get("fine-grained", {})),
    ):
        for protocol, streams in figures.items():
            if not CROWD.fullmatch(protocol) or not isinstance(streams, dict):
                continue
            lines = [
                Line(NAMES.get(name, name), name, points)
                for name, row in streams.items()
                if (points := sizes_of(row))
            ]
            if lines:
                title = f"Rank-1 by size of the gallery{kind}; protocol {protocol}"
                charts.append(line_chart(title, "people in the gallery", lines))
    return charts


def why_other_figures(evidence: Evidence) -> str:
    """HTML: why the ablation's figures are not those above it."""
    made, size = evidence.trained, evidence.size
    how = [f"{made['steps']:,} steps" if "steps" in made else ""]
    if {"height", "width"} <= made.keys():
        own = f" instead of {size[0]} x {size[1]}" if size and size != (made["height"], made["width"]) else ""
        how.append(f"pictures of {made['height']} x {made['width']} pixels{own}")
    with_what = " on ".join(filter(None, how))
    return (
        f"<p>Trained only to be compared with each other{f', {with_what}' if with_what else ''}: "
        "these figures are not those of the model above. Steps that leave a stream unchanged are left out.</p>"
    )


def trained_on(evidence: Evidence) -> str:
    """A sentence of HTML about the training set, from metrics.json; "" where that does not say."""
    data = evidence.metrics.get("trained on", {})
    if not data.get("people"):
        return ""
    kind = "synthetic people" if all([data.get("made by"), *data.get("and by", [])]) else "people"
    return f"<p>{data.get('pictures', 0):,} pictures of {data['people']:,} {kind}.</p>"


def score_table(evidence: Evidence, calibration: Calibration | None) -> str:
    """HTML: above which score a given share of the pairs of two people lies, and the share of true pairs there."""
    if calibration is None:
        return ""
    columns = [f"{100 * rate:g} % false matches" for rate in FALSE_MATCHES]
    rows = {}
    for stream, curve in calibration.curves.items():
        cells = []
        for rate in FALSE_MATCHES:
            above = np.flatnonzero(curve.false_match_rate <= rate)
            if not len(above):
                cells.append("none measured")
                continue
            first = above[0]
            cells.append(f"score {curve.score[first]:.2f}, finds {100 * curve.true_match_rate[first]:.1f} %")
        rows[NAMES.get(stream, stream)] = cells
    title = f"Scores of pairs, protocol {calibration.protocol}. {calibration.limits}"
    return table(title, columns, rows)


def picture(path: Path, words: str, address: str) -> str:
    """HTML of a picture that takes its place before it is loaded; `address` is where the page serves it."""
    with Image.open(path) as opened:
        width, height = opened.size
    return (
        f'<figure class="evidence-picture"><img src="{escape(address)}" alt="{escape(words)}" width="{width}" '
        f'height="{height}" loading="lazy"><figcaption>{escape(words)}</figcaption></figure>'
    )
