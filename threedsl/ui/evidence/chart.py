"""Line charts as SVG inside the page: nothing to load, right in light and dark, with words for screen readers."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 420, 250  # units of the drawing, which is as wide as its place
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 12, 44
# A mark does not hide another one at the same place: a square, a triangle in it, a ring around both.
MARKS = {
    "appearance": '<rect x="-5" y="-5" width="10" height="10"/>',
    "shape": '<path d="M-3.5 2.5 L3.5 2.5 L0 -4 Z"/>',
    "combined": '<circle class="ring" r="6.5"/>',
}
DISC = '<circle r="3.5"/>'


@dataclass(frozen=True)
class Line:
    """One curve: its name in words, its style (a stream, or "chance") and points (x, share from 0 to 1)."""

    name: str
    style: str
    points: tuple[tuple[float, float], ...]


def line_chart(title: str, across: str, lines: Sequence[Line]) -> str:
    """HTML figure of shares in percent over numbers; every number that occurs is placed at an equal distance.

    title: what is shown, with its protocol. across: what the numbers are.
    """
    marks = sorted({x for line in lines for x, _ in line.points})
    drawn = "".join(_line(line, marks) for line in lines)
    words = "; ".join(
        f"{line.name}: " + ", ".join(f"{100 * share:.1f} % at {x:g}" for x, share in _few(line.points))
        for line in lines
    )
    legend = "".join(
        f'<li class="{escape(line.style)}"><svg viewBox="-8 -8 16 16" aria-hidden="true">{_mark(line.style)}</svg>'
        f"{escape(line.name)}</li>"
        for line in lines
    )
    return (
        f'<figure class="chart"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(f"{title}. {words}.")}">'
        f"{_axes(marks, across)}{drawn}</svg><ul>{legend}</ul></figure>"
    )


def _few(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    return points if len(points) <= 5 else [points[i] for i in (0, 4, 9, len(points) - 1) if i < len(points)]


def _axes(marks: Sequence[float], across: str) -> str:
    parts = []
    for percent in range(0, 101, 20):
        y = _up(percent / 100)
        label = f"{percent} %" if percent == 100 else str(percent)
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
        )
    every = -(-len(marks) // 10)
    for number, mark in enumerate(marks):
        if number == 0 or mark % every == 0 or number == len(marks) - 1:
            parts.append(
                f'<text x="{_along(mark, marks):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{mark:g}</text>'
            )
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(across)}</text>')
    return "".join(parts)


def _line(line: Line, marks: Sequence[float]) -> str:
    places = [(_along(x, marks), _up(share)) for x, share in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(
        f'<g transform="translate({x:.1f} {y:.1f})">{_mark(line.style)}</g>'
        for x, y in (places if len(places) <= 12 else [])
    )
    return f'<g class="{escape(line.style)}"><polyline points="{path}"/>{dots}</g>'


def _mark(style: str) -> str:
    return MARKS.get(style, DISC)


def _along(x: float, marks: Sequence[float]) -> float:
    share = marks.index(x) / (len(marks) - 1) if len(marks) > 1 else 0.5
    return LEFT + 12 + share * (WIDTH - LEFT - RIGHT - 24)


def _up(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
