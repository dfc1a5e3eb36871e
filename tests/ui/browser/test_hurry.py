"""Visitors who do not wait for an answer, names that do not fit a line, and searches that fail, in Chromium."""

import json
import shutil
from pathlib import Path

from playwright.sync_api import Page, Route, expect

from tests.browser import PATIENCE
from tests.ui.browser.rest import expect_width, wait_until
from tests.ui.browser.test_page import PHONE, WIDE, Visit, expect_own_search
from tests.ui.browser.test_search import choose_example, remove_photo
from threedsl.gallery.demo import openpeople_folder

LONG = "W" * 60
LATER = 3 * PATIENCE  # a gallery or two searches
JOIN = "**/queue/join*"


class Held:
    """Holds back the calls that fill a component until they are let go, in their order."""

    def __init__(self, page: Page, elem_id: str):
        self.page, self.calls, self.holds = page, [], True
        config = page.evaluate("window.gradio_config")
        (number,) = (c["id"] for c in config["components"] if c["props"].get("elem_id") == elem_id)
        self._events = {e["id"] for e in config["dependencies"] if number in e["outputs"]}
        page.route(JOIN, self._hold)

    def _hold(self, route: Route) -> None:
        if self.holds and json.loads(route.request.post_data)["fn_index"] in self._events:
            self.calls.append(route)
        else:
            route.fallback()

    def wait_for(self, count: int) -> None:
        wait_until(
            self.page, lambda: len(self.calls) >= count, lambda: f"{len(self.calls)} calls, not {count}"
        )

    def let_go(self, first: int = 0) -> None:
        """All calls, call `first` a while before the others."""
        self.holds = False
        self.calls.insert(0, self.calls.pop(first))
        for call in self.calls:
            call.fallback()
            self.page.wait_for_timeout(1500)


def studio_photos(count: int) -> list[Path]:
    """Of so many people."""
    return [openpeople_folder() / f"P{i:03d}" / "assets" / "studio_posture.jpg" for i in range(1, count + 1)]


def expect_matches_in(visit: Visit, number: int) -> None:
    """Wait for the answer that belongs to a gallery, which is the chosen one, and see that it stays."""
    chosen = visit.page.locator("#search input[type=radio]:checked")
    title = visit.page.locator("#search label:has(input[type=radio])").nth(number).inner_text().strip()
    cards = visit.page.locator("#rows .cards").first
    expect(cards).to_have_attribute("aria-label", f"By appearance: best matches in {title}", timeout=LATER)
    expect(visit.page.locator("#rows .pending")).to_have_count(0, timeout=LATER)
    visit.page.wait_for_timeout(1000)
    expect(cards).to_have_attribute("aria-label", f"By appearance: best matches in {title}")
    expect(visit.page.locator("#search input[type=radio]").nth(number)).to_be_checked()
    expect(chosen).to_have_count(1)


def test_what_was_chosen_last_is_answered(browser, page_url):
    visit = Visit(browser, page_url, WIDE)
    page = visit.page
    examples = page.locator("#examples button.gallery-item")
    held = Held(page, "rows")
    examples.nth(1).click()
    held.wait_for(1)
    examples.nth(10).click()  # of the other gallery
    expect(page.locator("#people img").first).to_be_visible()
    page.wait_for_timeout(1500)
    held.let_go()
    expect_own_search(page)
    expect_matches_in(visit, 1)

    for arrives_first in (0, 1):
        held = Held(page, "rows")
        examples.nth(2).click()
        held.wait_for(1)
        page.locator("#search input[type=radio]").nth(1).click()
        held.wait_for(2)
        held.let_go(arrives_first)
        expect_matches_in(visit, 1)
    visit.close()


def test_a_photo_chosen_right_after_another_was_removed_stays(browser, page_url):
    visit = Visit(browser, page_url, WIDE)
    page = visit.page
    examples = page.locator("#examples button.gallery-item")
    choose_example(visit, 0)
    held = []
    page.route("**/cancel*", lambda route: held.append(route))
    remove_photo(visit)
    wait_until(page, lambda: bool(held), lambda: "removing a photo cancels what runs for it")
    expect(page.locator("#status")).to_contain_text("Add a photo, or choose")
    running = Held(page, "rows")
    examples.nth(2).click()
    expect(page.locator("#people img").first).to_be_visible()
    running.wait_for(1)
    for route in held:
        route.continue_()
    page.wait_for_timeout(1500)  # what was cancelled ends now
    expect(page.locator("#photo img")).to_have_count(1)
    expect(page.locator("#status")).not_to_contain_text("failed")
    running.let_go()
    visit.expect_rows(5)
    page.wait_for_timeout(1500)
    visit.expect_rows(5)
    expect(page.locator("#photo img")).to_have_count(1)
    visit.close()


def test_the_match_clicked_last_is_opened(browser, page_url):
    visit = Visit(browser, page_url, WIDE)
    page = visit.page
    choose_example(visit, 0)
    cards = page.locator("#rows .ranking").first.locator(".card > button")
    names = [name.lstrip("✓✗ ") for name in cards.locator(".caption > span").all_inner_texts()]
    other = next(i for i, name in enumerate(names) if name != names[0])
    held = Held(page, "match-words")
    cards.nth(0).click()
    held.wait_for(1)
    cards.nth(other).click()
    page.wait_for_timeout(500)
    held.let_go()
    shown = page.locator("#match-words figcaption").last
    expect(shown).to_have_text(names[other], timeout=LATER)
    page.wait_for_timeout(1500)
    expect(shown).to_have_text(names[other])
    expect(page.locator("#rows [data-opened]")).to_have_count(1)
    visit.close()


def test_what_is_done_while_a_gallery_is_built_or_chosen_is_not_lost(browser, page_url, tmp_path):
    photos = [shutil.copy(path, tmp_path / f"{i}.jpg") for i, path in enumerate(studio_photos(4))]
    visit = Visit(browser, page_url, WIDE)
    page = visit.page
    page.get_by_role("tab", name="Gallery", exact=True).click()
    name = page.locator("#gallery-name :is(input, textarea)")
    later = page.locator("#gallery-files").get_by_role("cell", name="3.jpg")
    page.wait_for_timeout(1500)  # what the tab asks for when it is opened
    for i, title in enumerate(("one", "two", "three")):
        # Gradio offers to add files to those that are there already.
        page.locator("#gallery-files input[type=file]").first.set_input_files(str(photos[i]))
        expect(page.locator("#gallery-files")).to_contain_text("1 file", timeout=PATIENCE)
        name.fill(title)
        held = Held(page, "gallery-status")
        page.locator("#gallery-build").click()
        held.wait_for(1)
        if title == "one":
            page.locator("#gallery-files input[type=file]").first.set_input_files(str(photos[3]))
            expect(page.locator("#gallery-files")).to_contain_text("3.jpg", timeout=PATIENCE)
            name.fill("later")
        held.let_go()
        expect(page.locator("#gallery-status")).to_contain_text(f"“{title}” with", timeout=LATER)
        if title == "one":
            page.wait_for_timeout(1500)
            expect(later).to_be_visible()
            expect(name).to_have_value("later")
            page.locator("#gallery-files").get_by_label("Clear").first.click()
        expect(page.locator("#gallery-files")).to_contain_text("Click to Upload", timeout=PATIENCE)

    held = Held(page, "gallery-shown")
    for title in ("one", "two"):
        page.locator("#gallery-own").get_by_label(title, exact=True).check()
    held.wait_for(1)
    page.wait_for_timeout(500)
    held.let_go()
    expect(page.locator("#gallery-shown h3")).to_have_text("two", timeout=LATER)
    expect(page.locator("#gallery-own").get_by_label("two", exact=True)).to_be_checked()

    held = Held(page, "gallery-shown")
    page.locator("#gallery-shown input[data-row]").first.fill("anna")
    page.locator("#gallery-save").click()
    held.wait_for(1)
    page.locator("#gallery-own").get_by_label("one", exact=True).check()
    held.wait_for(2)
    held.holds = False
    held.calls.pop().fallback()
    expect(page.locator("#gallery-shown h3")).to_have_text("one", timeout=LATER)
    held.calls.pop().fallback()
    expect(page.locator("#gallery-status")).to_contain_text("Saved: 1 person", timeout=LATER)
    expect(page.locator("#gallery-shown h3")).to_have_text("one")
    page.locator("#gallery-own").get_by_label("two", exact=True).check()
    expect(page.locator("#gallery-shown h3")).to_have_text("two", timeout=LATER)
    expect(page.locator("#gallery-shown input[data-row]").first).to_have_value("anna")
    visit.close()


def test_a_search_that_fails_leaves_no_matches_of_another_one(browser, page_url):
    visit = Visit(browser, page_url, WIDE)
    page = visit.page
    choose_example(visit, 0)
    slider = page.locator("#search input[type=range]")
    slider.focus()
    page.keyboard.press("ArrowRight")
    visit.expect_rows(6)

    def spoil(route: Route) -> None:
        call = json.loads(route.request.post_data)
        call["data"] = [99 if value == 6 else value for value in call["data"]]
        route.continue_(post_data=json.dumps(call))

    page.route(JOIN, spoil)
    page.locator("#examples button.gallery-item").nth(1).click()
    expect(page.locator("[data-testid=toast-body]")).to_contain_text("whole number from 1 to", timeout=LATER)
    expect(page.locator("#status")).to_contain_text("The search failed", timeout=PATIENCE)
    for what in ("#rows .card[data-index]", "#overlay img", "#measures tr"):
        expect(page.locator(what)).to_have_count(0)
    expect(page.locator("#photo img")).to_have_count(1)
    page.unroute(JOIN)
    page.locator("#go").click()
    visit.expect_rows(6)
    visit.close()


def test_an_earlier_search_is_not_shown_where_a_later_one_was_refused(browser, page_url):
    visit = Visit(browser, page_url, WIDE)
    page = visit.page
    choose_example(visit, 0)
    held = Held(page, "rows")
    page.locator("#go").click()
    held.wait_for(1)
    page.locator("#search input[type=radio]").nth(1).click()
    held.wait_for(2)
    held.calls.pop().fulfill(status=503, json={"detail": "too many calls are waiting"})
    expect(page.locator("#status")).to_contain_text("The search failed", timeout=PATIENCE)
    held.let_go()
    page.wait_for_timeout(LATER / 10)
    expect(page.locator("#rows .pending")).to_have_count(0, timeout=LATER)
    expect(page.locator("#search input[type=radio]").nth(1)).to_be_checked()
    expect(page.locator("#rows .card[data-index]")).to_have_count(0)
    expect(page.locator("#status")).to_contain_text("The search failed")
    page.locator("#go").click()
    expect_matches_in(visit, 1)
    visit.errors[:] = [error for error in visit.errors if "503" not in error]  # the refusal itself
    visit.close()


def test_long_names_fit_a_phone(browser, page_url, tmp_path):
    visit = Visit(browser, page_url, PHONE)
    page = visit.page
    for i, person in enumerate(("P002", "P004")):
        photo = openpeople_folder() / person / "assets" / "studio_posture.jpg"
        shutil.copy(photo, tmp_path / f"{LONG}{LONG}{i}.jpg")

    def expect_to_fit(where: str) -> None:
        expect_width(page, PHONE[0])
        wide = page.evaluate(
            """() => [...document.querySelectorAll('p, h2, h3, span, figcaption, label')].filter(one => {
                const box = one.getBoundingClientRect(), row = one.closest('.cards, .strip, .tab-wrapper');
                return box.width && box.right > innerWidth + 1 && !row;
            }).map(one => one.outerHTML.slice(0, 120)).slice(-4)"""
        )
        assert not wide, where

    page.get_by_role("tab", name="Gallery", exact=True).click()
    page.locator("#gallery-files input[type=file]").set_input_files([str(p) for p in tmp_path.iterdir()])
    page.locator("#gallery-name :is(input, textarea)").fill(LONG)
    page.locator("#gallery-build").click()
    expect(page.locator("#gallery-status")).to_contain_text("with 2 pictures.", timeout=LATER)
    expect_to_fit("Gallery")
    page.locator("#gallery-search").click()
    expect(page.locator("#status")).to_contain_text("Add a photo to search", timeout=LATER)
    expect_to_fit("Search")
    page.locator("#photo input[type=file]").set_input_files(
        str(openpeople_folder() / "P002" / "assets" / "studio_posture.jpg")
    )
    visit.expect_rows(2)
    expect_to_fit("an answer")
    page.locator("#rows .card > button").first.click()
    expect(page.locator("#match-words h2")).to_be_visible(timeout=LATER)
    expect_to_fit("a match")
    visit.close()
