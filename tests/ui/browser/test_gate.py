"""Nobody in the photo, a group, an area of the visitor's own, and the addresses of the tabs, in Chromium."""

from base64 import b64encode
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser import PATIENCE
from tests.pictures import encoded, person_like
from tests.ui.browser.rest import come_to_rest, expect_width, wait_until
from tests.ui.browser.test_page import PHONE, WIDE, Visit, expect_own_search

SIZES = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
ANYWAY = "whole image anyway"
DROP = """([place, name, kind, data]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(data), c => c.charCodeAt(0))], name, {type: kind}));
    document.querySelector(place).dispatchEvent(
        new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: transfer}));
}"""


@pytest.fixture
def wall(tmp_path) -> Path:
    patches = np.random.default_rng(1).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    path = tmp_path / "wall.png"
    cv2.imwrite(str(path), cv2.resize(patches, (800, 600), interpolation=cv2.INTER_CUBIC))
    return path


@pytest.fixture
def group(tmp_path, outdoor_photo) -> Path:
    one = cv2.resize(cv2.imread(str(outdoor_photo)), (400, 596))
    path = tmp_path / "group.jpg"
    cv2.imwrite(str(path), np.hstack([one, one[:, ::-1]]))
    return path


@SIZES
def test_nobody_means_no_answer_before_the_visitor_says_so(browser, page_url, wall, size):
    visit = Visit(browser, page_url, size)
    page = visit.page
    expect(page.locator("#go")).to_have_text("Search")
    visit.upload(wall)
    gate = page.locator("#status .gate")
    expect(gate).to_contain_text("No person was found in this photo.", timeout=PATIENCE)
    expect(gate).to_be_in_viewport(ratio=0.99, timeout=PATIENCE)  # a phone's pixels are fractions
    for what in ("#rows .card[data-index]", "#overlay img", "#body canvas", "#measures tr"):
        expect(page.locator(what)).to_have_count(0)
    page.locator("#go").click()
    page.wait_for_timeout(1500)
    expect(page.locator("#rows .card[data-index]")).to_have_count(0)
    expect_width(page, size[0])
    visit.shoot(f"gate-{size[0]}")
    gate.get_by_role("button", name=ANYWAY).focus()
    page.keyboard.press("Enter")
    visit.expect_rows(5)
    expect(page.locator("#status .warning")).to_contain_text("No person was found")
    expect(page.locator("#measures")).to_contain_text("The body is a guess")
    expect(page.locator("[data-testid=toast-body]")).to_have_count(0)
    visit.close()


@SIZES
def test_each_side_of_a_comparison_has_its_gate(browser, page_url, wall, outdoor_photo, size):
    visit = Visit(browser, page_url, size)
    page = visit.page
    page.goto(f"{page_url}?tab=compare")
    expect(page.locator("#go-compare")).to_be_visible(timeout=PATIENCE)
    for side, path in (("first", outdoor_photo), ("second", wall)):
        page.locator(f"#{side}-photo input[type=file]").set_input_files(str(path))
        expect(page.locator(f"#{side}-people button.thumbnail-item").first).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#compare-words")).to_contain_text("No person was found in one", timeout=PATIENCE)
    expect(page.locator("#compare-words h2")).to_have_count(0)
    expect(page.locator("#first-people .gate")).to_have_count(0)
    expect_width(page, size[0])
    visit.shoot(f"gate-compare-{size[0]}")
    page.locator("#second-people .gate").get_by_role("button", name=ANYWAY).click()
    expect(page.locator("#compare-words h2")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#compare-words .warning")).to_contain_text("Second photo: No person was found")
    expect(page.locator("#compare-words strong")).to_have_count(0)
    expect(page.locator("#compare-tables .sizes")).to_have_count(0)
    visit.shoot(f"doubt-compare-{size[0]}")
    visit.close()


@SIZES
def test_people_and_areas_are_chosen_on_the_photo(browser, page_url, group, size):
    visit = Visit(browser, page_url, size)
    page = visit.page
    visit.upload(group)
    visit.expect_choices(3)
    visit.expect_rows(5)
    visit.expect_picture("#overlay")
    before = page.locator("#overlay img").get_attribute("src")
    other = page.locator(".scene .mark:not(.chosen)")
    expect(other).to_have_count(1)
    other.click()
    expect(page.locator("#people button.thumbnail-item").nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#overlay img")).not_to_have_attribute("src", before, timeout=PATIENCE)

    page.locator("#everyone-button").click()
    visit.expect_picture("#everyone")
    expect(page.locator("#everyone").get_by_role("button", name="Download")).to_be_visible()
    expect_width(page, size[0])
    visit.shoot(f"everyone-{size[0]}")

    draw = page.get_by_role("button", name="Choose the area yourself")
    draw.click()
    expect(draw).to_have_attribute("aria-expanded", "true")
    scene, fields = page.locator(".scene"), page.locator(".area input")
    scene.evaluate("scene => scene.scrollIntoView({block: 'center'})")
    come_to_rest(page)
    box = scene.bounding_box()

    def values() -> list[int]:
        return [int(fields.nth(i).input_value()) for i in range(4)]

    def expect_area(wanted: list[int], way: str) -> None:
        wait_until(page, lambda: values() == pytest.approx(wanted, abs=6), lambda: f"{values()} {way}")

    def at(x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    page.mouse.move(*at(0.05, 0.1))
    page.mouse.down()
    page.mouse.move(*at(0.45, 0.9), steps=4)
    page.mouse.up()
    expect_area([40, 60, 360, 536], "by dragging")
    page.mouse.click(*at(0.95, 0.95))
    page.mouse.click(*at(0.55, 0.05))
    expect_area([440, 30, 760, 566], "by two clicks, of which the second is the upper left corner")
    expect_width(page, size[0])
    visit.shoot(f"area-{size[0]}")
    for i, number in enumerate((20, 10, 380, 590)):
        fields.nth(i).fill(str(number))
    fields.nth(3).press("Enter")
    visit.expect_choices(4)
    expect(page.locator("#people button.thumbnail-item").nth(2)).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".scene .mark.chosen")).to_have_text("✎")
    visit.expect_rows(5)

    draw.click()
    fields.nth(2).fill("99999")
    page.locator("[data-use]").click()
    expect(page.locator("[data-testid=toast-body]").last).to_contain_text("is not inside", timeout=PATIENCE)
    visit.expect_choices(4)
    expect(page.locator("[data-testid=status-tracker] .error").filter(visible=True)).to_have_count(0)
    visit.shoot(f"group-{size[0]}")
    page.locator("#examples button.gallery-item").first.click()
    expect(page.locator("#everyone-button")).to_have_count(0, timeout=PATIENCE)
    expect(page.locator("#everyone")).to_have_count(0)
    visit.close()


@SIZES
def test_tabs_have_addresses_and_the_back_button_works(browser, page_url, size):
    visit = Visit(browser, page_url, size)
    page = visit.page

    def expect_tab(name: str) -> None:
        tab = page.get_by_role("tab", name=name, exact=True)
        expect(tab).to_have_attribute("aria-selected", "true", timeout=PATIENCE)

    expect_tab("Search")
    for name in ("Compare", "Evidence"):
        page.get_by_role("tab", name=name, exact=True).click()
        page.wait_for_url(f"**/?tab={name.lower()}")
    page.go_back()
    expect_tab("Compare")
    page.go_back()
    expect_tab("Search")
    page.go_forward()
    expect_tab("Compare")
    for name in ("Gallery", "Evidence", "Search"):
        page.goto(f"{page_url}?tab={name.lower()}")
        expect_tab(name)
    page.goto(f"{page_url}?tab=nowhere")
    expect_tab("Search")
    # Leaving a page ends what it was still asking for, which Gradio writes to the console.
    visit.errors = [text for text in visit.errors if "AbortError" not in text and "errored out" not in text]
    visit.close()


@pytest.mark.parametrize("way", ["drop", "choose"])
@pytest.mark.parametrize(("name", "kind"), [("photo.jfif", ""), ("photo.heic", "application/octet-stream")])
def test_a_file_of_a_type_the_browser_does_not_know_reaches_the_server(browser, page_url, way, name, kind):
    visit = Visit(browser, page_url, WIDE)
    page, data = visit.page, encoded(person_like(256, 128), "JPEG")
    expect(page.locator("#photo input[type=file]")).to_be_attached(timeout=PATIENCE)
    if way == "drop":
        page.evaluate(
            DROP, ["#photo button.upload-container, #photo button", name, kind, b64encode(data).decode()]
        )
    else:
        file = {"name": name, "mimeType": kind, "buffer": data}
        page.locator("#photo input[type=file]").set_input_files(files=[file])
    expect_own_search(page)
    visit.expect_rows(5)
    expect(page.locator("body")).not_to_contain_text("allowed")
    visit.close()
