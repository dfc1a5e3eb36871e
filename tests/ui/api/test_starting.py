"""A page starts on a busy machine as well."""

import threading
from itertools import count
from types import SimpleNamespace

import pytest
from gradio import http_server

from threedsl.ui.api import starting


class Slow(http_server.Server):
    """A server whose thread does what the test asks for once Gradio has given up."""

    reloader = None
    started = False

    def __init__(self, then):
        self.then, self.given_up = then, threading.Event()

    def run(self):
        assert self.given_up.wait(60)
        self.then(self)


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Two seconds pass with every look on Gradio's clock."""
    clock = count(0, 2)
    monkeypatch.setattr(http_server, "time", SimpleNamespace(time=lambda: next(clock), sleep=lambda _: None))
    start = starting._start

    def start_and_tell(server):
        try:
            start(server)
        finally:
            server.given_up.set()

    monkeypatch.setattr(starting, "_start", start_and_tell)
    starting.start_patiently()


def test_a_server_that_starts_late_is_waited_for():
    server = Slow(lambda server: setattr(server, "started", True))
    server.run_in_thread()
    assert server.started


def test_a_server_that_ends_is_not():
    with pytest.raises(http_server.ServerFailedToStartError):
        Slow(lambda server: None).run_in_thread()
