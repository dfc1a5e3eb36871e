"""Pictures of ranked lists: a query and its first ten gallery pictures, framed green where correct."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threedsl.data.images import load_image
from threedsl.data.listfile import Record
from threedsl.evaluation.drawing import INK, PALE, Canvas, fitted, text_width
from threedsl.evaluation.figures import Figures
from threedsl.evaluation.metrics import REMOVALS
from threedsl.evaluation.results import Result, counted, short_names
from threedsl.evaluation.scoring import kept_gallery
from threedsl.evaluation.testset import Trial

SHOWN = 10  # gallery pictures per query
EACH = 2  # best, median and worst queries each
GREEN, RED = "#1a9850", "#d73027"
TILE = (96, 192)  # pixels; person crops are usually twice as tall as wide
GAP, WORDS, MARGIN = 14, 190, 24
BELOW = 7  # from a picture to the words under it
STEP = TILE[1] + 40  # from row to row
TEXT, SMALL, CAPTION = 18, 15, 17


def write_ranked_lists(results: Sequence[Result], path: Path, stream: str, title: str) -> list[Path]:
    """One picture for each result, in the order of one stream.

    Returns:
        the files: `path` for a single result, else `path` with the protocol in its name, and the folder if there are
            several.
    """
    written = ranked_list_files(results, path)
    for result, target in zip(results, written, strict=True):
        _draw(result, result.streams[stream], f"{title}, {stream}").save(target)
    return written


def ranked_list_files(results: Sequence[Result], path: Path) -> list[Path]:
    """What `write_ranked_lists` will write; the results need no figures yet."""
    if len(results) == 1:
        return [path]
    names = short_names(results)
    return [
        path.with_name(f"{path.stem}-{_slug(f'{names[result.folder]} {result.name}')}{path.suffix}")
        for result in results
    ]


def quality_order(trial: Trial, figures: Figures) -> list[int]:
    """Places in figures.first, the best average precision first; ties by the number of true matches, and then
    by the order of the list."""
    scores = figures.first
    matches = trial.matches[scores.query]
    return np.lexsort((np.arange(len(matches)), -matches, -scores.average_precision)).tolist()


def chosen_queries(trial: Trial, figures: Figures) -> dict[str, list[int]]:
    """Places in figures.first of the best, median and worst queries in their order; no person
    twice in a group, and no query in two groups."""
    order = quality_order(trial, figures)
    middle = (len(order) - 1) / 2
    candidates = {
        "best": range(len(order)),
        "worst": range(len(order) - 1, -1, -1),
        "median": sorted(range(len(order)), key=lambda number: (abs(number - middle), number)),
    }
    people = trial.query_labels.pids[figures.first.query]
    taken: set[int] = set()
    picked: dict[str, list[int]] = {}
    for name, numbers in candidates.items():
        group: dict[str, int] = {}
        for number in numbers:
            if len(group) < EACH and people[order[number]] not in group and number not in taken:
                group[people[order[number]]] = number
        taken.update(group.values())
        picked[name] = [order[number] for number in sorted(group.values())]
    return {name: picked[name] for name in ("best", "median", "worst")}


def nearest(trial: Trial, figures: Figures, query: int, count: int = SHOWN) -> NDArray[np.int64]:
    """Rows of a trial's gallery: the nearest to one query in the first draw, without what the protocol removes.

    Ties are ordered as the scores assume: true matches last.
    """
    rows = trial.draws[0]
    labels = trial.gallery_labels.take(rows)
    protocol = trial.protocol
    kept = np.flatnonzero(
        kept_gallery(trial.query_labels, query, labels, REMOVALS[protocol.removed], protocol.name)
    )
    same = labels.pids[kept] == trial.query_labels.pids[query]
    order = np.lexsort((same, np.asarray(figures.distances(query))[kept]))
    return rows[kept[order[:count]]]


def _draw(result: Result, figures: Figures, title: str) -> Canvas:
    trial, scores = result.trial, figures.first
    picked = [(name, place) for name, places in chosen_queries(trial, figures).items() for place in places]
    count = min(SHOWN, len(trial.draws[0]))
    width = MARGIN + WORDS + (count + 1) * (TILE[0] + GAP) + 2 * GAP + MARGIN
    draw = f"; draw 1 of {len(trial.draws)}" if len(trial.draws) > 1 else ""
    removes = trial.ranked[scores.query].min() < len(trial.draws[0])
    hidden = f" Pictures that {result.name} removes are not shown ({trial.protocol.summary})."
    legend = (
        f"{counted(len(scores.query), 'query', 'queries')} in the order of their average precision (AP): the {EACH} "
        f"best, the {EACH} nearest the median and the {EACH} worst, each of {EACH} different people{draw}. Green with "
        f"a tick: the query's person; red with a cross: someone else. c and o: camera and outfit, where known."
        f"{hidden if removes else ''}"
    )
    caption = fitted(legend, CAPTION, width - 2 * MARGIN)
    head = 62 + len(caption) * 24 + 40
    canvas = Canvas(width, head + len(picked) * STEP + MARGIN)
    canvas.text((MARGIN, 20), f"{title}: {result.name}", 25)
    for number, line in enumerate(caption):
        canvas.text((MARGIN, 62 + 24 * number), line, CAPTION, PALE)
    first = MARGIN + WORDS
    ranks = first + TILE[0] + 3 * GAP
    canvas.text((first + TILE[0] / 2, head - 12), "query", SMALL, PALE, "ms")
    for rank in range(count):
        canvas.text(
            (ranks + rank * (TILE[0] + GAP) + TILE[0] / 2, head - 12), str(rank + 1), SMALL, PALE, "ms"
        )
    for number, (name, place) in enumerate(picked):
        query, y = int(scores.query[place]), head + number * STEP
        if number and picked[number - 1][0] != name:
            canvas.line([(MARGIN, y - 12), (width - MARGIN, y - 12)], PALE, 1)
        _say(canvas, y, name, place, result, figures)
        canvas.picture((first, y), TILE, load_image(trial.query[query].path))
        _under(canvas, first, y, trial.query[query])
        for rank, row in enumerate(nearest(trial, figures, query, count)):
            right = trial.gallery_labels.pids[row] == trial.query_labels.pids[query]
            x = ranks + rank * (TILE[0] + GAP)
            _framed(canvas, (x, y), load_image(trial.gallery[row].path), right)
            _under(canvas, x, y, trial.gallery[row])
    return canvas


def _say(canvas: Canvas, y: float, name: str, place: int, result: Result, figures: Figures) -> None:
    """The text left of a row."""
    trial, scores = result.trial, figures.first
    query = int(scores.query[place])
    canvas.text((MARGIN, y + 4), name, 22)
    words = [
        f"no. {1 + quality_order(trial, figures).index(place):,} of {len(scores.query):,}",
        f"person {trial.query_labels.pids[query]}",
        f"AP {100 * scores.average_precision[place]:.1f} %",
        f"first match at {int(scores.first_rank[place]):,}",
        f"{counted(int(trial.matches[query]), 'match', 'matches')} in {int(trial.ranked[query]):,}",
    ]
    for number, line in enumerate(words):
        canvas.text((MARGIN, y + 40 + 26 * number), line, TEXT, PALE if number == 1 else INK)


def origin(record: Record) -> str:
    """ "c3 o2": camera and outfit, where the list has them."""
    return " ".join(mark + label for mark, label in (("c", record.camid), ("o", record.clothes)) if label)


def _under(canvas: Canvas, x: float, y: float, record: Record) -> None:
    """Camera and outfit below a picture, cut to its width."""
    words = origin(record)
    while text_width(words, SMALL) > TILE[0] + GAP - 4:
        words = words.rstrip("…")[:-1] + "…"
    canvas.text((x + TILE[0] / 2, y + TILE[1] + BELOW), words, SMALL, PALE, "ma")


def _framed(canvas: Canvas, corner: tuple[float, float], image: np.ndarray, right: bool) -> None:
    """A picture in its frame, with a badge that needs no colour."""
    x, y = corner
    colour, frame = (GREEN, 5) if right else (RED, 3)
    canvas.picture((x, y), TILE, image)
    canvas.box(
        (x - frame, y - frame), (TILE[0] + 2 * frame, TILE[1] + 2 * frame), outline=colour, width=frame
    )
    x, y = x + TILE[0] - 6, y + TILE[1] - 6
    canvas.disc((x, y), 12, colour)
    strokes = [[(-5, 0), (-1.5, 4), (5, -4)]] if right else [[(-4, -4), (4, 4)], [(-4, 4), (4, -4)]]
    for stroke in strokes:
        canvas.line([(x + dx, y + dy) for dx, dy in stroke], "#ffffff", 2.5)


def _slug(words: str) -> str:
    return re.sub(r"[^\w.]+", "-", words).strip("-.")
