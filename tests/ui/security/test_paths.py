"""A payload that names a file of the server, sent to every event and endpoint that the running page has: whatever it
names, the answer is that of a file that does not exist."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.pictures import encoded, person_like
from tests.ui.browser.visit import Refused, Visitor
from tests.zips import crop
from threedsl.ui.security.guard import QUEUED

GONE = "This file was not uploaded by you"
NO_FILE = "A picture must be given as a file that was uploaded first"
META = {"_type": "gradio.FileData"}


@pytest.fixture(scope="module")
def visitor(page_url) -> Visitor:
    return Visitor(page_url)


@pytest.fixture(scope="module")
def secrets(page_url, tmp_path_factory) -> dict[str, str]:
    """Paths of pictures that are there and nobody's business, by what they are."""
    folder = tmp_path_factory.mktemp("private")
    outside = folder / "secret.jpg"
    outside.write_bytes(encoded(person_like(256, 128), "JPEG"))
    other = Visitor(page_url)
    (upload,) = other.upload({"photo.png": crop(5)})
    answer = other.search({"photo.png": crop(6)}, "openpeople")
    written = next(path for path in paths_in(answer) if path.endswith(".jpeg"))
    page = other.build({"a.png": crop(7)})  # claims its upload
    used = other.upload({"used.png": crop(8)})
    other.press("gallery-build", [used, "", None])
    link = Path(upload["path"]).with_name("link.jpg")
    link.symlink_to(outside)
    unlisted = Path(upload["path"]).with_name("unlisted.jpg")
    unlisted.write_bytes(outside.read_bytes())
    assert page.name
    return {
        "outside": str(outside),
        "an-answer-of-another-visit": written,
        "an-upload-of-another-visit": used[0]["path"],
        "a-link-beside-an-upload": str(link),
        "a-file-beside-an-upload": str(unlisted),
        "dots": f"{Path(upload['path']).parent}/../{Path(upload['path']).parent.name}/photo.png",
        "dots-outside": f"{Path(upload['path']).parent}{'/..' * 12}{outside}",
        "relative": "checkpoints/3dsl-lite/metrics.json",
        "app": str(Path("app.py").resolve()),
        "passwd": "/etc/passwd",
        "file-address": f"file://{outside}",
        "nul": f"{outside}\0.jpg",
    }


def paths_in(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["path"]] if isinstance(value.get("path"), str) else []
        return own + [path for one in value.values() for path in paths_in(one)]
    return [path for one in value for path in paths_in(one)] if isinstance(value, list) else []


def shapes(path: str) -> dict[str, object]:
    """A path as attackers wrap it."""
    return {
        "bare": {"path": path},
        "with-meta": {"path": path, "meta": META},
        "with-address": {"path": path, "url": f"/gradio_api/file={path}", "meta": META},
        "as-stream": {"path": path, "is_stream": True, "meta": META},
        "in-a-list": [{"path": path}],
        "in-a-gallery": [{"image": {"path": path, "meta": META}, "caption": None}],
        "deeper": {"value": [[{"background": {"path": path}}]]},
        "as-property": {"value": {"path": path, "meta": META}},
    }


def outcome(visitor: Visitor, call: dict) -> str:
    try:
        return json.dumps(visitor.run(call))
    except Refused as error:
        return f"refused: {error}"


def events(visitor: Visitor) -> list[dict]:
    found = [event for event in visitor.events if event["backend_fn"]]
    assert len(found) > 30
    return found


def own_inputs(visitor: Visitor, event: dict) -> list[int]:
    """The inputs that a caller gives; a state is the server's."""
    return [number for number in event["inputs"] if visitor.components[number]["type"] != "state"]


def test_every_event_refuses_a_file_of_the_server(visitor, secrets):
    asked, told = 0, {}
    for event in events(visitor):
        if not own_inputs(visitor, event):
            continue
        for name, payload in shapes(secrets["outside"]).items():
            call = {"fn_index": event["id"], "data": [payload] * len(event["inputs"])}
            answer = outcome(visitor, call)
            asked += 1
            if not answer.startswith((f"refused: {GONE}", f"refused: {NO_FILE}")):
                told[event["id"], name] = answer[:120]
    assert not told
    assert asked > 100


def test_each_input_alone_is_checked(visitor, secrets):
    """With the others as they are while the page is idle."""
    told = {}
    for event in events(visitor):
        for number in own_inputs(visitor, event):
            data = [None] * len(event["inputs"])
            data[event["inputs"].index(number)] = {"path": secrets["outside"]}
            answer = outcome(visitor, {"fn_index": event["id"], "data": data})
            if not answer.startswith(f"refused: {GONE}"):
                told[event["id"], number] = answer[:120]
    assert not told


def test_what_is_there_and_what_is_missing_sound_alike(visitor, secrets):
    told = {}
    for event in events(visitor):
        if not own_inputs(visitor, event):
            continue
        sentences = set()
        for path in [*secrets.values(), "/nowhere/at-all.jpg"]:
            call = {"fn_index": event["id"], "data": [{"path": path, "meta": META}] * len(event["inputs"])}
            sentences.add(outcome(visitor, call))
        if len(sentences) != 1:
            told[event["id"]] = sentences
    assert not told


def test_what_is_told_beside_an_event_is_checked(visitor, secrets):
    for event in events(visitor):
        data = [None] * len(event["inputs"])
        call = {"fn_index": event["id"], "data": data, "event_data": {"file": {"path": secrets["outside"]}}}
        assert outcome(visitor, call).startswith(f"refused: {GONE}"), event["id"]


@pytest.mark.parametrize("route", ["call", "run", "api", "call/v2"])
def test_every_endpoint_refuses_a_file_of_the_server(visitor, secrets, route):
    info = visitor.http.get("gradio_api/info").json()["named_endpoints"]
    assert len(info) >= 5
    for name, described in info.items():
        parameters = described["parameters"]
        if not parameters:
            continue
        for path in secrets.values():
            file = {"path": path, "meta": META}
            body: dict = {"data": [file] * len(parameters)}
            if route == "call/v2":
                body = {one["parameter_name"]: file for one in parameters}
            elif route != "call":
                body["fn_index"] = next(e["id"] for e in visitor.events if f"/{e['api_name']}" == name)
            said = visitor.http.post(f"gradio_api/{route}{name}", json=body)
            text = said.text
            if "event_id" in text:
                text = visitor.http.get(f"gradio_api/{route}{name}/{said.json()['event_id']}").text
            assert (QUEUED if route in ("run", "api") else GONE) in text, (name, path, text)


def test_no_file_beside_is_served(visitor, secrets):
    for name, path in secrets.items():
        if name == "an-answer-of-another-visit" or name == "an-upload-of-another-visit":
            continue  # for who knows its path, which cannot be guessed
        answer = visitor.http.get(f"gradio_api/file={quote(path, safe='')}")
        assert answer.status_code == 404, name
        assert answer.json()["detail"] == visitor.http.get("gradio_api/file=/nowhere").json()["detail"]


@pytest.fixture
def inside() -> Iterator[tuple[str, list[str]]]:
    """A web server that only this machine reaches; its address, and what it was asked for."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(crop(1))

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/secret.png", asked
    server.shutdown()


def test_no_address_is_fetched(visitor, inside):
    address, asked = inside
    for event in events(visitor):
        if not own_inputs(visitor, event):
            continue
        for payload in (*shapes(address).values(), {"url": address, "meta": META}):
            call = {"fn_index": event["id"], "data": [payload] * len(event["inputs"])}
            answer = outcome(visitor, call)
            assert "addresses are not fetched" in answer or NO_FILE in answer
    for place in (f"gradio_api/file={address}", f"gradio_api/proxy={address}", f"gradio_api/file/{address}"):
        assert visitor.http.get(place, follow_redirects=False).status_code == 404
    assert asked == []


def test_an_upload_is_its_visits(page_url):
    """The first visit that names it has it; no other can, whoever told it the path."""
    mine, other = Visitor(page_url), Visitor(page_url)
    files = mine.upload({"a.png": crop(3)})
    page = mine.press("gallery-build", [files, "", None])
    assert "with 1 picture" in page[0]
    with pytest.raises(Refused, match=GONE):
        other.press("gallery-build", [files, "", None])
    mine.press("gallery-build", [files, "", None])


def test_a_plain_call_uses_what_its_own_client_sent(visitor, page_url):
    (file,) = visitor.upload({"a.png": crop(4)})
    name = next(
        one for one in visitor.http.get("gradio_api/info").json()["named_endpoints"] if "build" in one
    )
    for _ in range(2):
        said = visitor.http.post(f"gradio_api/call{name}", json={"data": [[file], "Mine"]})
        answer = visitor.http.get(f"gradio_api/call{name}/{said.json()['event_id']}").text
        assert "event: complete" in answer, answer
    elsewhere = httpx.Client(
        base_url=page_url, transport=httpx.HTTPTransport(local_address="127.0.0.9"), timeout=300
    )
    said = elsewhere.post(f"gradio_api/call{name}", json={"data": [[file], "Mine"]})
    answer = elsewhere.get(f"gradio_api/call{name}/{said.json()['event_id']}").text
    assert GONE in answer


def test_two_uploads_of_the_same_bytes_are_two_files(page_url):
    (first,), (second,) = (Visitor(page_url).upload({"same.png": crop(9)}) for _ in range(2))
    assert first["path"] != second["path"]
