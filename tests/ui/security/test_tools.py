"""Pictures in calls of MCP tools are counted, and gone when the call has been answered."""

import asyncio
import base64
import threading
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from gradio.mcp import GradioMCPServer
from gradio_client.client import Job

from threedsl.errors import InputError
from threedsl.ui.security import limits
from threedsl.ui.security.caller import Caller
from threedsl.ui.security.ledger import Ledger
from threedsl.ui.security.tools import ToolCalls, is_of_tools, keep_in_ledger, tool_call, wait_without_thread

KB = 2**10
PHOTO = [["photo"]]


def picture(size: int = KB) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(bytes(size)).decode()}"


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


@pytest.fixture
def server(ledger):
    server = SimpleNamespace()
    keep_in_ledger(server, ledger)
    return server


def test_a_picture_lasts_as_long_as_its_call(server, ledger):
    with tool_call(ledger, "1.1.1.1"):
        given = server.convert_strings_to_filedata({"photo": picture(), "whole": True}, PHOTO)
        path = given["photo"]["path"]
        assert given["whole"] is True and ledger.use(path, Caller("tools", "127.0.0.1")) == KB
    assert not ledger._entries and not ledger._bytes
    assert [found for found in ledger.folder.rglob("*") if found.is_file()] == []


def test_pictures_of_a_call_that_fails_go_too(server, ledger, monkeypatch):
    monkeypatch.setattr(limits, "MOST_VISIT_BYTES", 20 * KB)
    with pytest.raises(InputError, match="Your uploads"), tool_call(ledger, "1.1.1.1"):
        server.convert_strings_to_filedata(
            {"photos": [picture(8 * KB)] * 3}, [["photos", i] for i in range(3)]
        )
    assert not ledger._bytes and [found for found in ledger.folder.rglob("*") if found.is_file()] == []


@pytest.mark.parametrize(
    "text",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "http://127.0.0.1/a.jpg",
        "HTTPS://a.example",
        "data:image/png;base64,",
        "",
    ],
)
def test_nothing_but_pictures_as_text(server, ledger, text):
    with tool_call(ledger, "1.1.1.1"), pytest.raises(InputError):
        server.convert_strings_to_filedata({"photo": text}, PHOTO)


@pytest.mark.parametrize("kind", ["image/../../../../tmp/x", "image/jp%2fg", "text/x-..;a=/b", "image/\0"])
def test_the_type_that_is_claimed_names_no_place(server, ledger, kind):
    with tool_call(ledger, "1.1.1.1"):
        text = f"data:{kind};base64,{base64.b64encode(b'picture').decode()}"
        path = server.convert_strings_to_filedata({"photo": text}, PHOTO)["photo"]["path"]
        assert ledger.serves(path) and path.startswith(str(ledger.folder / "uploads"))
        assert path.rpartition("/")[2].startswith("picture")


def test_the_session_that_all_callers_of_tools_share_is_recognised():
    page = SimpleNamespace(
        mcp_server_obj=SimpleNamespace(_client_instance=SimpleNamespace(session_hash="one"))
    )
    assert is_of_tools(page, "one") and not is_of_tools(page, "other") and not is_of_tools(page, None)
    page.mcp_server_obj._client_instance = None
    assert not is_of_tools(page, "one")
    assert not is_of_tools(SimpleNamespace(mcp_server_obj=None), "one")


def test_one_caller_of_tools_leaves_places_to_others(ledger, monkeypatch):
    """To Gradio all of them are one visit, which may have so many calls waiting."""
    assert 2 * limits.MOST_TOOL_CALLS_PER_ADDRESS < limits.MOST_WAITING_BY_TOOLS
    monkeypatch.setattr(limits, "MOST_TOOL_CALLS_PER_ADDRESS", 2)
    calls = ToolCalls()
    with calls.answering(ledger, "1.1.1.1"):
        assert calls.has_room("1.1.1.1")
        with calls.answering(ledger, "1.1.1.1"):
            assert not calls.has_room("1.1.1.1") and calls.has_room("2.2.2.2")
            monkeypatch.setenv("SPACE_ID", "somebody/space")
            assert calls.has_room("1.1.1.1")
    assert not calls._open


@pytest.mark.parametrize("error", [None, ValueError("a sentence")])
def test_a_call_that_waits_holds_no_thread(error):
    """Forty of them would hold all that events, uploads and files need, and that their own answers need."""
    server = object.__new__(GradioMCPServer)
    wait_without_thread(server)

    async def calls() -> tuple[int, list]:
        futures, before = [Future() for _ in range(50)], set(threading.enumerate())
        waiting = [
            asyncio.create_task(server._execute_tool_without_progress(Job(future))) for future in futures
        ]
        await asyncio.sleep(0.05)
        held = len(set(threading.enumerate()) - before)
        for i, future in enumerate(futures):
            future.set_exception(error) if error else future.set_result(i)
        return held, await asyncio.gather(*waiting, return_exceptions=True)

    held, answers = asyncio.run(calls())
    assert held < 10  # pages that other tests left may start some
    assert answers == ([error] * 50 if error else [[i] for i in range(50)])
