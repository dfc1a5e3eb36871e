"""Waiting for what a page shows: a page that loads, scrolls smoothly or draws is read only once it has come to rest."""

from collections.abc import Callable

from playwright.sync_api import Page

from tests.browser import PATIENCE

STEP = 50  # milliseconds between two looks
# Counted in drawn frames and in milliseconds, as on a busy machine a scroll may stay where it is for either alone.
AT_REST = """([frames, milliseconds, patience]) => new Promise((rest, restless) => {
    const begun = performance.now();
    let before = '', since = begun, same = 0;
    const look = () => {
        const page = document.documentElement, now = performance.now();
        const places = [...document.querySelectorAll('button, img, canvas, table, h2, h3')].map(
            one => { const box = one.getBoundingClientRect(); return [box.x, box.y, box.width, box.height]; });
        const seen = JSON.stringify([scrollX, scrollY, page.scrollWidth, page.scrollHeight, places]);
        if (seen !== before) [before, since, same] = [seen, now, 0];
        else same += 1;
        if (same >= frames && now - since >= milliseconds) return rest();
        if (now - begun > patience) return restless(new Error('the page does not come to rest'));
        requestAnimationFrame(look);
    };
    look();
})"""


def come_to_rest(page: Page) -> None:
    """Wait until nothing on the page has moved or changed its size for a while."""
    page.evaluate(AT_REST, [10, 400, PATIENCE])


def tops(page: Page, *places: str) -> list[float]:
    """How far below the window's upper edge the first element of each selector begins, in pixels, all read at once."""
    come_to_rest(page)
    return page.evaluate(
        "places => places.map(place => document.querySelector(place).getBoundingClientRect().top)",
        list(places),
    )


def expect_width(page: Page, width: int) -> None:
    """Nothing sticks out of a window of so many pixels."""
    come_to_rest(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "something sticks out"


def wait_until(page: Page, holds: Callable[[], bool], otherwise: Callable[[], str]) -> None:
    """Look again and again while the page goes on, until it holds.

    Raises:
        AssertionError: it does not within the tests' patience; with the words of `otherwise`.
    """
    for _ in range(PATIENCE // STEP):
        if holds():
            return
        page.wait_for_timeout(STEP)
    raise AssertionError(otherwise())
