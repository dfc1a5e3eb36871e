"""The search in Chromium, on a desk and on a phone: emptying, mistakes, a running search, an opened match."""

import json

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser import PATIENCE, WITHOUT_WEBGPU
from tests.ui.browser.rest import come_to_rest, expect_width, tops
from tests.ui.browser.test_page import CARDS, PHONE, WIDE, Visit, decode, difference, expect_own_search
from threedsl.checkpoint.folder import DEFAULT_CHECKPOINT

SHOWN = json.loads((DEFAULT_CHECKPOINT / "examples.json").read_text())["galleries"]["openpeople"]["examples"]
PEOPLE = [example["person"] for example in SHOWN]
ANOTHER = next(i for i, person in enumerate(PEOPLE) if i and person != "P001")
"""Place of an example that shows neither the first screen's person nor that of `outdoor_photo`."""
SIZES = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
STREAMS = ("appearance", "shape", "combined")
SHORT = {"appearance": "appearance", "shape": "shape", "both": "combined"}
READ_CARDS = """cards => cards.map(card => [card.dataset.index, Object.fromEntries(
    [...card.querySelectorAll('.elsewhere i')].map(i => [i.firstChild.textContent.trim(), +i.lastChild.textContent])
)])"""


def choose_example(visit: Visit, number: int, k: int = 5) -> None:
    visit.page.locator("#examples button.gallery-item").nth(number).click()
    expect_own_search(visit.page)
    visit.expect_rows(k)
    expect(visit.page.locator("#rows .pending")).to_have_count(0, timeout=PATIENCE)


def remove_photo(visit: Visit) -> None:
    visit.page.locator("#photo button[aria-label='Remove Image'], #photo button[aria-label='Clear']").click()


def test_every_card_tells_its_place_in_the_other_rows_and_all_are_in_sight(browser, page_url):
    visit = Visit(browser, page_url, WIDE)
    page = visit.page
    choose_example(visit, ANOTHER)
    expect(page.locator("#status .finding")).to_contain_text(f"Correct person ({PEOPLE[ANOTHER]}): ranked")
    page.locator("input[aria-label*='Matches per row'][type=number]").first.fill("20")
    page.keyboard.press("Enter")
    page.locator("#go").click()
    visit.expect_rows(20)
    rows = {stream: page.locator(CARDS.format(stream=stream)).evaluate_all(READ_CARDS) for stream in STREAMS}
    places = {stream: {index: i for i, (index, _) in enumerate(cards, 1)} for stream, cards in rows.items()}
    compared = 0
    for cards in rows.values():
        for index, told in cards:
            assert len(told) == 2
            for name, rank in told.items():
                assert places[SHORT[name]].get(index, 21) == min(rank, 21)
                compared += rank <= 20
    assert compared >= 20
    come_to_rest(page)
    for stream in STREAMS:
        row = page.locator(f"#rows .ranking[data-stream={stream}] .cards")
        assert row.evaluate("row => row.scrollWidth <= row.clientWidth"), "none runs out of sight"
    visit.close()


@SIZES
def test_an_emptied_box_empties_the_answer_without_a_word(browser, page_url, tmp_path, size):
    visit = Visit(browser, page_url, size)
    page = visit.page
    toasts = page.locator("[data-testid=toast-body]")

    def expect_nothing():
        expect(page.locator("#status")).to_contain_text("Add a photo, or choose", timeout=PATIENCE)
        for what in (
            "#rows .card[data-index]",
            "#people button",
            "#overlay img",
            "#body canvas",
            "#measures tr",
        ):
            expect(page.locator(what)).to_have_count(0)

    choose_example(visit, 0)
    expect(page.locator("#measures tr").first).to_be_attached()
    remove_photo(visit)
    expect_nothing()
    expect(toasts).to_have_count(0)

    page.locator("#examples button.gallery-item").nth(2).click()
    expect(page.locator("#people button").first).to_be_visible(timeout=PATIENCE)
    remove_photo(visit)
    expect_nothing()
    page.wait_for_timeout(2500)  # an answer on its way would come now
    expect_nothing()
    expect(toasts).to_have_count(0)

    (tmp_path / "letter.jpg").write_bytes(b"Dear sir or madam")
    visit.upload(tmp_path / "letter.jpg")
    expect(toasts).to_contain_text(
        "not a picture", timeout=PATIENCE
    )  # of one toast, which goes away by itself
    expect(page.locator("#photo img")).to_have_count(0)
    expect_nothing()
    assert toasts.count() <= 1
    choose_example(visit, 1)
    visit.errors.clear()  # Chromium reports the broken picture it was asked to show
    visit.close()


def test_a_removed_photo_leaves_the_box_and_the_search(browser, page_url, outdoor_photo):
    visit = Visit(browser, page_url, WIDE)
    page, removes = visit.page, visit.page.locator("#people button.remove")

    def add_photo() -> None:
        with page.expect_file_chooser() as chooser:
            page.locator("#more").click()
        chooser.value.set_files(str(outdoor_photo))

    add_photo()
    expect_own_search(page)
    visit.expect_choices(2)
    expect(removes).to_have_count(0)  # the example of the first screen is another person
    choose_example(visit, ANOTHER)
    add_photo()
    expect(removes).to_have_count(2, timeout=PATIENCE)
    expect(page.locator("#status .finding")).to_contain_text("Identity unknown", timeout=PATIENCE)
    removes.first.click()
    expect(page.locator("#photo img")).to_have_count(0, timeout=PATIENCE)
    expect(page.locator("#status .finding")).to_contain_text("Correct person (P001)", timeout=PATIENCE)
    visit.expect_choices(2)
    visit.expect_rows(5)
    visit.close()


@SIZES
def test_a_photo_of_nobody_is_answered_with_a_warning_in_sight(browser, page_url, tmp_path, size):
    patches = np.random.default_rng(1).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "wall.png"), cv2.resize(patches, (800, 600), interpolation=cv2.INTER_CUBIC))
    visit = Visit(browser, page_url, size)
    visit.upload(tmp_path / "wall.png")
    visit.page.locator("#status .gate button").click()
    visit.expect_rows(5)
    warning = visit.page.locator("#status .warning")
    expect(warning).to_contain_text("No person was found", timeout=PATIENCE)
    expect(warning).to_be_in_viewport(ratio=0.99, timeout=PATIENCE)  # a phone's pixels are fractions
    expect(visit.page.locator("#measures tr")).to_have_count(0)
    expect(visit.page.locator("#status .finding")).to_contain_text("Identity unknown")
    visit.close()


def test_no_card_opens_a_match_while_a_search_runs(browser, page_url):
    visit = Visit(browser, page_url, WIDE)
    page = visit.page
    choose_example(visit, 0)
    page.evaluate("""() => {
        window.tried = 0;
        window.faint = 1;
        window.trying = setInterval(() => {
            const busy = document.querySelector('#rows .pending');
            if (!busy) return;
            window.tried += 1;
            window.faint = Math.min(window.faint, +getComputedStyle(busy).opacity);
            document.querySelector('#rows .card button')?.click();
        }, 10);
    }""")
    page.locator("#examples button.gallery-item").nth(1).click()
    page.wait_for_function("window.tried > 0", timeout=PATIENCE)
    expect(page.locator("#rows .pending")).to_have_count(0, timeout=PATIENCE)
    page.evaluate("clearInterval(window.trying)")
    assert page.evaluate("window.faint") < 0.5
    come_to_rest(page)
    expect(page.locator("#detail")).to_be_hidden()
    assert page.evaluate("window.scrollY") == 0
    page.locator("#rows .card button").first.click()
    expect(page.locator("#match-words h2")).to_be_visible(timeout=PATIENCE)
    visit.close()


def test_an_opened_match_on_a_phone(browser, page_url):
    context = browser.new_context(
        viewport={"width": PHONE[0], "height": PHONE[1]}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(WITHOUT_WEBGPU)
    page.goto(page_url)
    expect(page.locator("#status .example")).to_have_count(1, timeout=PATIENCE)
    page.locator("#examples button.gallery-item").first.tap()
    expect_own_search(page)
    page.locator("#rows .card[data-index] button").first.tap()
    expect(page.locator("#match-words")).to_contain_text("of 50 pictures", timeout=PATIENCE)
    expect(page.locator("#match-tables table").first).to_be_attached()
    expect(page.locator("#match-bodies canvas")).to_be_attached(timeout=PATIENCE)
    order = tops(
        page, "#back-above", ".pair-photos", "#match-bodies", "#match-heat", "#match-tables", "#back"
    )
    assert order == sorted(order), "the bodies come before the numbers, and the way back both above and below"
    expect_width(page, PHONE[0])

    canvas = page.locator("#match-bodies canvas")
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(2500)
    come_to_rest(page)
    touch = context.new_cdp_session(page)

    def swipe(x: int, y: int) -> tuple[int, np.ndarray]:
        box, before = canvas.bounding_box(), page.evaluate("scrollY")
        start = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for i in range(11):
            point = {"x": start[0] + x * i / 10, "y": start[1] + y * i / 10}
            kind = "touchMove" if i else "touchStart"
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
            page.wait_for_timeout(30)
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(1500)
        come_to_rest(page)
        return page.evaluate("scrollY") - before, decode(canvas.screenshot())

    front = decode(canvas.screenshot())
    assert swipe(0, 150)[0] < -80, "a swipe along the page scrolls it"
    page.locator("#match-bodies").scroll_into_view_if_needed()
    come_to_rest(page)
    moved, turned = swipe(-120, 0)
    assert moved == 0 and difference(front, turned) > 0.02, "across, it turns"
    context.close()


def test_the_wheel_scrolls_past_the_body_and_a_button_turns_it_back(browser, page_url):
    visit = Visit(browser, page_url, WIDE)
    page = visit.page
    choose_example(visit, 0)
    front = visit.expect_body()
    visit.turn_body()
    visit.expect_body(lambda turned: difference(front, turned) > 0.02)
    page.locator("button.front").first.click()
    visit.expect_body(lambda back: difference(front, back) < 0.02)
    before = page.evaluate("scrollY")
    page.locator("#body canvas").hover()
    page.mouse.wheel(0, 120)
    page.wait_for_function("before => scrollY > before", arg=before)
    come_to_rest(page)
    page.evaluate("before => scrollTo(0, before)", before)
    assert difference(front, visit.expect_body()) < 0.02, "it was not zoomed"
    visit.close()
