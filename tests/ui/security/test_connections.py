"""Connections that cost more than they ask for: what is sent too early, answers that nobody takes, other protocols."""

import socket
import time
from collections.abc import Callable
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from uvicorn.protocols.http.h11_impl import H11Protocol

from threedsl.ui.security import limits
from threedsl.ui.security.connections import Connections
from threedsl.ui.security.patience import bound_connections
from threedsl.ui.security.uploads import CROWDED, routes

PART = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
UPLOAD = (
    b"POST /gradio_api/upload?upload_id=early HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n"
)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def wait_for_upload(name: str) -> None:
    """Until it came so far that its progress can be asked for."""
    wait_until(lambda: name in routes.file_upload_statuses._statuses)


def asking(served, path: str, times: int = 1) -> socket.socket:
    """A connection that asked for a path, and whose buffer for answers is small."""
    address, client = urlsplit(served.url), socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(120)
    client.connect((address.hostname, address.port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * times)
    return client


def sent_until_ended(client: socket.socket, most: int) -> int:
    """Bytes that a server takes before it ends the connection; `most` where it takes them all."""
    sent = 0
    try:
        while sent < most:
            sent += client.send(b"x" * 2**18)
    except (BrokenPipeError, ConnectionResetError):
        return sent
    return most


@pytest.mark.slow
def test_what_is_sent_before_the_answer_is_not_collected(served):
    """Each look at whether the client of an upload's progress is still there read on: 5 MB a second, all of it kept."""
    address = urlsplit(served.url)
    with socket.create_connection((address.hostname, address.port), timeout=120) as upload:
        upload.sendall(UPLOAD + PART)
        wait_for_upload("early")
        with asking(served, "/gradio_api/upload_progress?upload_id=early") as client:
            assert b" 200 " in client.recv(300)
            assert sent_until_ended(client, 40 * 2**20) < 20 * 2**20  # most of it in the system's own buffers


@pytest.mark.slow
def test_an_answer_that_nobody_takes_is_given_up(served, monkeypatch):
    monkeypatch.setattr(limits, "MOST_UNTAKEN_SECONDS", 0.5)
    with asking(served, "/config", 60):
        wait_until(lambda: served.page.connections._open)
        before = served.page.connections._open.total()
        wait_until(lambda: served.page.connections._open.total() < before)


@pytest.mark.slow
def test_an_answer_that_is_taken_slowly_arrives(served, monkeypatch):
    monkeypatch.setattr(limits, "MOST_UNTAKEN_SECONDS", 4)
    # New connections have the same: a large buffer of the system's own would hide that something is taken.
    for listening in (one for server in served.page.server.servers for one in server.sockets):
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**16)
    got = b""
    with asking(served, "/config", 20) as client:
        for _ in range(12):
            time.sleep(0.4)
            for _ in range(100):
                got += client.recv(4096)
        whole = 20 * int(got.partition(b"content-length: ")[2].split()[0])
        while len(got) < whole and (part := client.recv(2**16)):
            got += part
    assert len(got) >= whole and got.count(b"HTTP/1.1 200 OK") == 20


class SlowClient:
    """As much of a transport as is looked at."""

    def __init__(self, left: int):
        self.left, self.ended = left, False

    def get_write_buffer_size(self) -> int:
        return self.left

    def abort(self) -> None:
        self.left, self.ended = 0, True


@pytest.mark.parametrize("behind_a_proxy", [False, True])
def test_answers_that_wait_for_slow_clients_are_bounded(monkeypatch, behind_a_proxy):
    """Those of one address went on to collect 7 MB for each of its connections, which no other limit counted."""
    monkeypatch.setattr(limits, "MOST_UNSENT_BYTES", 100)
    if behind_a_proxy:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.1")
    connections, visitor = Connections(), SlowClient(30)
    connections.wait(visitor, "10.0.0.1")
    greedy = [SlowClient(20 + i) for i in range(9)]
    for client in greedy:
        connections.wait(client, "10.0.0.2")
        if not behind_a_proxy:
            assert not visitor.ended
        assert visitor.left + sum(one.left for one in greedy[: greedy.index(client) + 1]) <= 100
    connections.go_on(greedy[0])
    connections.go_on(greedy[0])
    assert greedy[0] not in connections._waiting and not all(one.ended for one in greedy)


@pytest.mark.slow
def test_a_page_gives_up_answers_that_take_too_much_memory(served, monkeypatch):
    monkeypatch.setattr(limits, "MOST_UNSENT_BYTES", 2**16)
    with asking(served, "/config", 60) as client:
        end = time.monotonic() + 60
        client.settimeout(1)
        with pytest.raises(ConnectionError):
            while time.monotonic() < end:
                client.send(b"GET /robots.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
                time.sleep(0.1)
    assert not served.page.connections._waiting


@pytest.mark.slow
def test_only_some_follow_an_uploads_progress_at_a_time(served, monkeypatch):
    """Each takes time twenty times a second: 240 of them took half a core, and all that others asked for waited."""
    monkeypatch.setattr(limits, "MOST_FOLLOWING_PER_ADDRESS", 2)
    address = urlsplit(served.url)
    with socket.create_connection((address.hostname, address.port), timeout=120) as upload:
        upload.sendall(UPLOAD.replace(b"early", b"followed") + PART)
        wait_for_upload("followed")
        path = "/gradio_api/upload_progress?upload_id=followed"
        with asking(served, path) as first, asking(served, path) as second:
            assert b" 200 " in first.recv(300) and b" 200 " in second.recv(300)
            with asking(served, path) as third:
                got = third.recv(2000) + third.recv(2000)
            assert b" 503 " in got and CROWDED.encode() in got
    wait_until(lambda: not routes.file_upload_statuses._following)


def test_no_connection_becomes_another_protocol():
    """One that became a websocket stayed counted: 256 requests took all places of an address for good."""
    config = SimpleNamespace(http_protocol_class=object, ws_protocol_class=object)
    bound_connections(config, Connections())
    assert issubclass(config.http_protocol_class, H11Protocol) and config.ws_protocol_class is None
