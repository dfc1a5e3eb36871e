"""CMC curves, one panel per dataset and protocol."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from threedsl.evaluation.drawing import GRID, INK, PALE, Canvas, text_width
from threedsl.evaluation.figures import CURVE, CUTS, Figures
from threedsl.evaluation.results import Result, counted, short_names

# Colours distinguishable for colour-blind readers (Okabe and Ito), each with a mark for print in grey.
COLOURS = {"appearance": "#d55e00", "shape": "#009e73", "combined": "#0072b2"}
CHANCE = "#8a8a8a"
PANEL = (460, 330)  # pixels of the axes
LEFT, RIGHT, TOP, BOTTOM = 76, 28, 84, 66  # pixels around them
LEGEND_LINE = 27
COLUMNS = 3
HEADING = 80
TEXT, SMALL = 19, 16
EXPLAINED = "percent of queries with a correct match in the top k; bars: 95 % intervals"


def write_cmc(results: Sequence[Result], path: Path, title: str) -> None:
    """Draw the share of queries with a true match among the first 1, 2, … CURVE pictures.

    Bars at the ranks of the table are its 95 % intervals; the dashed line is a random order of the gallery.
    """
    columns = min(COLUMNS, len(results))
    lines = 2 + max(len(result.streams) for result in results)
    width, height = LEFT + PANEL[0] + RIGHT, TOP + PANEL[1] + BOTTOM + lines * LEGEND_LINE + 24
    rows = -(-len(results) // columns)
    canvas = Canvas(columns * width, HEADING + rows * height)
    _fitting(canvas, (LEFT, 42), title, 25, columns * width - LEFT - RIGHT)
    _fitting(canvas, (LEFT, 68), EXPLAINED, SMALL, columns * width - LEFT - RIGHT, PALE)
    names = short_names(results)
    for number, result in enumerate(results):
        origin = (number % columns * width + LEFT, HEADING + number // columns * height + TOP)
        _panel(canvas, origin, result, names[result.folder])
    canvas.save(path)


def _panel(canvas: Canvas, origin: tuple[float, float], result: Result, folder: str) -> None:
    x, y = origin
    _fitting(canvas, (x, y - 52), result.name, 22, PANEL[0])
    counts = f"{folder}: {_counts(result)}" if folder else _counts(result)
    _fitting(canvas, (x, y - 24), counts, SMALL, PANEL[0], PALE)
    for share in range(0, 101, 20):
        at = y + PANEL[1] * (1 - share / 100)
        canvas.line([(x, at), (x + PANEL[0], at)], GRID, 1)
        canvas.text((x - 10, at), f"{share} %" if share == 100 else str(share), SMALL, PALE, "rm")
    for rank in CUTS:
        canvas.line([(_across(x, rank), y + PANEL[1]), (_across(x, rank), y + PANEL[1] + 6)], PALE, 1.5)
        canvas.text((_across(x, rank), y + PANEL[1] + 22), str(rank), SMALL, PALE, "mm")
    canvas.line([(x, y), (x, y + PANEL[1]), (x + PANEL[0], y + PANEL[1])], PALE, 1.5)
    canvas.text((x + PANEL[0] / 2, y + PANEL[1] + 46), "rank k", SMALL, PALE, "mm")

    chance = [(_across(x, k), _up(y, result.any.chance_cmc[k - 1])) for k in range(1, CURVE + 1)]
    canvas.line(chance, CHANCE, 2, dash=7)
    for number, (stream, figures) in enumerate(result.streams.items()):
        _curve(canvas, origin, stream, figures, 5 * (number - (len(result.streams) - 1) / 2))
    _legend(canvas, (x, y + PANEL[1] + BOTTOM + 8), result)


def _legend(canvas: Canvas, corner: tuple[float, float], result: Result) -> None:
    """One line per stream, with its figures in columns."""
    x, at = corner
    columns = {"rank-1": x + 250, "mAP": x + 340}
    for metric, right in columns.items():
        canvas.text((right, at), metric, SMALL, PALE, "rm")
    rows = {stream: (COLOURS[stream], INK) for stream in result.streams} | {"chance": (CHANCE, PALE)}
    for name, (colour, ink) in rows.items():
        at += LEGEND_LINE
        known = name in result.streams
        canvas.line([(x, at), (x + 40, at)], colour, 3 if known else 2, dash=0 if known else 7)
        if known:
            _mark(canvas, (x + 20, at), name)
        canvas.text((x + 54, at), name, TEXT, ink, "lm")
        for metric, right in columns.items():
            share = result.streams[name].figures[metric].value if known else result.any.chance[metric]
            canvas.text((right, at), f"{100 * share:.1f}", TEXT, ink, "rm")


def _fitting(
    canvas: Canvas, place: tuple[float, float], words: str, size: float, width: float, colour: str = INK
) -> None:
    """Words on a line at y, shrunk to fit `width`."""
    canvas.text(place, words, min(size, size * width / text_width(words, size)), colour, "ls")


def _curve(canvas: Canvas, origin: tuple[float, float], stream: str, figures: Figures, aside: float) -> None:
    """A stream's curve; its bars are offset by `aside` so that those of several streams do not overlap."""
    x, y = origin
    curve = [(_across(x, k), _up(y, figures.cmc[k - 1])) for k in range(1, CURVE + 1)]
    canvas.line(curve, COLOURS[stream], 3)
    for k in CUTS:
        at = _across(x, k) + aside
        low, high = (_up(y, share) for share in figures.figures[f"rank-{k}"].interval)
        canvas.line([(at, low), (at, high)], COLOURS[stream], 1.5)
        _mark(canvas, (_across(x, k), _up(y, figures.cmc[k - 1])), stream)


def _mark(canvas: Canvas, place: tuple[float, float], stream: str) -> None:
    x, y = place
    if stream == "appearance":
        canvas.box((x - 4.5, y - 4.5), (9, 9), COLOURS[stream])
    elif stream == "shape":
        canvas.polygon([(x - 6, y + 4.5), (x + 6, y + 4.5), (x, y - 6)], COLOURS[stream])
    else:
        canvas.disc(place, 5, COLOURS[stream])


def _across(x: float, rank: int) -> float:
    return x + PANEL[0] * (0.03 + 0.94 * (rank - 1) / (CURVE - 1))


def _up(y: float, share: float) -> float:
    return y + PANEL[1] * (1 - share)


def _counts(result: Result) -> str:
    draws = f" in each of {len(result.trial.draws)} draws" if len(result.trial.draws) > 1 else ""
    return (
        f"{counted(len(result.any.first.query), 'query', 'queries')} of "
        f"{counted(result.any.people, 'person', 'people')}, "
        f"{len(result.trial.draws[0]):,} gallery pictures{draws}"
    )
