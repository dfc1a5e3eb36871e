"""One client that opens connections, calls and uploads without end: the page keeps memory and file descriptors."""

import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from threedsl.errors import InputError
from threedsl.ui.security import limits
from threedsl.ui.security.connections import FULL, Connections
from threedsl.ui.security.request_bodies import BUSY, RequestBodies

MCP = b"POST /gradio_api/mcp/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
UPLOAD = b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
PART = b'--x\r\nContent-Disposition: form-data; name="files"; filename="%d.png"\r\n\r\nabc\r\n'


def connected(served) -> socket.socket:
    address = urlsplit(served.url)
    return socket.create_connection((address.hostname, address.port), timeout=120)


def answer_of(client: socket.socket) -> str:
    got = b""
    while part := client.recv(65536):
        got += part
    return got.decode()


def soon(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 60
    while not (true := holds()) and time.monotonic() < end:
        time.sleep(0.02)
    return true


@pytest.fixture
def quiet(served):
    """The page without a connection: what other tests' clients keep open is closed after five seconds."""
    assert soon(lambda: served.page.connections._open.total() == 0)
    return served


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["MOST_CONNECTIONS", "MOST_CONNECTIONS_PER_ADDRESS"])
def test_one_connection_too_many_is_refused_in_a_sentence(quiet, monkeypatch, limit):
    monkeypatch.setattr(limits, limit, 3)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(connected(quiet))
        assert soon(lambda: quiet.page.connections._open.total() == 3)
        with connected(quiet) as client:
            answer = answer_of(client)
        assert " 503 " in answer.splitlines()[0] and answer.endswith(FULL)
    assert soon(lambda: quiet.page.connections._open.total() == 0)
    with connected(quiet) as client:
        client.sendall(b"GET /robots.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert " 200 " in answer_of(client)


def test_behind_a_trusted_proxy_only_the_sum_counts(monkeypatch):
    monkeypatch.setattr(limits, "MOST_CONNECTIONS_PER_ADDRESS", 2)
    connections = Connections()
    assert [connections.open("proxy") for _ in range(3)] == [True, True, False]
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "proxy")
    assert connections.open("proxy")


@pytest.mark.slow
def test_a_tool_s_call_is_not_received_where_there_is_no_such_server(served):
    """Up to 30 MB of each were kept in memory for as long as the client liked."""
    assert served.page.mcp_server_obj is None
    with connected(served) as client:
        client.sendall(MCP + b"Content-Length: 20000000\r\nConnection: close\r\n\r\n")
        assert " 404 " in answer_of(client).splitlines()[0]


@pytest.mark.slow
def test_bodies_that_stall_in_memory_are_bounded(served, monkeypatch):
    monkeypatch.setattr(served.page, "mcp_server_obj", object())
    monkeypatch.setattr(limits, "MOST_ADDRESS_BODY_BYTES", 3_000_000)
    head = MCP + b"Content-Length: 2000000\r\nConnection: close\r\n\r\n"
    with connected(served) as one, connected(served) as other:
        one.sendall(head + b"x" * 1_900_000)
        assert soon(lambda: served.page.request_bodies.held == 1_900_000)
        other.sendall(head + b"x" * 2_000_000)
        answer = answer_of(other)
        assert " 503 " in answer.splitlines()[0] and BUSY in answer
        assert served.page.request_bodies.held <= 3_000_000
    assert soon(lambda: served.page.request_bodies.held == 0)


def test_other_addresses_keep_their_room():
    bodies = RequestBodies()
    with bodies.receiving("one") as one, bodies.receiving("other") as other:
        one(limits.MOST_ADDRESS_BODY_BYTES)
        with pytest.raises(InputError, match="try again"):
            one(1)
        other(limits.MOST_MCP_BYTES)
    assert bodies.held == 0


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc")
def test_the_files_of_an_upload_that_stalls_are_not_kept_open(served):
    before = len(os.listdir("/proc/self/fd"))
    with connected(served) as client:
        parts = b"".join(PART % i for i in range(100))
        client.sendall(UPLOAD + b"Content-Length: 1000000\r\n\r\n" + parts + b"--x")
        assert soon(lambda: len(served.files()) >= 100)
        assert soon(lambda: len(os.listdir("/proc/self/fd")) < before + 10)
