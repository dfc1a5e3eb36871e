"""Closing the page, or “Delete my data now”: of that visit nothing is left, and of others everything."""

import threading
import time

import pytest

from tests.ui.browser.visit import Refused, Visitor
from tests.zips import crop, zipped


def wait_until(condition) -> None:
    end = time.monotonic() + 60
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
        assert erased.wait(60)
        return search(*args, **options)

    monkeypatch.setattr(empty.service, "search", held)
    asking = threading.Thread(target=visitor.search, args=({"photo.png": crop(7)}, "tiny"))
    asking.start()
    assert searching.wait(60)
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
