"""Bars appear on a terminal after a while, and nowhere else."""

import io
import sys
import time

import pytest

from threedsl import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "delay", "shown"), [(Terminal, 0, True), (Terminal, 60, False), (io.StringIO, 0, False)]
)
def test_bars_are_for_people_who_wait(monkeypatch, stream, delay, shown):
    screen = stream()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "DELAY", delay)
    with progress.progress_bar("Counting sheep", "sheep") as report:
        report(1, 4)
        report(2, 4)
        time.sleep(0.15)  # tqdm draws ten times a second at most
        report(4, 4)
    assert ("Counting sheep" in screen.getvalue()) == shown
    assert ("4/4" in screen.getvalue()) == shown
