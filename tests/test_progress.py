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


def test_a_log_gets_a_line_now_and_then(monkeypatch, capsys):
    now = iter([0.0, 1.0, 29.0, 31.0, 40.0, 62.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    with progress.progress_bar("Describing") as report:
        for done in (100, 200, 410, 500, 720):
            report(done, 5000)
    assert capsys.readouterr().err.splitlines() == [
        "Describing: 410 of 5,000, 10.0 pictures/s, 8 min left",
        "Describing: 720 of 5,000, 10.0 pictures/s, 7 min left",
    ]
