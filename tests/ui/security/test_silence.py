"""A page whose connection breaks, as on a phone that sleeps, loses nothing; one that is closed leaves nothing."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import PATIENCE, WITHOUT_WEBGPU
from tests.ui.browser.rest import come_to_rest
from tests.ui.browser.rest import wait_until as wait_until_page
from tests.ui.browser.visit import Refused, Visitor
from tests.ui.security.test_deleting import leave_things, wait_until
from tests.zips import crop
from threedsl.ui.security import limits, visits


@pytest.fixture
def soon(monkeypatch) -> None:
    """The server looks often."""
    monkeypatch.setattr(visits, "LOOK_SECONDS", 0.05)


def loses_everything(empty, visitor: Visitor, name: str) -> bool:
    wait_until(lambda: visitor.session not in empty.page.open_pages)
    wait_until(lambda: empty.files() == set())
    with pytest.raises(Refused, match="unknown"):
        visitor.export(name)
    return True


@pytest.mark.slow
def test_a_broken_connection_costs_nothing_before_its_time(empty, soon, monkeypatch):
    visitor = empty.visitor()
    with visitor.connected():
        name = leave_things(visitor, 300)
    kept = empty.files()
    time.sleep(1)
    assert visitor.session in empty.page.open_pages and empty.files() == kept
    assert visitor.tell("here") == 204
    assert visitor.export(name)
    with visitor.connected():
        assert visitor.export(name)
    monkeypatch.setattr(limits, "MOST_SILENT_SECONDS", 0.2)
    assert loses_everything(empty, visitor, name)
    assert visitor.tell("here") == visitor.tell("closed") == 404


@pytest.mark.slow
def test_signs_of_life_keep_a_visit(empty, soon, monkeypatch):
    passed = 0.0
    monkeypatch.setattr(empty.page.open_pages, "_clock", lambda: passed)
    visitor = empty.visitor()
    with visitor.connected():
        name = visitor.build({"b.png": crop(1)}).name
        page = empty.page.open_pages._pages[visitor.session]
    wait_until(lambda: not page.connections)
    for _ in range(5):
        passed += limits.MOST_SILENT_SECONDS - 1
        assert visitor.session not in empty.page.open_pages
        assert visitor.tell("here") == 204
        assert visitor.session in empty.page.open_pages
    assert visitor.export(name)
    passed += limits.MOST_SILENT_SECONDS
    assert loses_everything(empty, visitor, name)


def test_an_unknown_visit_is_called_that(served):
    stranger = served.visitor()
    for state in ("here", "closed"):
        answer = stranger.http.post(f"gradio_api/visit/{stranger.session}/{state}")
        assert answer.status_code == 404 and answer.json()["detail"].startswith("There is no such visit")
    assert stranger.http.post(f"gradio_api/visit/{stranger.session}/open").status_code == 404
    assert stranger.http.get(f"gradio_api/visit/{stranger.session}/here").status_code == 404


def test_another_site_cannot_end_a_visit(served):
    visitor = served.visitor()
    with visitor.open_page():
        foreign = {"Origin": "https://example.org"}
        answer = visitor.http.post(f"gradio_api/visit/{visitor.session}/closed", headers=foreign)
        assert answer.status_code == 403 and visitor.session in served.page.open_pages


def test_silent_pages_are_bounded(served, soon, monkeypatch):
    monkeypatch.setattr(limits, "MOST_OPEN_PAGES_PER_ADDRESS", 2)
    visitors, pages = [served.visitor() for _ in range(4)], served.page.open_pages
    for visitor in visitors:
        with visitor.connected():
            page = pages._pages[visitor.session]
        wait_until(lambda page=page: not page.connections)
    wait_until(lambda: sum(visitor.session in pages for visitor in visitors) == 2)
    assert [visitor.tell("closed") for visitor in visitors] == [404, 404, 204, 204]


def test_pages_with_and_without_a_connection_are_bounded_together(served, soon, monkeypatch):
    monkeypatch.setattr(limits, "MOST_OPEN_PAGES_PER_ADDRESS", 2)
    visitors, pages = [served.visitor() for _ in range(4)], served.page.open_pages
    for visitor in visitors[:2]:
        with visitor.connected():
            page = pages._pages[visitor.session]
        wait_until(lambda page=page: not page.connections)
    with visitors[2].open_page(), visitors[3].open_page():
        wait_until(lambda: not any(visitor.session in pages._pages for visitor in visitors[:2]))
        assert all(visitor.session in pages for visitor in visitors[2:])


@pytest.mark.parametrize("limit", ["MOST_OPEN_PAGES", "MOST_OPEN_PAGES_PER_ADDRESS"])
def test_pages_that_others_open_and_leave_do_not_end_a_visit_with_a_gallery(served, soon, monkeypatch, limit):
    sleeping, pages = served.visitor(), served.page.open_pages
    with sleeping.connected():
        name = sleeping.build({"b.png": crop(1)}).name
    wait_until(lambda: not pages._pages[sleeping.session].connections)
    monkeypatch.setattr(limits, limit, 2)
    others = [served.visitor() for _ in range(5)]
    for other in others:
        with other.connected():
            page = pages._pages[other.session]
        wait_until(lambda page=page: not page.connections)
    wait_until(lambda: sum(other.session in pages for other in others) <= 1)
    assert sleeping.export(name) and sleeping.tell("closed") == 204


class Line:
    """A connection between browser and page that can be cut: what is open then ends, and nothing new gets through."""

    def __init__(self, port: int):
        self.target, self.cut = port, False
        self._ends: list[socket.socket] = []
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def break_now(self) -> None:
        self.cut = True
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._ends.clear()

    def close(self) -> None:
        self.break_now()
        self._door.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near = self._door.accept()[0]
                if self.cut:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.target))
                self._ends += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def line_to(url: str) -> Iterator[Line]:
    line = Line(int(url.rstrip("/").rsplit(":", 1)[1]))
    yield line
    line.close()


def open_gallery_tab(browser: Browser, line: Line) -> tuple[Page, Callable[[], None]]:
    """The page through a line, and what waits until it asks for nothing: Gradio loads the page again after a call that
    is cut short."""
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(WITHOUT_WEBGPU)
    in_flight = set()
    page.on("request", lambda one: in_flight.add(one) if "/queue/" in one.url else None)
    for end in ("requestfinished", "requestfailed"):
        page.on(end, lambda one: in_flight.discard(one))
    page.goto(f"http://127.0.0.1:{line.port}/?tab=gallery")

    def wait_for_answers() -> None:
        come_to_rest(page)
        wait_until_page(page, lambda: not in_flight, lambda: f"still asking: {in_flight}")

    return page, wait_for_answers


def build(page: Page, photo: Path, title: str) -> None:
    page.locator("#gallery-files input[type=file]").set_input_files(str(photo))
    page.locator("#gallery-name :is(input, textarea)").fill(title)
    page.locator("#gallery-build").click()
    expect(page.locator("#gallery-status")).to_contain_text(f"Built “{title}”", timeout=PATIENCE)
    expect(page.locator("#gallery-shown h3")).to_have_text(title, timeout=PATIENCE)


def test_a_phone_that_slept_has_its_gallery_and_closing_the_page_deletes_it(browser, served, soon, tmp_path):
    (tmp_path / "b.png").write_bytes(crop(1))
    store, pages = served.service.visitors, served.page.open_pages
    with line_to(served.url) as line:
        page, wait_for_answers = open_gallery_tab(browser, line)
        build(page, tmp_path / "b.png", "Kept")
        wait_for_answers()
        (session,) = {held.session for held in store._held.values() if held.gallery.title == "Kept"}

        line.break_now()
        wait_until(lambda: not pages._pages[session].connections)
        silent = pages._pages[session].sign
        page.wait_for_timeout(1000)
        line.cut = False
        page.evaluate("window.dispatchEvent(new Event('online'))")
        wait_until(lambda: pages._pages[session].sign > silent)
        page.locator("#gallery-search").click()
        expect(page.locator("#status")).to_contain_text("Add a photo to search Kept", timeout=PATIENCE)

        page.goto("about:blank")
        wait_until(lambda: session not in pages._pages)
        wait_until(lambda: "Kept" not in {held.gallery.title for held in store._held.values()})
        page.context.close()


def test_a_phone_that_slept_too_long_is_a_visit_again_and_closing_the_page_ends_it(
    browser, served, soon, tmp_path, monkeypatch
):
    (tmp_path / "b.png").write_bytes(crop(1))
    store, pages = served.service.visitors, served.page.open_pages
    before = set(pages._pages)
    with line_to(served.url) as line:
        page, wait_for_answers = open_gallery_tab(browser, line)
        wait_until(lambda: set(pages._pages) - before)
        wait_for_answers()
        (session,) = set(pages._pages) - before
        with monkeypatch.context() as short:
            short.setattr(limits, "MOST_SILENT_SECONDS", 0.2)
            line.break_now()
            wait_until(lambda: session not in pages._pages)
        line.cut = False
        page.evaluate("window.dispatchEvent(new Event('online'))")
        wait_until(lambda: session in pages._pages and pages._pages[session].connections)

        build(page, tmp_path / "b.png", "Later")
        page.goto("about:blank")
        wait_until(lambda: session not in pages._pages)
        wait_until(lambda: "Later" not in {held.gallery.title for held in store._held.values()})
        page.context.close()
