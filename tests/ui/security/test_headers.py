"""Headers that cost more than they say."""

import re
import socket
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
from uvicorn.protocols.http.h11_impl import h11

from tests.zips import crop
from threedsl.ui.security import patience
from threedsl.ui.security.guard import LONGEST_TYPE
from threedsl.ui.security.patience import MOST_HEAD_BYTES
from threedsl.ui.security.uploads import NO_UPLOAD


@pytest.mark.slow
def test_cookies_are_not_read(served):
    """Python before 3.11.10 and 3.12.6 takes ten seconds for this one, and nobody else was answered meanwhile."""
    http, start = served.visitor().http, time.process_time()
    answer = http.get("gradio_api/app_id", headers={"cookie": 'a="' + "\\a" * 30_000 + '"'})
    assert answer.status_code == 200 and time.process_time() - start < 2


def test_a_content_type_is_no_longer_than_those_of_forms(served):
    http = served.visitor().http
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n%s\r\n--x--\r\n'
    kind = 'multipart/form-data; a="%s"; boundary=x'
    for count, code in ((LONGEST_TYPE // 2, 200), (LONGEST_TYPE, 400)):
        headers = {"content-type": kind % (";" * count)}
        answer = http.post("gradio_api/upload", content=form % crop(1), headers=headers)
        assert answer.status_code == code
    assert answer.text == NO_UPLOAD


@pytest.mark.parametrize("name", ["a.txt", "a.json", "a.csv", "a.svg"])
@pytest.mark.parametrize("encoding", ["gzip", "br", "gzip, deflate, br"])
def test_visitors_files_are_not_compressed(served, name, encoding):
    """20 MB of two letters took 55 s of the event loop's time for each request, and others waited meanwhile."""
    visitor, letters = (
        served.visitor(),
        np.random.default_rng(5).integers(97, 99, 100_000, np.uint8).tobytes(),
    )
    (upload,) = visitor.upload({name: letters})
    for part in ({}, {"range": "bytes=0-49999"}):
        answer = visitor.http.get(
            f"gradio_api/file={upload['path']}", headers={"accept-encoding": encoding, **part}
        )
        assert (
            "content-encoding" not in answer.headers and answer.content == letters[: 50_000 if part else None]
        )


@pytest.mark.parametrize("path", ["", "config", "gradio_api/info", "gradio_api/openapi.json"])
def test_no_cache_gives_a_page_to_others_than_who_asked_for_it(served, path):
    """It says where it was asked for, so that one request with a made-up name could break a proxy's copy for all."""
    answer = served.visitor().http.get(path, headers={"x-forwarded-host": "page.localhost"})
    assert answer.status_code == 200 and answer.headers["cache-control"] == "private, no-cache"


def test_no_cache_keeps_visitors_files_when_they_are_deleted(served):
    """Without a word about it, proxies keep pictures for hours, and browsers for days."""
    visitor = served.visitor()
    (upload,) = visitor.upload({"photo.png": crop(3)})
    answer = visitor.fetch(upload["path"])
    assert answer.status_code == 200 and answer.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize("asked", ["page=zzz", "page=a&page=b", "deep_link=zzz", "page=%00&deep_link=.."])
def test_there_is_one_page(served, asked):
    """Others ended in a traceback of 6 kB in the log."""
    answer = served.visitor().http.get(f"?{asked}")
    assert answer.status_code == 200 and answer.text.startswith("<!")


def head(line: bytes) -> bytes:
    """A request with one more line in its head."""
    return b"GET /gradio_api/app_id HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n" % line


def server_that_got(data: bytes) -> h11.Connection:
    connection = h11.Connection(h11.SERVER, MOST_HEAD_BYTES)
    connection.receive_data(data)
    return connection


@pytest.mark.parametrize("line", [b"a:%s\0", b"a:%sb\x0b", b"a: b%s\0", b"a: b\r\n%sc\0", b"a%s: b"])
@pytest.mark.parametrize("space", [b" ", b"\t", b" \t"])
def test_runs_of_spaces_take_no_time(line, space):
    """The first took 35 s, during which no request was answered."""
    start = time.process_time()
    run = space * (60_000 // len(space))
    with pytest.raises(h11.RemoteProtocolError):
        server_that_got(head(line % run)).next_event()
    chunked = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    connection = server_that_got(chunked + line % run + b"\r\n\r\n")
    assert isinstance(connection.next_event(), h11.Request)
    with pytest.raises(h11.RemoteProtocolError):
        connection.next_event()
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"a:", b""),
        (b"a:  ", b""),
        (b"a:b", b"b"),
        (b"a: \t b", b"b"),
        (b"a: b  ", b"b"),
        (b"a: b \t c ", b"b \t c"),
        (b"a: b\r\n  c", b"b c"),
        (b"a: \xe9:;,=\x01", b"\xe9:;,=\x01"),
    ],
)
def test_values_of_headers_are_those_that_they_were(line, value):
    event = server_that_got(head(line)).next_event()
    assert list(event.headers) == [(b"host", b"localhost"), (b"a", value)]
    old = re.compile(h11._abnf.header_field.encode())
    for one in line.split(b"\r\n")[:1]:
        assert patience.HEADER.fullmatch(one).groupdict() == old.fullmatch(one).groupdict()


@pytest.mark.slow
def test_a_page_is_there_for_others_meanwhile(served):
    address, start = urlsplit(served.url), time.monotonic()
    with socket.create_connection((address.hostname, address.port), timeout=120) as client:
        client.sendall(head(b"a:" + b" " * 60_000 + b"\0"))
        assert client.recv(100).startswith(b"HTTP/1.1 400")
    assert time.monotonic() - start < 20
