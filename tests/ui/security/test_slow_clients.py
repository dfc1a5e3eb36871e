"""Clients that send slowly, in the wrong form, or never ask for what they started."""

import asyncio
import socket
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.ui.browser.visit import Refused
from tests.zips import crop
from threedsl.ui.security import limits
from threedsl.ui.security.limits import MOST_FOLLOWED
from threedsl.ui.security.uploads import FILES_AT_ONCE, NO_UPLOAD, Progress, in_pieces, routes

UPLOAD = b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
PART = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
CALL = b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(limits, "MOST_STALL_SECONDS", 1)
    monkeypatch.setattr(limits, "MOST_HEAD_SECONDS", 1)


def connected(served) -> socket.socket:
    address = urlsplit(served.url)
    return socket.create_connection((address.hostname, address.port), timeout=120)


def rest(client: socket.socket) -> bytes:
    """Everything until the server ends the connection."""
    got = b""
    while part := client.recv(65536):
        got += part
    return got


@pytest.mark.slow
@pytest.mark.parametrize("start", [UPLOAD, CALL], ids=["upload", "call"])
def test_a_body_that_stalls_is_ended_with_a_sentence(served, impatient, start):
    with connected(served) as client:
        client.sendall(start + b"Content-Length: 100000\r\n\r\n" + PART)
        answer = rest(client).decode()
    assert " 408 " in answer.splitlines()[0] and "stalled for 1 seconds; send it again." in answer
    assert served.files() == set()


@pytest.mark.slow
def test_a_refused_body_that_stalls_is_told_why(served, impatient, caplog):
    with connected(served) as client:
        client.sendall(UPLOAD.replace(b"multipart/form-data", b"text/plain") + b"Content-Length: 100\r\n\r\n")
        answer = rest(client)
    assert b" 400 " in answer.splitlines()[0] and NO_UPLOAD.encode() in answer
    assert not [one for one in caplog.records if one.exc_info]


@pytest.mark.slow
def test_a_body_that_never_ends_is_ended_with_a_sentence(served, monkeypatch):
    monkeypatch.setattr(limits, "MOST_BODY_SECONDS", 1)
    with connected(served) as client:
        client.sendall(UPLOAD + b"Content-Length: 100000\r\n\r\n" + PART)
        client.settimeout(0.1)
        end, answer, more = time.monotonic() + 60, b"", b"x"
        with suppress(ConnectionError):  # what is sent while the answer comes resets the connection
            while more and time.monotonic() < end:  # head and text may come one after the other
                if not answer:
                    client.sendall(b"x")
                with suppress(TimeoutError):
                    answer += (more := client.recv(65536))
    assert b" 408 " in answer and b"took longer" in answer


@pytest.mark.slow
@pytest.mark.parametrize(
    "first", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: "], ids=["nothing", "half-a-head"]
)
def test_a_head_that_does_not_come_ends_the_connection(served, impatient, first):
    with connected(served) as client:
        client.sendall(first)
        start = time.monotonic()
        assert rest(client) == b"" and time.monotonic() - start < 15


@pytest.mark.slow
def test_a_second_head_has_its_time_as_well(served, impatient):
    with connected(served) as client:
        client.sendall(b"GET /robots.txt HTTP/1.1\r\nHost: localhost\r\n\r\nG")
        start = time.monotonic()
        assert rest(client) and time.monotonic() - start < 15


@pytest.mark.slow
def test_an_answer_that_takes_long_is_not_ended(served, impatient):
    """The heartbeat of an open page is one request that is answered as long as the page is open."""
    with connected(served) as client:
        client.sendall(b"GET /gradio_api/heartbeat/patient HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(2.5)
        assert "patient" in served.page.open_pages
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            while client.recv(65536):
                pass


def test_a_long_name_is_said_to_be_long(served):
    with pytest.raises(Refused, match="name is too long"):
        served.visitor().upload({"x" * 5000 + ".png": crop(1)})
    assert served.files() == set()


@pytest.mark.parametrize("name", ["file", "other"])
def test_files_under_another_name_are_not_kept(served, name):
    """They were left on disk, where no limit counted them."""
    answer = served.visitor().http.post("gradio_api/upload", files=[(name, ("a.png", crop(1)))])
    assert answer.status_code == 400 and answer.text.endswith(".")
    assert served.files() == set()


@pytest.mark.parametrize("asked", ["", "?upload_id=abc"])
def test_fields_that_are_no_files_are_not_read(served, asked):
    """They were collected in memory, up to the limit of a whole upload."""
    form = {"files": (None, b"x" * 5_000_000)}
    answer = served.visitor().http.post(f"gradio_api/upload{asked}", files=form)
    assert answer.status_code == 400 and answer.text.endswith(".")


@pytest.mark.parametrize("count", [0, 1, 4, 5, 500])
def test_many_small_files_come_a_few_at_a_time(count):
    """A thousand in 77 kB were made on disk in one go: eight such uploads kept everybody waiting for 14 s."""
    body = (PART + b"\r\n") * count + b"--x--" + b"\r\n--y" * 100  # these end no file
    given = [body[:30_000], body[30_000:]] if count == 500 else [body]
    messages = [
        {"type": "http.request", "body": piece, "more_body": i + 1 < len(given)}
        for i, piece in enumerate(given)
    ] + [{"type": "http.disconnect"}]

    async def receive():
        return messages.pop(0)

    async def all_of() -> list[dict]:
        few, got = in_pieces(receive, "multipart/form-data; boundary=x"), []
        while not got or got[-1]["type"] == "http.request":
            got.append(await few())
        return got[:-1]

    got = asyncio.run(all_of())
    assert b"".join(one["body"] for one in got) == body
    assert all(one["body"].count(b"\r\n--x") <= FILES_AT_ONCE for one in got)
    assert len(got) <= count / FILES_AT_ONCE + 3
    assert [one["more_body"] for one in got] == [True] * (len(got) - 1) + [False]


def test_files_of_the_same_name_and_content_are_one_and_nameless_ones_are_kept(served):
    files = [("files", (name, crop(1))) for name in ("a.png", "a.png", "..", "???", "b/c.png")]
    answer = served.visitor().http.post("gradio_api/upload", files=files)
    paths = [Path(path) for path in answer.json()]
    assert paths[0] == paths[1] and paths[4].name == "c.png"
    assert all(path.read_bytes() == crop(1) and path.is_relative_to(served.folder) for path in paths)


def test_progress_that_nobody_follows_is_forgotten(served):
    assert isinstance(routes.file_upload_statuses, Progress)
    http = served.visitor().http
    for i in range(MOST_FOLLOWED + 20):
        routes.file_upload_statuses.append(f"made-up-{i}", "a.png", b"x")
    assert (
        http.post("gradio_api/upload?upload_id=last", files=[("files", ("a.png", crop(3)))]).status_code
        == 200
    )
    progress = routes.file_upload_statuses
    assert len(progress._statuses) <= MOST_FOLLOWED and len(progress._signals) <= MOST_FOLLOWED
    with http.stream("GET", "gradio_api/upload_progress?upload_id=last") as lines:
        assert '"done"' in "".join(lines.iter_text())
    assert "last" not in progress._statuses and "last" not in progress._signals


@pytest.mark.parametrize("asked", ["", "?upload_id=", "?upload_id=" + "x" * 5000, "?upload_id=../a"])
def test_progress_of_no_upload_is_a_sentence(served, asked):
    answer = httpx.get(f"{served.url}gradio_api/upload_progress{asked}", timeout=300)
    assert answer.status_code == 404 and answer.json()["detail"].endswith(".")
