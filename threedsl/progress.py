"""Progress for people who wait: a bar on the terminal once something has taken two seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[int, int], None]
"""Called with (pictures done, pictures in all)."""

DELAY = 2.0  # seconds before a bar appears


@contextmanager
def progress_bar(title: str, unit: str = "picture") -> Iterator[Report]:
    """Yield a Report that draws a bar on stderr; silent for short work and where stderr is no terminal."""
    from tqdm import tqdm

    with tqdm(desc=title, unit=f" {unit}", delay=DELAY, disable=None, leave=False, dynamic_ncols=True) as bar:

        def report(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield report
