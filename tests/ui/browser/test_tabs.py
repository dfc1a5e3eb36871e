"""Compare, Gallery and Evidence as a visitor sees them, in Chromium.

With THREEDSL_SHOTS=FOLDER the tests leave pictures there, one of every tab at both widths.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import PATIENCE as PAGE_PATIENCE
from tests.ui.browser.rest import expect_width, tops, wait_until
from tests.ui.browser.test_page import PHONE, WIDE, Visit, body_share, decode, expect_own_search
from threedsl.gallery.demo import openpeople_folder

SIZES = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
PATIENCE = 3 * PAGE_PATIENCE  # two photos or a gallery are several searches
WAITING = "Add two photos"


@pytest.fixture
def photos() -> list[Path]:
    """Outdoors and in the studio, of two people each."""
    folders = [openpeople_folder() / person / "assets" for person in ("P002", "P004")]
    return [folder / f"{kind}_posture.jpg" for folder in folders for kind in ("amateur", "studio")]


class Tab(Visit):
    """A visitor who goes to one of the other tabs first."""

    def __init__(self, browser, url, size, name: str, scheme: str = "light"):
        super().__init__(browser, url, size, scheme)
        self.size = size
        self.to(name)

    def to(self, name: str) -> None:
        tab = self.page.get_by_role("tab", name=name, exact=True)
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true", timeout=PATIENCE)

    def give(self, where: str, *paths: Path) -> None:
        self.page.locator(f"{where} input[type=file]").set_input_files([str(path) for path in paths])

    def expect_words(self, where: str, words: str) -> None:
        expect(self.page.locator(where)).to_contain_text(words, timeout=PATIENCE)

    def expect_in_sight(self, where: str) -> None:
        self.page.wait_for_function(
            "where => { const box = document.querySelector(where)?.getBoundingClientRect();"
            " return box && box.top >= -5 && box.top < innerHeight * 0.75; }",
            arg=where,
        )

    def keep(self, name: str, *canvases: str) -> None:
        """A picture of what is seen once `canvases` show something, if somebody wants it."""
        if not (folder := os.environ.get("THREEDSL_SHOTS")):
            return
        self.page.mouse.move(0, 0)
        self.expect_drawn(*canvases)
        self.page.screenshot(path=Path(folder) / f"{name}-{self.size[0]}.png")

    def expect_drawn(self, *canvases: str) -> None:
        """Wait until all of them show something."""

        def drawn() -> list[float]:
            return [body_share(decode(self.page.locator(canvas).screenshot())) for canvas in canvases]

        wait_until(self.page, lambda: min(drawn()) > 0.02, lambda: f"{drawn()} of {canvases} is drawn on")


@SIZES
def test_two_photos_are_compared_and_the_answer_is_in_sight(browser, page_url, photos, size, tmp_path):
    visit = Tab(browser, page_url, size, "Compare")
    page = visit.page
    examples = page.locator("#pairs tbody tr")
    expect(examples.nth(1)).to_be_visible()
    first, second = tops(page, "#pairs tbody tr:nth-child(1)", "#pairs tbody tr:nth-child(2)")
    assert first == second, "two examples beside each other"
    visit.give("#first-photo", photos[2])
    expect(page.locator("#first-people button")).not_to_have_count(0, timeout=PATIENCE)
    visit.expect_words("#compare-words", WAITING)
    visit.give("#second-photo", photos[3])
    expect(page.locator("#compare-words h2")).to_be_visible(timeout=PATIENCE)
    if size == PHONE:
        visit.expect_in_sight("#compare-words h2")
    expect(page.locator("#compare-words strong")).to_contain_text("By these scores the two look")
    expect(page.locator("#compare-words strong")).to_contain_text(
        "This was not measured on photos like yours."
    )
    for place in ("#compare-still", "#compare-heat-still"):
        visit.expect_picture(place)
    page.evaluate("document.querySelector('#compare-words').scrollIntoView()")
    visit.keep("compare", "#compare-bodies canvas", "#compare-heat canvas")
    expect_width(page, size[0])

    (tmp_path / "letter.jpg").write_bytes(b"Dear sir or madam")
    page.locator("#second-photo").get_by_role("button", name="Remove Image").click()
    visit.give("#second-photo", tmp_path / "letter.jpg")
    expect(page.locator("[data-testid=toast-body]").last).to_contain_text("not a picture", timeout=PATIENCE)
    visit.expect_words("#compare-words", WAITING)
    expect(page.locator("#compare-words h2")).to_have_count(0)
    visit.errors.clear()  # Chromium reports the broken picture it was asked to show
    examples.nth(1).click()
    expect(page.locator("#compare-words h2")).to_be_visible(timeout=PATIENCE)
    visit.close()


def test_a_photo_that_is_removed_takes_the_coming_answer_with_it(browser, page_url, photos):
    visit = Tab(browser, page_url, WIDE, "Compare")
    page = visit.page
    visit.give("#first-photo", photos[2])
    expect(page.locator("#first-people button")).not_to_have_count(0, timeout=PATIENCE)
    visit.give("#second-photo", photos[3])
    expect(page.locator("#second-people button")).not_to_have_count(0, timeout=PATIENCE)
    page.locator("#first-photo").get_by_role("button", name="Remove Image").click()
    expect(page.locator("#first-people button")).to_have_count(0, timeout=PATIENCE)
    page.wait_for_timeout(8000)  # an answer on its way would come now
    expect(page.locator("#compare-words h2")).to_have_count(0)
    visit.expect_words("#compare-words", WAITING)
    visit.give("#first-photo", photos[2])
    expect(page.locator("#compare-words h2")).to_be_visible(timeout=PATIENCE)
    visit.expect_drawn("#compare-bodies canvas", "#compare-heat canvas")
    visit.close()


@SIZES
def test_a_gallery_is_built_named_searched_and_deleted(browser, page_url, photos, size):
    visit = Tab(browser, page_url, size, "Gallery")
    page = visit.page
    visit.expect_words("#gallery-status", "You have no gallery yet")
    visit.give("#gallery-files", *photos)
    visit.expect_words("#gallery-files", "4 files")
    page.locator("#gallery-name :is(input, textarea)").fill("Two people")
    page.locator("#gallery-build").click()
    visit.expect_words("#gallery-status", "Built “Two people” with 4 pictures.")
    expect(page.locator("#gallery-shown")).to_contain_text("no people named", timeout=PATIENCE)
    fields = page.locator("#gallery-shown input[data-row]")
    for number, name in enumerate(("Ann", "Ann", "Bo", "Bo")):
        fields.nth(number).fill(name)
    visit.to("Evidence")
    visit.to("Gallery")
    expect(fields.nth(3)).to_have_value("Bo")
    fields.nth(3).press("Enter")
    visit.expect_words("#gallery-status", "Saved: 2 people named.")
    expect(page.locator("#gallery-shown")).to_contain_text("2 people named", timeout=PATIENCE)
    page.evaluate("window.scrollTo(0, 0)")
    visit.keep("gallery")
    expect_width(page, size[0])

    page.locator("#gallery-search").click()
    visit.expect_words("#status", "Add a photo to search Two people.")
    expect(page.locator("#rows .card[data-index]")).to_have_count(0)
    page.locator("#examples button.gallery-item").first.click()
    expect_own_search(page)
    expect(page.locator("#rows .card[data-index]")).to_have_count(15, timeout=PATIENCE)
    visit.to("Gallery")
    page.locator("#gallery-search").click()
    expect(page.locator("#rows .card[data-index]")).to_have_count(12, timeout=PATIENCE)
    visit.expect_in_sight("#status")
    captions = page.locator("#rows .caption").all_inner_texts()
    assert all(caption.endswith(("Ann", "Bo")) for caption in captions), captions
    page.locator("#rows .card > button").first.click()
    expect(page.locator("#match-words h2")).to_be_visible(timeout=PATIENCE)

    visit.to("Gallery")
    delete = page.locator("#gallery-delete")
    delete.dblclick()
    expect(delete).to_have_text("Delete permanently", timeout=PATIENCE)
    page.locator("#gallery-name :is(input, textarea)").press_sequentially("x")
    expect(delete).to_have_text("Delete", timeout=PATIENCE)
    delete.focus()
    page.keyboard.press("Enter")
    expect(delete).to_have_text("Delete permanently", timeout=PATIENCE)
    page.wait_for_timeout(800)  # a hasty second click confirms nothing
    page.keyboard.press("Enter")
    visit.expect_words("#gallery-status", "“Two people” was deleted.")
    visit.to("Search")
    visit.expect_words("#status", "The gallery of these matches no longer exists.")
    expect(page.locator("#rows .card[data-index]")).to_have_count(0)
    expect(page.locator("#detail")).to_be_hidden()
    visit.close()


def test_an_opened_match_is_emptied_before_the_next_one_comes(browser, page_url):
    visit = Visit(browser, page_url, WIDE)
    page = visit.page
    page.locator("#examples button.gallery-item").first.click()
    expect_own_search(page)
    visit.expect_rows(5)
    cards = page.locator("#rows .card > button")
    cards.nth(0).click()
    expect(page.locator("#match-words h2")).to_be_visible(timeout=PATIENCE)
    held = []
    page.route("**/queue/join*", lambda request: held.append(request))
    cards.nth(1).click()
    expect(page.locator("#match-words h2")).to_have_count(0, timeout=PATIENCE)
    expect(page.locator("#match-still img")).to_have_count(0)
    page.wait_for_timeout(200)
    for request in held:
        request.continue_()
    page.unroute("**/queue/join*")
    expect(page.locator("#match-words h2")).to_be_visible(timeout=PATIENCE)
    visit.close()


@SIZES
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_evidence_begins_with_what_must_not_be_done(browser, page_url, size, scheme):
    visit = Tab(browser, page_url, size, "Evidence", scheme)
    page = visit.page
    headings = page.locator("#evidence h3:visible")
    if page.locator("#evidence .prose li").count():
        assert headings.first.inner_text() == "What it must not be used for"
    for details in page.locator("#evidence details").all():
        assert details.get_attribute("open") is None
        details.locator("summary").click()
        assert details.locator("p, li, table, img").filter(visible=True).count()
        details.locator("summary").click()
    expect_width(page, size[0])
    page.evaluate("document.querySelector('#evidence .side-by-side')?.scrollIntoView({block: 'center'})")
    visit.keep("evidence" if scheme == "light" else "evidence-dark")
    visit.close()


def test_what_is_not_chosen_can_be_seen_in_the_dark(browser, page_url):
    visit = Visit(browser, page_url, WIDE, "dark")
    border, ground = visit.page.locator("#search input[type=radio]:not(:checked)").first.evaluate(
        "box => [getComputedStyle(box).borderTopColor, getComputedStyle(box).backgroundColor]"
    )
    bright, dark = luminance(border), luminance(ground)
    assert (bright + 0.05) / (dark + 0.05) >= 3, "as WCAG 1.4.11 wants it"
    visit.close()


def luminance(colour: str) -> float:
    """Relative luminance of "rgb(r, g, b)" by WCAG 2."""
    shares = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
