"""Closing the page, or “Delete my data now”: of that visit nothing is left, and of others everything."""

import threading
import time
from contextlib import suppress

import pytest

from tests.ui.browser.visit import Refused, Visitor
from tests.zips import crop, zipped
from threedsl.ui.gallery import handlers
from threedsl.ui.pictures import new_file
from threedsl.ui.security import written
from threedsl.ui.security.written import lasting, writing


def wait_until(condition) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def leave_things(visitor: Visitor, seed: int) -> str:
    """Everything that a visit can leave on disk; the name of its gallery."""
    page = visitor.build({"people.zip": zipped({"anna/1.png": crop(seed)})})
    visitor.search({"photo.png": crop(seed + 1)}, page.name)
    visitor.press("go-compare", [*visitor.upload({"a.png": crop(seed), "b.png": crop(seed + 1)}), None, None])
    visitor.export(page.name)
    return page.name


@pytest.mark.parametrize("how", ["button", "closing"])
@pytest.mark.slow
def test_a_visits_files_go(empty, how):
    mine, other = empty.visitor(), empty.visitor()
    leave_things(other, 100)
    theirs = empty.files()
    assert len(theirs) > 8
    with mine.open_page():
        name = leave_things(mine, 200)
        assert len(empty.files()) >= 2 * len(theirs)
        assert empty.page.ledger.bytes_of(mine.session) > 0
        if how == "button":
            mine.press("delete-data", [])
            assert empty.files() == theirs
            assert mine.session not in empty.page.states.session_data or not list(
                empty.page.states.session_data[mine.session].state_data
            )
    wait_until(lambda: empty.files() == theirs)
    with pytest.raises(Refused, match="unknown"):
        mine.export(name)


@pytest.mark.slow
def test_a_search_that_outlives_its_visit_leaves_nothing(empty, monkeypatch):
    visitor, searching, erased = empty.visitor(), threading.Event(), threading.Event()
    search = empty.service.search

    def held(*args, **options):
        searching.set()
        assert erased.wait(300)
        return search(*args, **options)

    monkeypatch.setattr(empty.service, "search", held)
    asking = threading.Thread(target=visitor.search, args=({"photo.png": crop(7)}, "tiny"))
    asking.start()
    assert searching.wait(120)
    button = [visitor.ids["delete-data"], "click"]
    number = next(e["id"] for e in visitor.events if button in e["targets"] and e["backend_fn"])
    call = {"fn_index": number, "data": [], "session_hash": visitor.session}
    assert visitor.http.post("gradio_api/run/predict", json=call).status_code == 200
    erased.set()
    asking.join()
    assert empty.files() == set()
    assert empty.page.ledger.bytes_of(visitor.session) == 0
    monkeypatch.undo()
    visitor.search({"photo.png": crop(8)}, "tiny")
    assert empty.files()


@pytest.mark.slow
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_a_cancelled_search_leaves_nothing(empty, monkeypatch, late):
    """Its thread goes on, and may write before the visit ends or after it."""
    visitor, searching, cancelled = empty.visitor(), threading.Event(), threading.Event()
    done, events = threading.Event(), []
    search = empty.service.search

    def held(*args, **options):
        events.append(written._current.get())
        answer = None if late else search(*args, **options)
        searching.set()
        assert cancelled.wait(300)
        try:
            return answer or search(*args, **options)
        finally:
            threading.Timer(0.5, done.set).start()

    monkeypatch.setattr(empty.service, "search", held)
    event = next(
        e for e in visitor.events if [visitor.ids["go"], "click"] in e["targets"] and e["backend_fn"]
    )
    (upload,) = visitor.upload({"photo.png": crop(5)})
    data = [upload, None, None, "tiny", 3, False, False, None, None]
    call = {"fn_index": event["id"], "data": data, "session_hash": visitor.session}
    said = visitor.http.post("gradio_api/queue/join", json=call).json()
    assert searching.wait(120)
    visitor.http.post("gradio_api/cancel", json=call | {"event_id": said["event_id"]})
    wait_until(lambda: events[0].has_ended)
    cancelled.set()
    assert done.wait(120)
    with suppress(
        KeyError
    ):  # the first answer in the queue is that of the cancelled search, which has no data
        visitor.press("delete-data", [])
    wait_until(lambda: empty.files() == set())


def test_files_of_an_event_that_fails_go(tmp_path):
    with pytest.raises(ValueError), writing() as keep:
        made = new_file(tmp_path, "body.glb")
        made.write_bytes(b"body")
        keep([])
        raise ValueError
    assert not made.parent.exists()
    with writing() as keep:
        first, second = (new_file(tmp_path, name) for name in ("a", "b"))
        with lasting():
            third = new_file(tmp_path, "c")
        keep([str(second)])
    assert [path.parent.exists() for path in (first, second, third)] == [False, True, True]


@pytest.mark.slow
def test_an_export_of_a_gallery_deleted_meanwhile_leaves_nothing(empty, monkeypatch):
    visitor = empty.visitor()
    page = visitor.build({"people.zip": zipped({"anna/1.png": crop(1)})})
    write = handlers.write_exported

    def deleting(path, *args):
        empty.service.visitors.delete(visitor.session, page.name)
        write(path, *args)

    monkeypatch.setattr(handlers, "write_exported", deleting)
    with pytest.raises(Refused, match="unknown"):
        visitor.export(page.name)
    assert not [path for path in empty.files() if path.suffix == ".zip" and "export" in str(path)]


@pytest.mark.slow
def test_a_cancelled_build_ends_and_keeps_no_gallery(empty, monkeypatch):
    visitor, building, cancelled = empty.visitor(), threading.Event(), threading.Event()
    describe = empty.service._describe
    described, events = [], []

    def held(crops):
        events.append(written._current.get())
        building.set()
        assert cancelled.wait(300)
        described.append(len(crops))
        return describe(crops)

    monkeypatch.setattr(empty.service, "describe", held)
    files = visitor.upload({f"{i}.png": crop(i) for i in range(20)})
    target = [visitor.ids["gallery-build"], "click"]
    event = next(e for e in visitor.events if target in e["targets"] and e["backend_fn"])
    call = {
        "fn_index": event["id"],
        "data": [files, "", "tiny", None],
        "session_hash": visitor.session,
    }
    said = visitor.http.post("gradio_api/queue/join", json=call).json()
    assert building.wait(120)
    visitor.http.post("gradio_api/cancel", json=call | {"event_id": said["event_id"]})
    wait_until(lambda: events[0].has_ended)
    cancelled.set()
    wait_until(lambda: not empty.service.visitors._building)
    assert described == [8] and not empty.service.visitors._held


@pytest.mark.slow
def test_only_what_was_asked_about_is_deleted(empty):
    """A gallery that is there meanwhile is the chosen one: confirming the question about another one deleted it."""
    visitor = empty.visitor()
    first = visitor.build({"a.png": crop(1)}, "first")
    label, line, *_ = visitor.press("gallery-delete", ["Delete", first.name, None])
    assert "first" in line
    second = visitor.build({"a.png": crop(2)}, "second")
    again, line, *_ = visitor.press("gallery-delete", [label, second.name, None])
    assert again == label and "Delete “second”" in line
    assert visitor.export(second.name)
    label, line, *_ = visitor.press("gallery-delete", [again, second.name, None])
    assert label == "Delete" and "“second” was deleted" in line
    assert visitor.export(first.name)
