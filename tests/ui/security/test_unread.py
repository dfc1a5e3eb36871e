"""Unfetched answers take bounded memory, and awaited ones are kept."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import SimpleNamespace

import httpx
import pytest

from tests.zips import crop, zipped
from threedsl.ui.security import limits
from threedsl.ui.security.queue import LEAST_MESSAGE, Outbox, Outboxes

KB = 2**10


def told(size: int = KB) -> SimpleNamespace:
    return SimpleNamespace(output={"data": ["x" * size]})


def of(outboxes: Outboxes, session: str, address: str = "1.1.1.1", messages: int = 1) -> Outbox:
    outboxes[session] = None
    outboxes[session].address = address
    for _ in range(messages):
        outboxes[session].put_nowait(told())
    return outboxes[session]


def read(box: Outbox) -> None:
    with suppress(asyncio.TimeoutError):
        asyncio.run(asyncio.wait_for(box.get(), 0.01))


def test_what_an_outbox_holds_is_counted():
    box = Outbox()
    for _ in range(3):
        box.put_nowait(told())
    assert 3 * (KB + LEAST_MESSAGE) < box.bytes < 3 * (2 * KB + LEAST_MESSAGE)
    assert box.get_nowait().output["data"] == ["x" * KB]
    for _ in range(2):
        box.get_nowait()
    assert box.bytes == 0 and box.empty()


def test_the_oldest_answers_of_who_left_most_go(monkeypatch):
    monkeypatch.setattr(limits, "MOST_UNREAD_BYTES", 40 * KB)
    outboxes = Outboxes(2000)
    of(outboxes, "anna", "2.2.2.2")
    read(of(outboxes, "reading", messages=5))
    for i in range(20):
        of(outboxes, f"madeup{i}")
        outboxes.drop_unread()
    assert {"anna", "reading", "madeup19"} < set(outboxes) and "madeup0" not in outboxes
    assert sum(box.bytes for box in outboxes.values()) <= 40 * KB


def test_who_reads_and_leaves_more_than_all_may_is_bounded_too(monkeypatch):
    monkeypatch.setattr(limits, "MOST_UNREAD_BYTES", 20 * KB)
    outboxes = Outboxes(2000)
    read(of(outboxes, "greedy", messages=30))
    read(of(outboxes, "anna", "2.2.2.2", messages=2))
    assert outboxes.drop_unread() == ["greedy"] and "anna" in outboxes


def test_made_up_sessions_do_not_push_out_one_that_is_read():
    outboxes = Outboxes(10)
    read(of(outboxes, "anna"))
    for i in range(30):
        of(outboxes, f"madeup{i}")
    assert len(outboxes) == 10 and "anna" in outboxes


@pytest.mark.slow
def test_answers_of_a_running_page_that_nobody_reads_are_bounded(empty, monkeypatch):
    monkeypatch.setattr(limits, "MOST_UNREAD_BYTES", 200 * KB)
    visitor = empty.visitor()
    page = visitor.build({"people.zip": zipped({f"anna/{i}.png": crop(i) for i in range(20)})})
    event = next(
        e for e in visitor.events if [visitor.ids["gallery-own"], "input"] in e["targets"] and e["backend_fn"]
    )
    call = {"fn_index": event["id"], "data": [page.name], "session_hash": visitor.session}
    for _ in range(30):
        visitor.http.post("gradio_api/queue/join", json=call)
        time.sleep(0.05)
    boxes = empty.page._queue.pending_messages_per_session
    end = time.monotonic() + 180
    while any(empty.page._queue.active_jobs) or len(empty.page._queue):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert sum(box.bytes for box in boxes.values()) <= 200 * KB
    monkeypatch.undo()
    assert "own-gallery" in str(visitor.run(call))


@pytest.mark.slow
def test_two_streams_of_a_session_leave_no_traceback(empty, capfd, caplog):
    visitor = empty.visitor()
    event = next(e for e in visitor.events if e["api_name"] == "search")
    call = {"fn_index": event["id"], "data": [None, "tiny"], "session_hash": visitor.session}

    def listen() -> None:
        with (
            suppress(httpx.HTTPError),
            httpx.stream(
                "GET",
                f"{empty.url}gradio_api/queue/data",
                params={"session_hash": visitor.session},
                timeout=5,
            ) as lines,
        ):
            for _ in lines.iter_lines():
                pass

    visitor.http.post("gradio_api/queue/join", json=call)
    box = empty.page._queue.pending_messages_per_session[visitor.session]
    empty.page._queue.pending_event_ids_session[visitor.session].add("one that does not end")
    threads = [threading.Thread(target=listen) for _ in range(2)]
    for thread in threads:
        thread.start()
        time.sleep(0.5)
    end = time.monotonic() + 60
    while not box.is_read:
        assert time.monotonic() < end
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    time.sleep(11)
    assert "Traceback" not in capfd.readouterr().err + caplog.text


def test_a_call_is_answered_once(empty):
    """Who asked once more, or a second time at once, waited for ever."""
    http = empty.visitor().http
    call = http.post("gradio_api/call/galleries", json={"data": []}).json()["event_id"]
    address = f"gradio_api/call/galleries/{call}"
    assert "event: complete" in http.get(address).text
    again = http.get(address, timeout=60)
    assert again.status_code == 404 and "answered already" in again.text
    assert call not in empty.page._queue.pending_messages_per_session

    (photo,) = http.post("gradio_api/upload", files={"files": ("a.png", crop(4))}).json()
    data = [{"path": photo, "meta": {"_type": "gradio.FileData"}}, "tiny", 1]
    call = http.post("gradio_api/call/search", json={"data": data}).json()["event_id"]
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(http.get, f"gradio_api/call/search/{call}", timeout=120) for _ in range(2)]
        assert sum("event: complete" in one.result().text for one in both) == 1
