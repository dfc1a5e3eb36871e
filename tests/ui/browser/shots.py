"""The documents' pictures of the page: `python -m tests.ui.browser.shots assets`."""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser import FLAGS, PATIENCE, WITHOUT_WEBGPU, find_chromium
from tests.conftest import CHECKPOINT
from tests.ui.browser.serving import served
from tests.ui.browser.test_page import body_share, decode, expect_own_search
from threedsl.gallery.demo import openpeople_folder

WIDTH = 1440
MOST_BYTES = 300_000  # of a picture
DRAWN = 0.02  # share of a canvas that a body takes at least
GROUP = ("P002", "P001", "P004")
PAIR = ("P004", "P005")


def outdoors(person: str) -> Path:
    return openpeople_folder() / person / "assets" / "amateur_posture.jpg"


def wait_for_canvases(page: Page, *canvases: str) -> None:
    """Until each shows a body."""
    for canvas in canvases:
        page.locator(canvas).scroll_into_view_if_needed()
        for _ in range(100):
            if body_share(decode(page.locator(canvas).screenshot())) > DRAWN:
                break
            page.wait_for_timeout(300)
        else:
            raise AssertionError(f"{canvas} shows no body")


def keep(page: Page, path: Path, top: str, bottom: str) -> None:
    """The page from one element to another, at the best quality that stays below MOST_BYTES."""
    page.mouse.move(0, 0)
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(600)
    start, end = (page.locator(place).first.bounding_box() for place in (top, bottom))
    y0, y1 = max(0, start["y"] - 16), end["y"] + end["height"] + 16
    clip = {"x": 0, "y": y0, "width": WIDTH, "height": y1 - y0}
    for quality in (90, 85, 80, 75, 70, 60):
        page.screenshot(path=path, type="jpeg", quality=quality, full_page=True, clip=clip)
        if path.stat().st_size <= MOST_BYTES:
            print(f"{path}: {path.stat().st_size:,} bytes, quality {quality}")
            return
    raise AssertionError(f"{path} has {path.stat().st_size:,} bytes")


def first_screen(page: Page, folder: Path) -> None:
    """The opened page."""
    wait_for_canvases(page, "#body canvas")
    expect(page.locator("#turn")).to_have_text("Stop turning", timeout=PATIENCE)
    page.wait_for_timeout(2500)
    keep(page, folder / "page.jpg", "#intro", "#rows")


def group(page: Page, folder: Path) -> None:
    """Three people as one photo, and everyone's body over it."""
    photos = [cv2.resize(cv2.imread(str(outdoors(person))), (500, 745)) for person in GROUP]
    _, data = cv2.imencode(".png", np.hstack(photos))
    file = {"name": "three.png", "mimeType": "image/png", "buffer": data.tobytes()}
    page.locator("#photo input[type=file]").set_input_files(files=[file])
    expect_own_search(page)
    page.locator("#everyone-button").click()
    picture = page.locator("#everyone img")
    expect(picture).to_be_visible(timeout=PATIENCE)
    drawn = page.request.get(picture.get_attribute("src")).body()
    size = WIDTH // 2, round(WIDTH / 2 * 745 / 1500)
    both = [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (np.hstack(photos), decode(drawn))]
    cv2.imwrite(str(folder / "everyone.jpg"), np.hstack(both), [cv2.IMWRITE_JPEG_QUALITY, 85])


def compare(page: Page, folder: Path) -> None:
    """Two people in different clothes, and where their bodies differ."""
    page.get_by_role("tab", name="Compare", exact=True).click()
    for side, person in zip(("first", "second"), PAIR, strict=True):
        page.locator(f"#{side}-photo input[type=file]").set_input_files(str(outdoors(person)))
        expect(page.locator(f"#{side}-people button").first).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#compare-words h2")).to_be_visible(timeout=PATIENCE)
    wait_for_canvases(page, "#compare-bodies canvas", "#compare-heat canvas")
    keep(page, folder / "compare.jpg", "#compare-words", "#compare-tables")


def evidence(page: Page, folder: Path) -> None:
    """What was measured."""
    page.get_by_role("tab", name="Evidence", exact=True).click()
    expect(page.locator("#evidence .chart").first).to_be_visible(timeout=PATIENCE)
    keep(page, folder / "evidence.jpg", "#evidence", "#evidence .side-by-side")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go; assets for those of the documents")
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as place, served(CHECKPOINT, Path(place)) as url:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=str(find_chromium()), args=FLAGS)
            for shoot in (first_screen, group, compare, evidence):
                page = browser.new_page(viewport={"width": WIDTH, "height": 1000}, color_scheme="light")
                page.set_default_timeout(PATIENCE)
                page.add_init_script(WITHOUT_WEBGPU)
                page.goto(url)
                expect(page.locator("#status .example")).to_have_count(1, timeout=PATIENCE)
                shoot(page, folder)
                page.close()
            browser.close()


if __name__ == "__main__":
    main()
