"""Which of several events of one visit began last: what an earlier one still answers belongs to other photos."""

from collections.abc import Callable
from threading import Lock
from typing import Literal, TypeVar

import gradio as gr

from threedsl.ui.scripts import script

Result = TypeVar("Result")
How = Literal["input", "put", "removed"]

_LOCK = Lock()


class Newest:
    """Remembers what happened last. In a `gr.State` each visit has its own, which all its events share.

    Events arrive and start in any order, so those that fill the same components come with a number from the page
    (`in_turn`), which grows with each.
    """

    def __init__(self) -> None:
        self._last: object = None
        self._failed: object = None
        self._turn: float = 0

    def begin(self, turn: object = None) -> bool:
        """Overtakes whatever runs; False, and nothing happens, where an event that was sent later has begun before.

        turn: what the page sent; anything but a number counts as the latest.
        """
        return self._begun(turn) is not None

    def watch(self) -> Callable[[], bool]:
        """What is returned tells whether nothing has begun or been answered since."""
        last = self._last
        return lambda: self._last is last

    def run(self, work: Callable[[], Result], turn: object = None) -> Result | None:
        """What `work` returns; None where something else has begun since, even if the work failed, or an event that was
        sent later has begun before (`begin`): then nothing is done."""
        mine = self._begun(turn)
        if mine is None:
            return None
        try:
            result = work()
        except Exception:
            with _LOCK:
                if self._last is not mine:
                    return None
                self._failed = mine
            raise
        with _LOCK:
            if self._last is not mine:
                return None
            self._last = object()
        return result

    def has_failed(self, turn: object = None) -> bool:
        """Whether the work that began last has raised, and event `turn` did not come after it."""
        return self._failed is not None and self._last is self._failed and not self._is_later(turn)

    def is_lost(self, turn: object) -> bool:
        """Whether an event that the page sent as number `turn` and that ended without an answer is missed: it failed,
        or never began, and nothing that was sent later has begun, such as the removal of its photo, which cancels it.
        """
        return self.has_failed() or _number(turn) is None or self._is_later(turn)

    def lose(self, turn: object) -> bool:
        """`is_lost`; if so, what was sent earlier and still runs is overtaken, as by the event itself."""
        return self.is_lost(turn) and self.begin(turn)

    def _is_later(self, turn: object) -> bool:
        number = _number(turn)
        return number is not None and number > self._turn

    def _begun(self, turn: object) -> object | None:
        """What is last from now on, None as False in `begin`."""
        number = _number(turn)
        mine = object()
        with _LOCK:
            if number is not None and number < self._turn:
                return None
            self._last = mine
            self._turn = self._turn if number is None else number
        return mine


def _number(turn: object) -> float | None:
    return float(turn) if isinstance(turn, int | float) and abs(turn) < 2**53 else None


def turn_number() -> gr.Number:
    """The component of an event's number, which the page shows nowhere."""
    return gr.Number(visible=False)


def in_turn(inputs: list, turn: gr.Number, name: str = "", box: tuple[str, How] | None = None) -> dict:
    """`inputs` and `js` of an event: its function gets its number as the last argument.

    Args:
        name: by which `turn_of` refers to it.
        box: where the first input is the photo of a box, a name for that box, and whether the event is the box's own
            ("input"), what has just put a photo there ("put"), or its being emptied ("removed"), which gives None.
    """
    return {"inputs": [*inputs, turn], "js": script("in_turn", len(inputs), name, box)}


def turn_of(name: str, inputs: list, turn: gr.Number) -> dict:
    """`inputs` and `js` of what follows the event `name`: the last argument is the number of that event."""
    return {"inputs": [*inputs, turn], "js": script("turn_of", len(inputs), name)}
