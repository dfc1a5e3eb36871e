"""Progress: a bar on the terminal once something has taken two seconds; elsewhere a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[int, int], None]
"""Called with (pictures done, pictures in all)."""

DELAY = 2.0  # seconds before a bar appears


EVERY = 30.0  # seconds between two lines of a log


@contextmanager
def progress_bar(title: str, unit: str = "picture") -> Iterator[Report]:
    """Yield a Report that draws a bar on stderr; where that is no terminal but a log, it writes a line every 30 s."""
    if not sys.stderr.isatty():
        yield progress_lines(title, unit)
        return
    from tqdm import tqdm

    with tqdm(desc=title, unit=f" {unit}", delay=DELAY, leave=False, dynamic_ncols=True) as bar:

        def report(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield report


def progress_lines(title: str, unit: str) -> Report:
    """A Report that writes how many are done, how fast it goes and how long it will take, to stderr every 30 s."""
    start = last = time.monotonic()
    first: int | None = None  # done before the first report, as a resumed run has

    def report(done: int, total: int) -> None:
        nonlocal last, first
        now = time.monotonic()
        first = done if first is None else first
        if now - last < EVERY:
            return
        last = now
        speed = max(done - first, 0) / (now - start)
        left = f", {in_words((total - done) / speed)} left" if speed else ""
        print(f"{title}: {done:,} of {total:,}, {speed:.1f} {unit}s/s{left}", file=sys.stderr, flush=True)

    return report


def in_words(seconds: float) -> str:
    """A duration in the unit that suits it: 50 s, 12 min, 3.5 h.

    >>> in_words(50), in_words(720), in_words(12_600)
    ('50 s', '12 min', '3.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
