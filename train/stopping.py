"""Ctrl-C and SIGTERM while a run trains: the step is finished, its state is saved, and the run ends."""

import signal
import time

import torch
import torch.distributed as dist

from train.parallel import processes

AGAIN = 3.0
"""Seconds from which another signal means "at once": torchrun passes on the Ctrl-C that its processes had already."""


class StopRequest:
    """A context in which SIGINT and SIGTERM end a run: at once while it loads, after the step once it trains.

    `signal` is the recorded one, 0 for none. Another one, `AGAIN` seconds later, ends the run at once as well, by
    KeyboardInterrupt. Signals that were ignored before, as under nohup, stay ignored. Enter it in the main thread.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._waits, self._when = False, 0.0
        self._before: dict[int, object] = {}

    def __enter__(self) -> "StopRequest":
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def wait_for_a_step(self) -> None:
        """From now on a signal is only recorded; the loop checks it after every step."""
        self._waits = True

    def asked(self, device: torch.device) -> bool:
        """Whether the run is to stop after this step; every process gets the same answer, so all must call it."""
        if processes() > 1:
            # A process that stopped alone would leave the others waiting for its gradients.
            asked = torch.tensor(self.signal, device=device)
            dist.all_reduce(asked, op=dist.ReduceOp.MAX)
            self.signal = int(asked)
        return bool(self.signal)

    def _note(self, number: int, _frame: object) -> None:
        now = time.monotonic()
        if not self._waits or (self.signal and now - self._when > AGAIN):
            raise KeyboardInterrupt
        if not self.signal:
            self.signal, self._when = number, now
