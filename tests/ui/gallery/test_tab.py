"""What the Gallery tab does while a search runs on the other tab."""

from types import SimpleNamespace

import pytest

from threedsl.ui.gallery import handlers
from threedsl.ui.newest import Newest
from threedsl.ui.page import build_demo, build_service


@pytest.fixture
def page(model, demo, tmp_path):
    return build_demo(build_service(model, {"tiny": demo}, tmp_path))


def test_a_search_that_runs_answers_nothing_once_another_gallery_is_opened(page, monkeypatch):
    monkeypatch.setattr(handlers, "own_gallery", lambda *_: SimpleNamespace(title="mine"))
    (button,) = (number for number, block in page.blocks.items() if block.elem_id == "gallery-search")
    event = next(
        fn for fn in page.fns.values() if (button, "click") in fn.targets and fn.fn and fn.outputs[1:]
    )
    searches, visit = Newest(), SimpleNamespace(session_hash="visit")

    def search():
        assert "Add a photo to search mine" in str(event.fn("mine-1", searches, 2, visit))
        return "matches in another gallery"

    assert searches.run(search, turn=1) is None


def test_a_search_of_an_own_gallery_that_is_lost_is_said_to_have_failed(page):
    (button,) = (number for number, block in page.blocks.items() if block.elem_id == "gallery-search")
    (rows,) = (number for number, block in page.blocks.items() if block.elem_id == "rows")
    events = page.config["dependencies"]
    (opened,) = (
        e["id"] for e in events if [button, "click"] in map(list, e["targets"]) and rows in e["outputs"]
    )
    (search,) = (e["id"] for e in events if e["trigger_after"] == opened)
    assert any(
        e["trigger_only_on_failure"] and rows in e["outputs"] for e in events if e["trigger_after"] == search
    )
