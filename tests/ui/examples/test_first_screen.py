"""The search that the page opens on: made once, kept from the sweep, and never in the way of a visitor's own."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from threedsl.gallery.example_ranks import ExampleRank
from threedsl.ui.examples.first_screen import FirstScreen, example_text, offer, waiting_for_first
from threedsl.ui.examples.strip import outcome, strip_html
from threedsl.ui.newest import Newest
from threedsl.ui.page import build_demo, build_service
from threedsl.ui.search.photo import read_photo
from threedsl.ui.search.query import add, choose_area
from threedsl.ui.search.rankings import Rankings
from threedsl.ui.service import Answer


@pytest.fixture
def service(model, demo, tmp_path):
    return build_service(model, {"tiny": demo}, tmp_path / "cache")


def warmed(service):
    service.warm_up()
    asyncio.run(waiting_for_first(service)())
    return service


@pytest.mark.slow
def test_the_first_search_is_that_of_the_first_example(service, demo):
    assert service.first is None and not service.is_preparing
    first = warmed(service).first
    assert not service.is_preparing and first.example == service.shelf.examples()[0]
    assert first.answer.rankings.person == "anna" and first.answer.body is not None
    screen = FirstScreen(service, gr.HTML())
    shown = screen.get()
    assert screen.get() is shown, "made once"
    assert "<b>Example:</b> anna" in shown.status and ">add your own photo<" in shown.status
    assert shown.rows.count('data-stream="shape" title') == 5


@pytest.mark.slow
def test_its_files_are_the_pages_own(service):
    page = build_demo(warmed(service))
    Path(service.first.answer.glb).unlink()  # swept before a visitor came
    event = next(fn for fn in page.fns.values() if fn.name == "show_first")
    values = event.fn(None, None)
    assert len(values) == len(event.outputs)
    answer = next(value for value in values if isinstance(value, Answer))
    assert Path(answer.glb).is_file() and answer.glb in page.own_files()
    assert values[0] == "tiny", "the gallery that was searched is chosen"
    assert service.is_first(service.first.query) and not service.is_first(None)
    assert not service.is_first(add(None, [read_photo(service.first.example.photo)]))


@pytest.mark.slow
def test_a_faster_visitor_keeps_what_is_on_the_page(service):
    page = build_demo(warmed(service))
    event = next(fn for fn in page.fns.values() if fn.name == "show_first")
    skipped = [gr.skip()] * len(event.outputs)
    assert event.fn({"path": "mine.jpg"}, None) == skipped
    assert event.fn(None, service.first.query) == skipped
    service.first = None
    assert build_first(service).fn(None, None) == skipped, "nothing to show is no error"


def build_first(service):
    return next(fn for fn in build_demo(service).fns.values() if fn.name == "show_first")


@pytest.mark.slow
def test_a_page_waits_while_the_search_is_made_and_not_where_it_failed(service, monkeypatch):
    go = threading.Event()
    search = service.search

    def slow(*args, **options):
        go.wait(30)
        return search(*args, **options)

    monkeypatch.setattr(service, "search", slow)
    service.warm_up()
    assert service.is_preparing
    threading.Timer(0.5, go.set).start()
    asyncio.run(waiting_for_first(service)())
    assert service.first is not None
    monkeypatch.setattr(service, "search", lambda *args, **options: 1 / 0)
    service.first = None
    service._warm_up()
    assert service.first is None and not service.is_preparing


def test_only_a_stranger_in_a_demo_gallery_is_shown_the_way_to_an_own_one():
    known, unknown = Rankings({}, {}, "anna", {}), Rankings({}, {}, None, {})
    assert "Add two photos of yourself in different clothes" in offer(unknown, True)
    assert offer(unknown, False) == offer(known, True) == ""
    words = example_text(known, np.zeros((40, 20, 3), np.uint8))
    assert "Example" in words and 'src="data:image/jpeg' in words and "anna" in words


def test_hard_examples_are_labelled_and_all_are_counted(service):
    (example,) = service.shelf.examples()
    ranks = {"appearance": 4, "shape": 1, "combined": 1}
    telling = replace(example, measured=ExampleRank("anna", "1", ranks))
    hard = replace(example, measured=ExampleRank("ben", "2", ranks | {"shape": 3, "combined": 2}))
    html = strip_html([telling, hard], {"tiny": "Three people"})
    assert html.count("<span class=hard>") == 1 and 'aria-label="Example photo 2, hard"' in html
    assert "(out of 2 searches): 0 by appearance, 1 by 3D body shape, 1 by both" in html
    plain = strip_html([example, telling], {"tiny": "Three people"})
    assert outcome([example]) == "" and "ranked first" not in plain, (
        "nothing is said of what was not measured"
    )


@pytest.mark.slow
@pytest.mark.parametrize("area", [None, [0, 0, 40, 80]])
def test_photos_are_not_added_to_the_example_of_the_first_screen(service, demo, area):
    warmed(service)
    add_photos = next(fn.fn for fn in build_demo(service).fns.values() if fn.name == "add_photos")
    example = service.first.query
    shown = choose_area(example, 0, area) if area else example
    photos = [{"path": str(record.path)} for record in demo.records[:2]]
    query, *_ = add_photos(photos[:1], None, shown, Newest())
    assert [str(photo.path) for photo in query.photos] == [photos[0]["path"]]
    query, *_ = add_photos(photos[1:], None, query, Newest())
    assert [str(photo.path) for photo in query.photos] == [photo["path"] for photo in photos]
