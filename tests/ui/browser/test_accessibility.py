"""The page in axe-core, which finds what keeps people with screen readers or weak sight out of it.

axe-core comes from npm, once; afterwards it lies in the cache.
"""

import hashlib
import subprocess
import tarfile
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import PATIENCE, WITHOUT_WEBGPU
from tests.ui.browser.rest import expect_width
from tests.ui.browser.test_page import expect_own_search
from threedsl.files import cache_folder, write_whole

AXE = "axe-core@4.10.3"
AXE_SHA256 = "880970c081707360e64f34cea25ff91892f5bc95675b0776925b9709dd8a68bb"
TABS = ("Search", "Compare", "Gallery", "Evidence")
RUN = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
# (rule, what the element has): faults inside Gradio's components, which a page cannot mend.
GRADIOS = {
    # An empty picture or canvas is a plain division with a label, which screen readers pass over; no word is lost.
    ("aria-prohibited-attr", 'aria-label="Empty value"'),
}


@pytest.fixture(scope="module")
def axe(npm: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script to run in a page."""
    kept = cache_folder() / f"{AXE}.js"
    if not kept.is_file():
        folder = tmp_path_factory.mktemp("npm")
        subprocess.run([npm, "pack", AXE], cwd=folder, check=True, capture_output=True, timeout=300)
        (archive,) = folder.glob("*.tgz")
        with tarfile.open(archive) as files:
            content = files.extractfile("package/axe.min.js").read()
        assert hashlib.sha256(content).hexdigest() == AXE_SHA256
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_whole(kept, content)
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == AXE_SHA256, f"{kept} is damaged: delete it"
    return kept.read_text()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A visitor's page that may write no error to the console."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(WITHOUT_WEBGPU)
    errors: list[str] = []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == [], "the console has errors"


def grave_faults(page: Page) -> list[str]:
    """Serious and critical violations on what is shown, one line an element."""
    return [
        f"{fault['id']}: {node['html'][:200]}"
        for fault in page.evaluate(RUN)
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
        if not any(fault["id"] == rule and mark in node["html"] for rule, mark in GRADIOS)
    ]


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_tab_keeps_anybody_out(page, axe, page_url, width, theme):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{page_url}?__theme={theme}")
    expect(page.locator("#go")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("body.dark")).to_have_count(int(theme == "dark"))
    expect(page.locator("#examples button.gallery-item").first).to_have_attribute(
        "aria-label", "Example photo 1", timeout=PATIENCE
    )
    expect(page.locator("#rows .card[data-index]").first).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#rows .pending")).to_have_count(0, timeout=PATIENCE)  # what is pending is faint
    page.evaluate(axe)
    found = {}
    for name in TABS:
        tab = page.get_by_role("tab", name=name, exact=True)
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true", timeout=PATIENCE)
        expect(page.get_by_role("tabpanel").filter(visible=True)).to_have_count(1, timeout=PATIENCE)
        expect_width(page, width)
        found[name] = grave_faults(page)
    assert found == {name: [] for name in TABS}


@pytest.mark.parametrize(("width", "theme"), [(390, "dark"), (1440, "light")])
def test_an_answer_and_an_opened_match_keep_nobody_out(page, axe, page_url, width, theme):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{page_url}?__theme={theme}")
    expect(page.locator("#status .example")).to_have_count(1, timeout=PATIENCE)
    page.locator("#examples button.gallery-item").nth(2).click()
    expect_own_search(page)
    page.locator("#rows .card > button").first.click()
    for place in ("#body canvas", "#match-bodies canvas", "#match-heat canvas"):
        expect(page.locator(place)).to_have_attribute("tabindex", "0", timeout=PATIENCE)
    for place in ("#overlay", "#still", "#match-still", "#match-heat-still"):
        expect(page.locator(f"{place} img")).to_have_count(1, timeout=PATIENCE)
    page.evaluate(axe)
    expect_width(page, width)
    assert grave_faults(page) == []


def test_an_unnamed_button_and_pale_words_are_found(page, axe):
    page.set_content(
        "<html lang=en><title>Test</title><main><button></button><p style='color: #bbb'>Pale</p></main>"
    )
    page.evaluate(axe)
    assert [fault.split(":")[0] for fault in grave_faults(page)] == ["button-name", "color-contrast"]
