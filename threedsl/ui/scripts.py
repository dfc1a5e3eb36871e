"""JavaScript that runs in the visitor's browser: the files of static/, as Gradio's `js` and `js_on_load` take them."""

import functools
import json
from pathlib import Path

STATIC = Path(__file__).parent / "static"


def script(name: str, *arguments: object) -> str:
    """The JavaScript of static/`name`.js.

    Args:
        arguments: given to the function in the file, as JSON, before those that Gradio gives it.
    """
    text = _read(name)
    return f"({text}).bind(null, {', '.join(map(json.dumps, arguments))})" if arguments else text


@functools.cache
def _read(name: str) -> str:
    return (STATIC / f"{name}.js").read_text(encoding="utf-8").rstrip()


def scroll_to_answer(target: str, answer: str, low: float = 9) -> str:
    """JavaScript that scrolls to the element `target` where there is an `answer` (CSS selectors): on a phone always, on
    a wide screen where it lies above the window or below the share `low` of its height."""
    return script("scroll_to_answer", target, answer, low)


def give(values: object) -> str:
    """JavaScript that gives `values`, plain data, to the outputs of an event without asking the server."""
    return script("values", values)


def stylesheets() -> list[Path]:
    """The CSS files of static/, the page's own first."""
    return sorted(STATIC.glob("*.css"), key=lambda path: (path.stem != "page", path.stem))
