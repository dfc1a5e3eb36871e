"""The search that the page's events run."""

import gradio as gr
import pytest

from threedsl.errors import InputError
from threedsl.ui.newest import Newest
from threedsl.ui.page import build_demo
from threedsl.ui.search import handlers
from threedsl.ui.search.photo import read_photo
from threedsl.ui.search.query import add


@pytest.mark.slow
def test_the_page_reads_the_photo_again_when_it_has_lost_it(service, demo):
    upload = {"path": str(demo.records[4].path)}
    answer, _, seconds = handlers.search(service, upload, None, "tiny", 1)
    assert answer.rows["combined"][0].picture == "carl1.jpg" and seconds > 0


def test_the_photo_before_an_unreadable_one_is_not_searched_with(service, demo, tmp_path):
    before = add(None, [read_photo(demo.records[4].path)])
    (tmp_path / "letter.jpg").write_bytes(b"Dear sir or madam")
    with pytest.raises(InputError, match=r"letter\.jpg is not a picture"):
        handlers.search(service, {"path": str(tmp_path / "letter.jpg")}, before, "tiny", 1)


def event(service, name):
    return next(fn.fn for fn in build_demo(service).fns.values() if fn.name == name)


def paths(query) -> list[str]:
    return [str(photo.path) for photo in query.photos]


@pytest.mark.slow
def test_removing_the_photo_in_the_box_empties_the_box(service, demo):
    a, b = ({"path": str(record.path)} for record in demo.records[:2])
    query = add(None, handlers.read_photos([a, b]))
    change_people = event(service, "change_people")
    box, left, *_ = change_people(a, query, Newest(), gr.EventData(None, {"remove": "0"}))
    assert box is None and paths(handlers.current_query(box, left)) == [b["path"]]
    for what in ({"remove": "1"}, {"photo": "0", "person": "0"}):
        box, left, *_ = change_people(a, query, Newest(), gr.EventData(None, what))
        assert box == gr.skip() and paths(handlers.current_query(a, left))[0] == a["path"]
    coming = {"path": str(demo.records[2].path)}  # not read yet
    assert change_people(coming, query, Newest(), gr.EventData(None, {"remove": "0"}))[0] == gr.skip()


@pytest.mark.slow
def test_photos_are_added_to_the_one_in_the_box_after_the_query_has_expired(service, demo):
    a, b = ({"path": str(record.path)} for record in demo.records[:2])
    query, *_ = event(service, "add_photos")([b], a, None, Newest())
    assert paths(query) == [a["path"], b["path"]]
