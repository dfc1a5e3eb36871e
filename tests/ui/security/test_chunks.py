"""Bodies without a length, in chunks as HTTP calls them."""

import socket
import time
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from uvicorn.protocols.http.h11_impl import h11

from tests.zips import crop
from threedsl.ui.security import limits
from threedsl.ui.security.patience import SMALL, LargeChunks

HEAD = b"POST /gradio_api/upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def taken(body: bytes, times: int = 1) -> int:
    """Bytes of the bodies of so many requests that a server takes."""
    connection, got = LargeChunks(h11.SERVER), 0
    for _ in range(times):
        connection.receive_data(HEAD + body)
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            got += len(event.data) if isinstance(event, h11.Data) else 0
        connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
        connection.send(h11.EndOfMessage())
        connection.start_next_cycle()
    return got


def test_chunks_of_a_few_bytes_are_refused():
    """Eight uploads in chunks of one byte kept everybody waiting for 20 s."""
    with pytest.raises(h11.RemoteProtocolError, match="Content-Length"):
        taken(b"1\r\nx\r\n" * 10_000 + b"0\r\n\r\n")
    with pytest.raises(h11.RemoteProtocolError, match="Content-Length"):
        taken(b"400\r\n" + b"x" * 1024 + b"\r\n" + b"1\r\nx\r\n" * 10_000)


def test_other_bodies_are_taken():
    few = b"1\r\nx\r\n" * limits.FREE_CHUNKS
    assert taken(few + b"0\r\n\r\n", times=3) == 3 * limits.FREE_CHUNKS
    large = b"%x\r\n" % limits.LEAST_CHUNK_BYTES + b"x" * limits.LEAST_CHUNK_BYTES + b"\r\n"
    assert taken(few + large * 500 + b"0\r\n\r\n") == limits.FREE_CHUNKS + 500 * limits.LEAST_CHUNK_BYTES


@pytest.mark.slow
def test_a_page_says_why_it_refuses_small_chunks(served):
    address = urlsplit(served.url)
    with socket.create_connection((address.hostname, address.port), timeout=120) as client:
        client.sendall(HEAD.replace(b"Host: a", b"Host: localhost") + b"1\r\nx\r\n" * 1000)
        got = b""
        while part := client.recv(65536):
            got += part
    assert got.startswith(b"HTTP/1.1 400") and SMALL.encode() in got


@pytest.mark.slow
def test_small_chunks_during_an_answer_end_it(served, caplog):
    address = urlsplit(served.url)
    with socket.create_connection((address.hostname, address.port), timeout=120) as client:
        head = b"GET /gradio_api/heartbeat/chunks HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.sendall(head)
        assert b" 200 " in client.recv(300)
        client.sendall(b"1\r\nx\r\n" * 1000)
        with suppress(ConnectionResetError):
            while client.recv(65536):
                pass
    time.sleep(0.2)
    assert "Traceback" not in caplog.text and not [one for one in caplog.records if one.exc_info]


def test_a_picture_in_chunks_is_uploaded(served):
    form = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n%s\r\n--x--\r\n'
        % crop(1)
    )
    pieces = (form[i : i + 2000] for i in range(0, len(form), 2000))
    kind = {"content-type": "multipart/form-data; boundary=x"}
    answer = served.visitor().http.post("gradio_api/upload", content=pieces, headers=kind)
    assert answer.status_code == 200 and answer.json()[0].endswith("a.png")
