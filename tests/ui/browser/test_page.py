"""The page as a visitor sees it, in Chromium.

With THREEDSL_SHOTS=FOLDER the tests leave screenshots there; shots.py makes those of the documents.
"""

import functools
import os
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import gradio
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import PATIENCE, WITHOUT_WEBGPU
from tests.pictures import broken_pictures
from tests.ui.browser.rest import come_to_rest, expect_width, wait_until
from threedsl.ui.scripts import STATIC

WIDE, PHONE = (1440, 900), (390, 844)
MISSING = re.compile(r"Cannot read properties of (?:null|undefined) \(reading '(\w+)'\)")
CARDS = "#rows .ranking[data-stream={stream}] .card"


class Visit:
    """A visitor's page, with what went wrong on it."""

    def __init__(self, browser: Browser, url: str, size: tuple[int, int], scheme: str = "light"):
        viewport = {"width": size[0], "height": size[1]}
        self.context = browser.new_context(viewport=viewport, color_scheme=scheme)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.add_init_script(WITHOUT_WEBGPU)
        self.errors: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self._note(request.url))
        self.page.goto(url)
        expect(self.page.locator("#go")).to_be_visible(timeout=PATIENCE)
        expect(self.page.locator("#status .example")).to_have_count(1, timeout=PATIENCE)

    def _note(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.elsewhere.append(url)

    def upload(self, path: Path) -> None:
        self.page.locator("#photo input[type=file]").set_input_files(str(path))
        expect_own_search(self.page)

    def expect_choices(self, count: int) -> None:
        expect(self.page.locator("#people button.thumbnail-item")).to_have_count(count, timeout=PATIENCE)

    def expect_rows(self, k: int) -> None:
        for stream in ("appearance", "shape", "combined"):
            expect(self.page.locator(CARDS.format(stream=stream))).to_have_count(k, timeout=PATIENCE)

    def canvas(self) -> np.ndarray:
        """What the 3D canvas shows, BGR."""
        return decode(self.page.locator("#body canvas").screenshot())

    def expect_body(self, reached: Callable[[np.ndarray], bool] = lambda canvas: True) -> np.ndarray:
        """Wait until the canvas shows something for which `reached` is true, and no longer changes."""
        self.page.locator("#body canvas").scroll_into_view_if_needed()
        come_to_rest(self.page)
        seen = [self.canvas()]

        def reached_and_still() -> bool:
            self.page.wait_for_timeout(200)
            seen.append(self.canvas())
            before, now = seen[-2:]
            return body_share(now) > 0.02 and np.array_equal(now, before) and reached(now)

        wait_until(
            self.page, reached_and_still, lambda: f"{body_share(seen[-1]):.4f} of the canvas is drawn on"
        )
        return seen[-1]

    def expect_pictures(self, where: str) -> None:
        """Wait until all of them are there."""
        self.page.wait_for_function(
            "where => [...document.querySelectorAll(where)].every(i => i.complete && i.naturalWidth > 20)",
            arg=where,
        )

    def expect_picture(self, where: str) -> None:
        picture = self.page.locator(f"{where} img")
        picture.scroll_into_view_if_needed()
        self.page.wait_for_function(
            "where => (document.querySelector(where + ' img') || {}).naturalWidth > 50", arg=where
        )

    def turn_body(self) -> None:
        come_to_rest(self.page)
        box = self.page.locator("#body canvas").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + 120, y, steps=8)
        self.page.mouse.up()

    def shoot(self, name: str) -> None:
        """Keep a picture of the whole page, if somebody wants it; lazy pictures have to be scrolled to first."""
        if folder := os.environ.get("THREEDSL_SHOTS"):
            self.page.evaluate("window.scrollTo(0, 0)")
            come_to_rest(self.page)
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    def close(self) -> None:
        self.context.close()
        assert [error for error in self.errors if not is_of_viewer(error)] == [], "the console has errors"
        assert self.elsewhere == [], "the page asked somebody else for something"


def expect_own_search(page: Page) -> None:
    """Wait until the first screen is gone, for the visitor's own search or for a word on it."""
    expect(page.locator("#status .example")).to_have_count(0, timeout=PATIENCE)


def is_of_viewer(error: str) -> bool:
    """Whether the 3D viewer misses something of its own, whose name neither this page's scripts nor Gradio's core know:
    it goes on loading a body for a moment after that was taken away, and the next one is drawn all the same."""
    missing = MISSING.fullmatch(error)
    return missing is not None and not re.search(rf"\b{missing[1]}\b", known_names())


@functools.cache
def known_names() -> str:
    """The scripts of this page, and those of Gradio that run every page."""
    core = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
    scripts = [*STATIC.glob("*.js"), *core.glob("Blocks-*.js"), *core.glob("index-*.js")]
    return "\n".join(script.read_text(encoding="utf-8") for script in scripts)


def decode(png: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Share of pixels that clearly differ."""
    return float((np.abs(one.astype(int) - other).sum(2) > 30).mean())


def body_share(canvas: np.ndarray) -> float:
    """Share of pixels that clearly differ from the background, which is the canvas's lower left corner."""
    background = canvas[-4, 4].astype(int)
    return float((np.abs(canvas.astype(int) - background).sum(2) > 30).mean())


def test_a_photo_becomes_three_rows_and_a_body_that_turns(browser, page_url, outdoor_photo):
    visit = Visit(browser, page_url, WIDE)
    page = visit.page
    visit.upload(outdoor_photo)
    visit.expect_choices(2)
    visit.expect_rows(5)
    for stream in ("appearance", "shape", "combined"):
        cards = page.locator(CARDS.format(stream=stream))
        people = cards.locator(".caption span").all_text_contents()
        for i, person in enumerate(people):
            right = person.endswith("P001")
            assert person.startswith("✓" if right else "✗")
            expect(cards.nth(i)).to_have_class(re.compile("same" if right else "other"))
        expect(cards.locator("img")).to_have_count(5)
        visit.expect_pictures(f"{CARDS.format(stream=stream)} img")
        scores = [float(score) for score in cards.locator(".score").all_text_contents()]
        assert scores == sorted(scores, reverse=True)
    expect(page.locator("#status")).to_contain_text(re.compile(r"Answered in \d+\.\d+ s"))
    expect(page.locator("#measures tbody tr").nth(3)).to_be_attached()
    visit.expect_picture("#overlay")
    visit.expect_picture("#still")

    front = visit.expect_body()
    visit.turn_body()
    visit.expect_body(lambda turned: difference(front, turned) > 0.02)

    visit.shoot("search")
    page.locator("input[aria-label*='Matches per row'][type=number], #matches input[type=number]").first.fill(
        "7"
    )
    page.keyboard.press("Enter")
    page.locator("#go").click()
    visit.expect_rows(7)
    visit.close()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_example_works_with_one_click_everywhere(browser, page_url, size, scheme):
    visit = Visit(browser, page_url, size, scheme)
    page = visit.page
    expect(page.locator("body.dark")).to_have_count(int(scheme == "dark"))
    examples = page.locator("#examples button.gallery-item")
    expect(examples).to_have_count(20)
    examples.nth(10).click()
    expect_own_search(page)
    visit.expect_rows(5)
    visit.expect_body()
    expect_width(page, size[0])
    for place in ("#photo", "#rows", "#body", "#overlay", "#still", "#measures", "#law"):
        assert page.locator(place).bounding_box()["width"] > 100
    visit.expect_picture("#overlay")
    visit.expect_picture("#still")
    visit.shoot(f"example-{size[0]}-{scheme}")
    visit.close()


def test_another_person_and_another_k_search_again(browser, page_url, outdoor_photo, tmp_path):
    one = cv2.resize(cv2.imread(str(outdoor_photo)), (400, 596))
    cv2.imwrite(str(tmp_path / "two.jpg"), np.hstack([one, one[:, ::-1]]))
    visit = Visit(browser, page_url, WIDE)
    page = visit.page
    visit.upload(tmp_path / "two.jpg")
    visit.expect_choices(3)
    expect(page.locator("#notice")).to_contain_text("2 people found")
    visit.expect_rows(5)
    visit.expect_picture("#overlay")
    before = page.locator("#overlay img").get_attribute("src")
    page.locator("#people button.thumbnail-item").nth(2).click()
    expect(page.locator("#overlay img")).not_to_have_attribute("src", before, timeout=PATIENCE)
    visit.expect_rows(5)
    visit.close()


@pytest.mark.parametrize(
    "name", ["not-an-image.jpg", "truncated.jpg", "empty.png", "one-pixel.png", "bomb.png", "photo.heic"]
)
def test_bad_uploads_are_answered_in_words(browser, page_url, tmp_path, name):
    data, words = broken_pictures()[name]
    (tmp_path / name).write_bytes(data)
    visit = Visit(browser, page_url, WIDE)
    visit.upload(tmp_path / name)
    toast = visit.page.locator("[data-testid=toast-body]").last
    # In one go, as it goes away by itself.
    said = re.compile(rf"^(?!.*Traceback).*{re.escape(words)}", re.DOTALL)
    expect(toast).to_have_text(said, timeout=PATIENCE)
    visit.errors.clear()  # Chromium reports the broken pictures it was asked to show
    visit.close()


def test_after_mistakes_a_search_works(browser, page_url, outdoor_photo, tmp_path):
    (tmp_path / "letter.jpg").write_bytes(b"Dear sir or madam")
    visit = Visit(browser, page_url, WIDE)
    page = visit.page
    toast = page.locator("[data-testid=toast-body]").last
    visit.upload(tmp_path / "letter.jpg")
    expect(toast).to_contain_text("not a picture", timeout=PATIENCE)
    page.reload()
    expect(page.locator("#status .example")).to_have_count(1, timeout=PATIENCE)
    visit.upload(outdoor_photo)
    visit.expect_choices(2)
    visit.expect_rows(5)
    visit.errors.clear()  # Chromium reports the broken pictures it was asked to show
    visit.close()
