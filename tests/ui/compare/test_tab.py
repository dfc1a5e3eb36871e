"""What the Compare tab does where something fails meanwhile."""

from types import SimpleNamespace

import pytest

from threedsl.errors import InputError
from threedsl.ui.compare import tab
from threedsl.ui.newest import Newest
from threedsl.ui.page import build_demo, build_service


@pytest.fixture
def page(model, demo, tmp_path):
    return build_demo(build_service(model, {"tiny": demo}, tmp_path))


def number_of(page, elem_id: str) -> int:
    (found,) = (number for number, block in page.blocks.items() if block.elem_id == elem_id)
    return found


def test_no_comparison_stays_beside_a_photo_that_cannot_be_read(page):
    """It may be answered while the photo waits for its turn to be read."""
    words = number_of(page, "compare-words")
    events = page.config["dependencies"]
    for name in ("first", "second"):
        strip = number_of(page, f"{name}-people")
        reads = [e["id"] for e in events if strip in e["outputs"] and e["backend_fn"]]
        emptied = {
            e["trigger_after"] for e in events if e["trigger_only_on_failure"] and words in e["outputs"]
        }
        others = {(strip, "click"), (number_of(page, f"{name}-photo"), "clear")}
        apart = {e["id"] for e in events if others & set(map(tuple, e["targets"]))}
        assert len(set(reads) - apart) == 2 and set(reads) - apart <= emptied


def test_a_choice_that_cannot_be_made_leaves_the_comparison_that_runs(page, monkeypatch):
    def refused(*_):
        raise InputError("The box is not inside the photo.")

    monkeypatch.setattr(tab, "change", refused)
    strip = number_of(page, "first-people")
    choose = next(fn.fn for fn in page.fns.values() if (strip, "click") in fn.targets)
    pairs, runs = Newest(), []

    def compare():
        with pytest.raises(Exception, match="not inside the photo"):
            choose(object(), Newest(), pairs, SimpleNamespace(_data={}))
        runs.append(1)
        return "an answer"

    assert pairs.run(compare) == "an answer" and runs
