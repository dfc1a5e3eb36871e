"""Nobody waits for what somebody else does: builds, slow pictures and a full queue."""

import threading
import time

import pytest

from tests.ui.browser.visit import Refused
from tests.zips import crop
from threedsl.ui.search import photo
from threedsl.ui.security import limits

PATIENCE = 180  # seconds; far more than a search takes on a busy machine


def in_background(work) -> threading.Thread:
    def run() -> None:
        try:
            work()
        except Refused:
            pass

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def call(visitor, name: str, data: list) -> str:
    """A plain HTTP call; the whole stream of its answer."""
    said = visitor.http.post(f"gradio_api/call/{name}", json={"data": data})
    if said.status_code != 200:
        raise Refused(said.json()["detail"])
    return visitor.http.get(f"gradio_api/call/{name}/{said.json()['event_id']}").text


def wait_until(condition) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def gate() -> threading.Event:
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.slow
def test_a_search_does_not_wait_for_builds(empty, gate, monkeypatch):
    begun = []
    real = empty.service._describe

    def slow(crops):
        begun.append(1)
        assert gate.wait(PATIENCE)
        return real(crops)

    monkeypatch.setattr(empty.service, "describe", slow)
    builders = [empty.visitor() for _ in range(4)]
    threads = [in_background(lambda b=b: b.build({"a.png": crop(1)})) for b in builders]
    wait_until(lambda: begun)
    assert empty.visitor().search({"photo.png": crop(2)}, "tiny")
    gate.set()
    for thread in threads:
        thread.join(PATIENCE)


@pytest.mark.slow
def test_a_slow_picture_holds_no_place_at_the_model(empty, gate, monkeypatch):
    """As many slow decodes as the model has places: through the page's search and through the API's."""
    slow_name, begun, real = "slow.png", [], photo.load_image

    def load(path, name=None):
        if str(path).endswith(slow_name):
            begun.append(1)
            assert gate.wait(PATIENCE)
        return real(path, name)

    monkeypatch.setattr(photo, "load_image", load)
    threads = []
    for work in (
        lambda v: v.search({slow_name: crop(3)}, "tiny"),
        lambda v: call(v, "search", [v.upload({slow_name: crop(3)})[0], "tiny", 2]),
    ):
        threads += [
            in_background(lambda work=work: work(empty.visitor())) for _ in range(limits.MODEL_AT_ONCE)
        ]
    wait_until(lambda: len(begun) == len(threads))
    fast = empty.visitor()
    assert fast.search({"photo.png": crop(2)}, "tiny")
    assert "event: complete" in call(fast, "search", [fast.upload({"a.png": crop(4)})[0], "tiny", 2])
    gate.set()
    for thread in threads:
        thread.join(PATIENCE)


@pytest.mark.slow
def test_no_more_forward_passes_at_once_than_the_machine_has_room_for(empty, monkeypatch):
    now, most, lock = 0, 0, threading.Lock()
    real = empty.service._predict_here

    def counted(crops, known=None):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        patient = time.monotonic() + 20  # a busy machine may be slow to bring the second
        while most < limits.MODEL_AT_ONCE and time.monotonic() < patient:
            time.sleep(0.01)
        time.sleep(0.1)  # time enough for one too many
        with lock:
            now -= 1
        return real(crops, known)

    monkeypatch.setattr(empty.service, "_predict", empty.service._in_turn(counted))
    threads = [
        in_background(lambda i=i: empty.visitor().search({"p.png": crop(20 + i)}, "tiny")) for i in range(6)
    ]
    for thread in threads:
        thread.join(PATIENCE)
    assert most == limits.MODEL_AT_ONCE


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("MOST_WAITING_PER_ADDRESS", "You have too many requests waiting"),
        ("MOST_WAITING", "requests are already waiting; try again in a minute."),
    ],
)
@pytest.mark.slow
def test_a_full_queue_is_said(empty, gate, monkeypatch, limit, words):
    monkeypatch.setattr(limits, limit, 1)
    monkeypatch.setattr(empty.page._queue, "max_size", limits.MOST_WAITING)
    begun, real = [], empty.service.describe

    def slow(crops):
        begun.append(1)
        assert gate.wait(PATIENCE)
        return real(crops)

    monkeypatch.setattr(empty.service, "describe", slow)
    threads = [in_background(lambda: empty.visitor().build({"a.png": crop(1)}))]
    wait_until(lambda: begun)
    threads.append(in_background(lambda: empty.visitor().build({"a.png": crop(1)})))
    wait_until(lambda: len(empty.page._queue) == 1)
    late = empty.visitor()
    with pytest.raises(Refused, match=words):
        call(late, "build_gallery", [late.upload({"b.png": crop(2)}), "Late"])
    gate.set()
    for thread in threads:
        thread.join(PATIENCE)


@pytest.mark.slow
def test_one_visit_cannot_fill_the_queue(empty, gate, monkeypatch):
    real = empty.service.describe
    monkeypatch.setattr(empty.service, "describe", lambda crops: gate.wait(PATIENCE) and real(crops))
    greedy, other = empty.visitor(), empty.visitor()
    number = next(e for e in greedy.events if e["api_name"] == "build_gallery")["id"]
    codes = []
    for i in range(limits.MOST_WAITING_PER_VISIT + 4):
        body = {"fn_index": number, "data": [greedy.upload({f"{i}.png": crop(i)}), ""]}
        codes.append(greedy.http.post("gradio_api/queue/join", json=body | {"session_hash": greedy.session}))
        wait_until(lambda: any(empty.page._queue.active_jobs))
    refused = [code.json()["detail"] for code in codes if code.status_code != 200]
    assert len(refused) == 3 and all("You have too many requests" in words for words in refused)
    assert other.search({"photo.png": crop(2)}, "tiny")


@pytest.mark.slow
def test_who_has_nothing_running_comes_first(empty, gate, monkeypatch):
    """Somebody with five searches in the queue does not hold up one who comes after them."""
    order, real = [], empty.service._describe

    def described(crops):
        order.append(len(crops))
        assert len(order) > 1 or gate.wait(PATIENCE)
        return real(crops)

    monkeypatch.setattr(empty.service, "describe", described)
    greedy, other = empty.visitor(), empty.visitor()
    number = next(e for e in greedy.events if e["api_name"] == "build_gallery")["id"]

    def join(visitor, count: int) -> None:
        files = visitor.upload({f"{i}.png": crop(i) for i in range(count)})
        body = {"fn_index": number, "data": [files, ""], "session_hash": visitor.session}
        assert visitor.http.post("gradio_api/queue/join", json=body).status_code == 200

    join(greedy, 1)
    wait_until(lambda: order)
    join(greedy, 2)
    join(greedy, 2)
    join(other, 3)
    gate.set()
    wait_until(lambda: len(order) == 4)
    assert order == [1, 3, 2, 2]
