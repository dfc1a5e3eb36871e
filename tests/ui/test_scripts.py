"""The page's JavaScript and CSS: in files of their own, each used, and parameterised without quoting by hand."""

import re

import pytest

from tests.browser import PATIENCE
from tests.conftest import REPOSITORY
from threedsl.ui.page import launch_options
from threedsl.ui.scripts import STATIC, give, script, scroll_to_answer

SOURCES = {
    path.relative_to(REPOSITORY): path.read_text(encoding="utf-8")
    for path in sorted((REPOSITORY / "threedsl" / "ui").rglob("*.py"))
}
NAMES = sorted(path.stem for path in STATIC.glob("*.js"))
HOSTILE = "a\"b'c`${1}\\ </script>\n\u2028é"


def test_every_script_is_used_and_every_used_script_is_there():
    used = {name for text in SOURCES.values() for name in re.findall(r"\bscript\(\s*\"(\w+)\"", text)}
    assert sorted(used) == NAMES


def test_no_javascript_stands_in_python():
    found = [
        f"{path}: {match.group()}"
        for path, text in SOURCES.items()
        for match in re.finditer(r"=> ?[({\w]|document\.\w+|addEventListener", text)
    ]
    assert not found


@pytest.mark.parametrize("name", NAMES)
def test_every_script_is_what_gradio_takes(name, browser):
    """An expression that is a function, for `js`; or a function's body, for `js_on_load`."""
    page = browser.new_page()
    kind = page.evaluate(
        """text => {
            try { return typeof new Function(`return (${text})`)(); } catch { }
            return typeof new Function("element", "trigger", text) === "function" && "body";
        }""",
        script(name),
    )
    page.close()
    on_load = any(f'js_on_load=script("{name}")' in text for text in SOURCES.values())
    assert kind == ("body" if on_load else "function")


@pytest.mark.parametrize("value", [HOSTILE, [HOSTILE, None, 1.5, True], {"a": [HOSTILE]}])
def test_arguments_arrive_as_they_are(value, browser):
    page = browser.new_page()
    assert page.evaluate(f"() => ({give(value)})('from Gradio')") == value
    page.close()


def test_gradios_arguments_come_after_ours(browser):
    page = browser.new_page()
    page.set_content("<button id=gallery-delete></button>")
    ask = f"(...given) => ({script('confirm_delete', 'Delete')})(...given)"
    # In one go: a busy machine would leave more time between two calls than between two hasty clicks.
    both = page.evaluate(f"() => ['Delete', 'Delete permanently'].map(label => ({ask})(label, 'mine', 7))")
    assert both == [["Delete", "mine", 7]] * 2, "hasty"
    page.wait_for_timeout(800)
    assert page.evaluate(f"() => ({ask})('Delete permanently', 'mine', 7)")[0] == "Delete permanently"
    page.close()


@pytest.mark.parametrize(("answer", "scrolled"), [("[data-here='1']", True), ("[data-here='2']", False)])
def test_an_answer_below_the_window_is_scrolled_to(answer, scrolled, browser):
    page = browser.new_page(viewport={"width": 400, "height": 600})
    page.set_content(
        "<p style='height: 3000px' data-here=1></p><h2 id=there>x</h2><p style='height: 3000px'></p>"
    )
    page.evaluate(f"() => ({scroll_to_answer('#there', answer)})()")
    if scrolled:
        page.wait_for_function("scrollY > 2000", timeout=PATIENCE)
    else:
        page.wait_for_timeout(1000)
        assert page.evaluate("scrollY") == 0
    page.close()


def test_stylesheets_are_whole_and_the_pages_own_comes_first():
    paths = launch_options()["css_paths"]
    assert {path.name for path in paths} == {path.name for path in STATIC.glob("*.css")}
    assert paths[0].name == "page.css"
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert text.count("{") == text.count("}") and text.startswith("/* ") and text.endswith("}\n")


CARD = """<form data-gallery=mine><input data-row=0 value="{}"><input data-row=1 value="{}">
    <p class=save><button id=gallery-save>Save names</button> <span>{}</span></p></form>"""
SAVED = "Saved: 1 person named."


def test_names_typed_while_others_are_saved_stay(browser):
    page = browser.new_page()
    page.set_content(f"<div id=shown>{CARD.format('', '', '')}</div>")
    page.evaluate(
        "text => new Function('element', 'trigger', text)(shown, (_, sent) => { window.sent = sent; })",
        script("save_names"),
    )
    fields = page.locator("input")
    fields.nth(0).fill("Ann")
    fields.nth(0).press("Enter")
    assert page.evaluate("sent") == {"gallery": "mine", "names": {"0": "Ann"}}
    fields.nth(1).press_sequentially("B")
    page.evaluate("html => { shown.innerHTML = html; }", CARD.format("Ann", "", SAVED))
    page.keyboard.type("o")
    assert [field.input_value() for field in fields.all()] == ["Ann", "Bo"], "the keyboard's place stays too"
    page.keyboard.press("Enter")
    assert page.evaluate("sent.names") == {"1": "Bo"}
    page.evaluate("html => { shown.innerHTML = html; }", CARD.format("Ann", "Bo Li", SAVED))
    assert fields.nth(1).input_value() == "Bo Li", "what was sent is no longer the page's"
    page.close()


def test_names_that_could_not_be_saved_stay(browser):
    """The server may refuse them for a while; the card is drawn again whenever the tab is opened."""
    page = browser.new_page()
    page.set_content(f"<div id=shown>{CARD.format('', '', '')}</div>")
    page.evaluate("text => new Function('element', 'trigger', text)(shown, () => {})", script("save_names"))
    fields = page.locator("input")
    fields.nth(0).fill(" Ann ")
    fields.nth(0).press("Enter")
    page.evaluate("html => { shown.innerHTML = html; }", CARD.format("", "", ""))
    assert fields.nth(0).input_value() == " Ann "
    fields.nth(1).fill("Bo")
    fields.nth(1).press("Enter")
    page.evaluate("html => { shown.innerHTML = html; }", CARD.format("Ann", "Bo", SAVED))
    assert [field.input_value() for field in fields.all()] == ["Ann", "Bo"]
    page.close()


def test_a_box_that_is_emptied_does_not_give_its_photo_again(browser):
    """Gradio's events may still carry it then."""
    page = browser.new_page()
    one, two = {"path": "/a/1.jpg"}, {"path": "/a/2.jpg"}

    def given(how: str, photo: dict | None, box: str = "first") -> list:
        call = f"(...given) => ({script('in_turn', 2, 'name', [box, how])})(...given)"
        return page.evaluate(f"([photo]) => ({call})(photo, 'state', 'turn')", [photo])

    assert given("input", one) == [one, "state", 1]
    assert given("input", one) == [None, "state", 2]
    assert given("input", one, "second") == [one, "state", 3]
    assert given("removed", one) == [None, "state", 4]
    assert given("input", one) == [None, "state", 5]
    assert given("input", None) == [None, "state", 6]
    assert given("input", two) == [two, "state", 7]
    assert given("put", one) == [one, "state", 8] and given("put", one) == [one, "state", 9]
    assert given("removed", one)[0] is None and given("input", one)[0] is None
    assert page.evaluate("window.turns.name") == 11
    page.close()
