"""What attackers and accidents bring to the Gallery tab, against a server of its own: each upload ends in a sentence
or in the right gallery, and the server answers the next request."""

import io
import json
import re
import zipfile
from collections.abc import Callable

import pytest

from tests.pictures import huge_png
from tests.ui.browser.visit import Refused, Visitor
from tests.ui.hostile_uploads import CASES, EVIL, GOOD
from tests.zips import (
    crop,
    zipped,
)


def test_there_are_enough_cases():
    assert len(CASES) >= 60


@pytest.fixture(scope="module")
def visitor(page_url) -> Visitor:
    return Visitor(page_url)


def check_next_request(visitor: Visitor) -> None:
    """The server answers, and nothing of the upload is listed."""
    endpoint = next(event for event in visitor.events if event["api_name"] == "galleries")
    (galleries,) = visitor.run({"fn_index": endpoint["id"], "data": []})
    assert galleries and all(set(one) == {"gallery", "title", "pictures"} for one in galleries)


def check_sentence(sentence: str, words: str) -> None:
    assert words in sentence, sentence
    assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 600
    assert "Traceback" not in sentence and not re.search(r"/(tmp|threedsl-|gradio)", sentence)


@pytest.mark.parametrize("name", CASES)
def test_hostile_uploads(visitor, name):
    files, expected, left_out = CASES[name]
    files = files() if callable(files) else files
    if isinstance(expected, str):
        with pytest.raises(Refused) as error:
            visitor.build(files)
        check_sentence(str(error.value), expected)
    else:
        page = visitor.build(files)
        assert re.search(rf"with {expected} pictures?\.", page.line), page.line
        assert (left_out in page.line) if left_out else ("left out" not in page.line)
        assert "<img src=x" not in page.line + page.shown and "<script" not in page.line + page.shown
        assert page.shown.count("<img ") == expected
        visitor.delete(page.name)
    check_next_request(visitor)


TITLES = {
    "html": f"<script>{EVIL}",
    "long": "x" * 100_000,
    "nul": "a\0b",
    "lines": "a\r\nSet-Cookie: b",
    "turned-round": "\u202eevil",
    "path": "../../etc/passwd",
    "template": "{{7*7}} ${7*7} {0.__class__}",
    "nothing": " \u200b\u2060 ",
}


@pytest.mark.parametrize("name", TITLES)
def test_hostile_titles(visitor, name):
    page = visitor.build({"a.png": crop()}, TITLES[name])
    title = page.own[0][0]
    assert title.isprintable() and 1 <= len(title) <= 60 and title == title.strip()
    assert "<script" not in page.line + page.shown and "<img src=x" not in page.line + page.shown
    exported = visitor.export(page.name)["orig_name"]
    assert re.fullmatch(r"[A-Za-z0-9-]+\.zip", exported)
    visitor.delete(page.name)
    check_next_request(visitor)


@pytest.mark.parametrize("title", [7, ["a"], {"a": 1}, None, True])
def test_titles_that_are_no_text(visitor, title):
    page = BuiltOrRefused(
        lambda: visitor.press("gallery-build", [visitor.upload({"a.png": crop()}), title, None])
    )
    if page.outputs is not None:
        visitor.delete(page.outputs[1]["value"])
    check_next_request(visitor)


class BuiltOrRefused:
    """Outputs of an event, or the sentence it was refused with."""

    def __init__(self, press: Callable[[], list]):
        self.outputs, self.sentence = None, ""
        try:
            self.outputs = press()
        except Refused as error:
            self.sentence = str(error)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "",
        "/etc/passwd",
        7,
        {"path": "/etc/passwd"},
        [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}],
        [{"path": "../../../../etc/passwd", "meta": {"_type": "gradio.FileData"}}],
        [{"path": "", "meta": {"_type": "gradio.FileData"}}],
        [{"path": "http://127.0.0.1:1/x.png", "meta": {"_type": "gradio.FileData"}}],
        [[[]]],
    ],
    ids=str,
)
def test_payloads_that_are_no_uploads(visitor, payload):
    with pytest.raises(Refused) as error:
        visitor.press("gallery-build", [payload, "", None])
    assert "root:" not in str(error.value) and "Traceback" not in str(error.value)
    check_next_request(visitor)


@pytest.fixture(scope="module")
def exported(visitor) -> dict[str, bytes]:
    """The files of a gallery exported from this server."""
    page = visitor.build({"people.zip": zipped(GOOD)})
    data = visitor.fetch(visitor.export(page.name)["path"]).content
    visitor.delete(page.name)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def header(**changes) -> Callable[[dict], dict]:
    def change(files: dict) -> dict:
        return files | {"records.json": json.dumps(json.loads(files["records.json"]) | changes).encode()}

    return change


EXPORTED: dict[str, tuple[Callable[[dict], dict], str | int]] = {
    "as-it-is": (lambda files: files, 2),
    "with-more-files": (lambda files: files | {"evil.sh": b"rm -rf /", "x.png": crop()}, 2),
    "in-another-order": (lambda files: dict(reversed(files.items())), 2),
    "of-another-model": (header(fingerprint="0" * 64), "zip was made with another model"),
    "of-no-model": (header(fingerprint=None), "zip was made with another model"),
    "of-another-version": (header(format=2), "zip has another format version"),
    "with-a-number-as-title": (header(title=7), 2),
    "with-html-as-title": (header(title=f"<script>{EVIL}"), 2),
    "without-records": (header(records=[]), "no pictures"),
    "with-endless-records": (header(records=[{}] * 10**5), "no pictures or more than"),
    "without-header": (lambda files: files | {"records.json": b"{}"}, "lacks"),
    "with-nested-header": (lambda files: files | {"records.json": b"[" * 10**5}, "is damaged"),
    "without-shape": (lambda files: {k: v for k, v in files.items() if k != "shape.npy"}, "lacks"),
    "with-changed-descriptors": (
        lambda files: files | {"shape.npy": files["shape.npy"][:-4] + b"\0\0\0\0"},
        "not what was exported",
    ),
    "with-a-pickle": (lambda files: files | {"appearance.npy": b"cos\nsystem\n(S'id'\ntR."}, "not what was"),
    "without-a-thumbnail": (
        lambda files: {k: v for k, v in files.items() if k != "thumbnails/00001.jpg"},
        "lacks",
    ),
    "with-a-bomb-as-thumbnail": (lambda files: files | {"thumbnails/00000.jpg": huge_png()}, "megapixels"),
}


@pytest.mark.parametrize("name", EXPORTED)
def test_hostile_imports(visitor, exported, name):
    change, expected = EXPORTED[name]
    data = zipped(change(exported))
    if isinstance(expected, str):
        with pytest.raises(Refused) as error:
            visitor.build({"exported.zip": data})
        check_sentence(str(error.value), expected)
    else:
        page = visitor.build({"exported.zip": data})
        assert f"with {expected} pictures" in page.line and "Imported" in page.line
        assert "<script" not in page.line + page.shown
        visitor.delete(page.name)
    check_next_request(visitor)
