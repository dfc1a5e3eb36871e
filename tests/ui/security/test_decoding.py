"""The page has its pictures decoded by processes that it can end, and goes on when one of them is gone."""

import os
import signal
from pathlib import Path

import pytest
from gradio_client import Client, handle_file

from threedsl.data.decoding.processes import MODULE

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for the page's processes"),
]


def words_of(process: Path) -> list[str]:
    try:
        return (process / "cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []


def parent_of(process: Path) -> Path:
    try:
        return process.with_name((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return process.with_name("0")


def decoders() -> list[int]:
    """Processes that decode for a page that this process started: others' pages are being tested as well."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if MODULE in words_of(process):
            page = parent_of(process)
            if "app.py" in words_of(page) and parent_of(page).name == str(os.getpid()):
                found.append(int(process.name))
    return found


def test_a_search_after_its_decoder_was_killed(page_url, outdoor_photo):
    client = Client(page_url, verbose=False, httpx_kwargs={"timeout": 300})
    first = client.predict(handle_file(outdoor_photo), api_name="/search")
    before = decoders()
    assert before
    for process in before:
        os.kill(process, signal.SIGKILL)
    assert client.predict(handle_file(outdoor_photo), api_name="/search")["query"] == first["query"]
    assert set(decoders()) - set(before)
