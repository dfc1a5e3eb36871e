"""Calls a running page's API as curl does: upload, call, read the stream. Standard library only."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path

from threedsl.errors import InputError

START_LIMIT = 400  # seconds for the first page: importing PyTorch on a busy machine
CALL_LIMIT = 180  # seconds for an answer


def free_port() -> int:
    """A free port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_page(url: str, server: subprocess.Popen, limit: float = START_LIMIT) -> float:
    """Seconds until `url` answered.

    Raises:
        InputError: the server ended, or nothing was served within `limit` seconds.
    """
    start = time.perf_counter()
    while (passed := time.perf_counter() - start) < limit:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return time.perf_counter() - start
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if server.poll() is not None:
                raise InputError(
                    f"The page's server ended with code {server.returncode} before it answered."
                ) from None
            time.sleep(0.1)
    raise InputError(f"The page's server did not answer within {passed:.0f} seconds.")


def upload(url: str, photo: Path) -> dict:
    """Send a file; returns its reference for a call. `url` ends in a slash."""
    boundary = secrets.token_hex(16)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{photo.name}"\r\n\r\n'
    body = head.encode() + photo.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    request = urllib.request.Request(f"{url}gradio_api/upload", body, kind)
    with urllib.request.urlopen(request, timeout=CALL_LIMIT) as answer:
        return {"path": json.load(answer)[0], "meta": {"_type": "gradio.FileData"}}


def call(url: str, endpoint: str, /, **arguments: object) -> list:
    """The endpoint's outputs; arguments that are left out have the defaults that the page declares.

    Raises:
        InputError: the endpoint's own error sentence, or there was no answer.
    """
    data = [arguments.get(name, default) for name, default in parameters(url, endpoint).items()]
    body = json.dumps({"data": data}).encode()
    address = f"{url}gradio_api/call/{endpoint}"
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=CALL_LIMIT) as answer:
            event = json.load(answer)["event_id"]
        with urllib.request.urlopen(f"{address}/{event}", timeout=CALL_LIMIT) as stream:
            text = stream.read().decode()
    except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
        raise InputError(f"/{endpoint} did not answer ({error}).") from error
    return outputs_of(text, endpoint)


@cache
def parameters(url: str, endpoint: str) -> dict[str, object]:
    """Names and defaults of an endpoint's parameters, in their order.

    Raises:
        InputError: the page has no such endpoint.
    """
    with urllib.request.urlopen(f"{url}gradio_api/info", timeout=CALL_LIMIT) as answer:
        endpoints = json.load(answer)["named_endpoints"]
    if f"/{endpoint}" not in endpoints:
        raise InputError(f"The page has no endpoint /{endpoint}; it has {', '.join(sorted(endpoints))}.")
    return {
        parameter["parameter_name"]: parameter.get("parameter_default")
        for parameter in endpoints[f"/{endpoint}"]["parameters"]
    }


def outputs_of(stream: str, endpoint: str) -> list:
    """The outputs in a text of server-sent events; raises InputError as `call` does."""
    for event in stream.split("\n\n"):
        kind, _, data = event.partition("\ndata: ")
        if kind == "event: complete":
            return json.loads(data)
        if kind == "event: error":
            problem = json.loads(data)
            raise InputError(
                problem["error"]
                if isinstance(problem, dict) and problem.get("error")
                else f"/{endpoint} failed."
            )
    raise InputError(f"/{endpoint} ended without an answer.")
