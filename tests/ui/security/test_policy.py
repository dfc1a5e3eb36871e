"""The content security policy in a real browser: the page works under it, and nothing of it is violated."""

from tests.browser import PATIENCE, WITHOUT_WEBGPU

REPORT = """document.addEventListener("securitypolicyviolation", event => {
    console.error("VIOLATED", event.violatedDirective, event.blockedURI);
})"""


def test_nothing_is_violated_while_the_page_is_used(browser, served):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.add_init_script(WITHOUT_WEBGPU)
    page.add_init_script(REPORT)
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(f"ERROR {error}"))
    page.goto(served.url)
    page.locator("#examples button.gallery-item").first.click()
    page.locator("#rows .card[data-index]").first.wait_for()
    page.locator("#body canvas").wait_for()
    page.locator("#rows .card[data-index] button").first.click()
    page.locator("#detail h2").first.wait_for()
    for tab in ("Compare", "Gallery", "Evidence"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(300)
    assert [text for text in said if "VIOLATED" in text or "Content Security Policy" in text] == []
    assert [text for text in said if text.startswith("ERROR")] == []
    page.close()
