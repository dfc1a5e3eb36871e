"""The opened first screen in Chromium: a finished search, the examples, and the way on for a visitor's own photo."""

import re

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser import PATIENCE
from tests.ui.browser.rest import expect_width
from tests.ui.browser.test_page import PHONE, WIDE, Visit, expect_own_search
from threedsl.gallery.demo import openpeople_folder


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_page_opens_on_an_example_and_leads_on(browser, page_url, tmp_path, size):
    visit = Visit(browser, page_url, size)
    page = visit.page
    visit.expect_rows(5)
    expect(page.locator("#status .example")).to_contain_text("add your own photo")
    expect(page.locator("#status .finding")).to_be_in_viewport(ratio=1)
    visit.expect_picture("#overlay")
    visit.expect_picture("#still")
    visit.expect_body()
    expect(page.locator("#photo img"), "the box is free for the visitor's photo").to_have_count(0)
    expect(page.locator("#examples .example-group")).to_have_count(2)
    examples = page.locator("#examples button.gallery-item")
    assert examples.locator("img").count() >= 10
    visit.expect_pictures("#examples button.gallery-item img")
    expect_width(page, size[0])
    visit.shoot(f"first-{size[0]}")

    page.locator("#rows .card > button").first.click()
    expect(page.locator("#match-words h2")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#match-still img")).to_have_count(1, timeout=PATIENCE)

    # The same person mirrored is a photo that no gallery knows.
    photo = cv2.imread(str(openpeople_folder() / "P001" / "assets" / "amateur_posture.jpg"))
    cv2.imwrite(str(tmp_path / "mine.jpg"), np.ascontiguousarray(photo[:, ::-1]))
    visit.upload(tmp_path / "mine.jpg")
    visit.expect_rows(5)
    page.evaluate("window.here = true")
    page.get_by_text("Add two photos of yourself in different clothes").click()
    expect(page.locator("#gallery-build")).to_be_visible(timeout=PATIENCE)
    page.wait_for_url("**/?tab=gallery")
    assert page.evaluate("window.here"), "the page was not left"
    visit.close()


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_body_turns_unless_less_motion_is_asked_for(browser, page_url, motion):
    visit = Visit(browser, page_url, WIDE)
    page = visit.page
    page.emulate_media(reduced_motion=motion)
    page.reload()
    turn, still = page.locator("#turn"), page.locator("#still img")
    moving, quiet = re.compile(r"body-turning\.webp$"), re.compile(r"\.jpe?g$")
    if motion == "reduce":
        expect(turn).to_have_text("Turn around", timeout=PATIENCE)
        page.wait_for_timeout(1500)
        expect(still).to_have_attribute("src", quiet, timeout=PATIENCE)
        turn.focus()
        page.keyboard.press("Enter")
    expect(turn).to_have_text("Stop turning", timeout=PATIENCE)
    expect(still).to_have_attribute("src", moving, timeout=PATIENCE)
    visit.expect_picture("#still")
    turn.click()
    expect(turn).to_have_text("Turn around", timeout=PATIENCE)
    expect(still).not_to_have_attribute("src", moving, timeout=PATIENCE)

    page.locator("#examples button.gallery-item").nth(2).click()
    expect_own_search(page)
    visit.expect_rows(5)
    turn.click()
    expect(still).to_have_attribute("src", moving, timeout=PATIENCE)
    page.locator("#examples button.gallery-item").nth(1).click()
    expect(turn).to_have_text("Turn around", timeout=PATIENCE)
    expect(still).not_to_have_attribute("src", moving, timeout=PATIENCE)
    # Leaving the page at the beginning ended what it was still asking for.
    visit.errors = [text for text in visit.errors if "AbortError" not in text and "errored out" not in text]
    visit.close()
