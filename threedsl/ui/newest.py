"""Which of several events of one visit began last: what an earlier one still answers belongs to other photos."""

from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class Newest:
    """Remembers what happened last. In a `gr.State` each visit has its own, which all its events share."""

    def __init__(self) -> None:
        self._last: object = None

    def begin(self) -> None:
        """Overtakes whatever runs."""
        self._last = object()

    def watch(self) -> Callable[[], bool]:
        """What is returned tells whether nothing has begun or been answered since."""
        last = self._last
        return lambda: self._last is last

    def run(self, work: Callable[[], Result]) -> Result | None:
        """What `work` returns; None where something else has begun since, even if the work failed."""
        self.begin()
        is_newest = self.watch()
        try:
            result = work()
        except Exception:
            if is_newest():
                raise
            return None
        if not is_newest():
            return None
        self.begin()
        return result
