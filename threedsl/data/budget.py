"""How much of something may be under way at once in this process, such as pixels that are being decoded."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Budget:
    """Lets callers in, in the order in which they come, as long as the sum of what they hold is at most `total`.

    A caller that asks for more than `total` is let in alone.
    """

    def __init__(self, total: int):
        self.total, self.held = total, 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, amount: int) -> Iterator[None]:
        """Wait until there is room for `amount`, and give it back when the block ends."""
        amount, ticket = min(amount, self.total), object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                self._changed.wait_for(
                    lambda: self._waiting[0] is ticket and self.held + amount <= self.total
                )
                self.held += amount
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self.held -= amount
                self._changed.notify_all()
