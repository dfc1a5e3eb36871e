"""Requests that no honest client sends, or sends by mistake: a sentence, soon, and nothing else."""

import base64
import json
import re
import time

import httpx
import pytest
from gradio.routes import App

from tests.pictures import encoded, person_like
from tests.ui.browser.visit import Refused
from tests.zips import crop
from threedsl.ui.security.guard import GET, NOWHERE, POST, QUEUED
from threedsl.ui.security.limits import MOST_CALL_BYTES
from threedsl.ui.security.queue import NO_EVENT

PICTURE = base64.b64encode(encoded(person_like(128, 64), "JPEG")).decode()
META = {"_type": "gradio.FileData"}
NO_FILES = {
    "text": PICTURE,
    "data-address": f"data:image/jpeg;base64,{PICTURE}",
    "empty-object": {},
    "data-address-in-url": {"url": f"data:image/jpeg;base64,{PICTURE}", "meta": META},
    "data-address-in-path": {"path": f"data:image/jpeg;base64,{PICTURE}", "meta": META},
    "server-path": "/etc/passwd",
    "server-path-in-object": {"path": "/etc/passwd"},
    "web-address": "https://example.org/photo.jpg",
    "web-address-in-path": {"path": "https://example.org/photo.jpg", "meta": META},
    "number": 7,
    "true": True,
    "path-that-is-a-number": {"path": 7},
    "path-that-is-a-list": {"path": ["a"]},
    "path-that-is-empty": {"path": "", "meta": META},
    "deep": json.loads("[" * 40 + "]" * 40),
}


def answer_of(http: httpx.Client, name: str, data: list) -> tuple[str, object]:
    """(event, data) at the end of a plain HTTP call's stream."""
    said = http.post(f"gradio_api/call/{name}", json={"data": data}).raise_for_status().json()
    lines = http.get(f"gradio_api/call/{name}/{said['event_id']}").text.strip().splitlines()
    return lines[-2].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))


@pytest.mark.parametrize("name", NO_FILES)
@pytest.mark.parametrize("endpoint", ["search", "reconstruct", "compare", "build_gallery"])
def test_what_is_no_upload_is_a_sentence(served, endpoint, name):
    given = NO_FILES[name]
    data = (
        [given, "tiny", 2] if endpoint == "search" else [given, given] if endpoint == "compare" else [given]
    )
    http = served.visitor().http
    event, told = answer_of(http, endpoint, data)
    assert event == "error" and isinstance(told["error"], str)
    assert re.fullmatch(r"[A-Z][^\n]{20,300}\.", told["error"])
    assert "/etc" not in told["error"] and "Traceback" not in told["error"]


@pytest.mark.parametrize(
    "data", [[1, 2, 3, 4, 5, 6, 7], [], [None, None, "x", "y", "z"], [None, {"a": 1}, [], {}, 5]], ids=str
)
def test_values_that_do_not_fit_are_a_sentence(served, data):
    event, told = answer_of(served.visitor().http, "search", data)
    assert event == "error" and told["error"].endswith("."), told


BAD_BODIES = {
    "none": b"",
    "text": b"hello",
    "list": b"[]",
    "deep": b'{"data": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "not-utf-8": b'{"data": ["\xff\xfe"]}',
    "data-is-text": b'{"data": "x", "fn_index": 0, "session_hash": "a"}',
    "no-such-event": b'{"data": [], "fn_index": 9999, "session_hash": "a"}',
    "event-is-text": b'{"data": [], "fn_index": "search", "session_hash": "a"}',
    "event-is-a-list": b'{"data": [], "fn_index": [], "session_hash": "a"}',
    "session-is-long": b'{"data": [], "fn_index": 0, "session_hash": "' + b"a" * 1000 + b'"}',
    "session-is-a-path": b'{"data": [], "fn_index": 0, "session_hash": "../a"}',
    "many-values": b'{"data": [' + b"[]," * 20_000 + b'[]], "fn_index": 0, "session_hash": "a"}',
    "large": b'{"data": ["' + b"x" * MOST_CALL_BYTES + b'"]}',
}


@pytest.mark.parametrize("place", ["queue/join", "call/search", "run/predict", "api/predict"])
@pytest.mark.parametrize("name", BAD_BODIES)
def test_bad_bodies(served, name, place):
    answer = served.visitor().http.post(
        f"gradio_api/{place}", content=BAD_BODIES[name], headers={"content-type": "application/json"}
    )
    if place == "call/search" and name in ("no-such-event", "event-is-text"):
        assert answer.status_code == 200  # the name alone counts there
        return
    assert answer.status_code == 400
    assert re.fullmatch(r"[A-Z][^\n]+\.", answer.json()["detail"])


ODD_BODIES = {
    "unknown-argument": b'{"nonsense": 1}',
    "nan": b'{"data": [NaN]}',
    "infinite": b'{"data": [1e999]}',
    "half-a-character": b'{"data": ["\\ud800"]}',
}


@pytest.mark.parametrize("place", ["call/v2/galleries", "call/v2/search", "cancel", "reset", "reset/"])
@pytest.mark.parametrize("name", ODD_BODIES)
def test_bodies_that_gradio_fails_on(served, name, place):
    answer = served.visitor().http.post(
        f"gradio_api/{place}", content=ODD_BODIES[name], headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]


def test_a_call_by_names_of_an_event_of_the_page_is_a_sentence(served):
    http = served.visitor().http
    names = {event["api_name"] for event in served.visitor().events if event["api_name"]}
    assert len(names) > 40
    for name in names:
        answer = http.post(f"gradio_api/call/v2/{name}", json={"nonsense": 1})
        assert answer.status_code == 400 and re.fullmatch(r"[A-Z][^\n]+\.", answer.json()["detail"]), name


def test_only_what_callers_may_say_reaches_gradio(served):
    """`batched` would make Gradio read the request as many."""
    visitor = served.visitor()
    number = next(e for e in visitor.events if e["api_name"] == "forget")["id"]
    body = {"data": [], "fn_index": number, "session_hash": visitor.session}
    body |= {"batched": True, "simple_format": True, "request": {"x": 1}}
    assert visitor.http.post("gradio_api/run/forget", json=body).status_code == 200


@pytest.mark.parametrize("place", ["run/predict", "api/predict", "run/search", "api/search/"])
def test_nobody_passes_the_queue(served, place):
    """Sixty searches that did kept another visitor's waiting for a minute."""
    visitor = served.visitor()
    queued = [event for event in visitor.events if event["backend_fn"] and event["queue"]]
    assert len(queued) > 40
    for event in queued:
        call = {"data": [], "fn_index": event["id"], "session_hash": visitor.session}
        answer = visitor.http.post(f"gradio_api/{place}", json=call)
        assert answer.status_code == 400 and answer.json()["detail"] == QUEUED, event["api_name"]


@pytest.mark.parametrize("place", ["call/search/0123", "call/nothing/0123", "call/v2/search/0123"])
def test_an_unknown_call_does_not_hang(served, place):
    start = time.monotonic()
    answer = served.visitor().http.get(f"gradio_api/{place}")
    assert time.monotonic() - start < 60
    assert answer.status_code == 404 and "event: error" in answer.text and "no such call" in answer.text


@pytest.mark.parametrize("session", ["nobody", "", "../a", "x" * 5000])
def test_an_unknown_session_is_a_sentence_and_no_traceback(served, session, caplog):
    start = time.monotonic()
    answer = served.visitor().http.get("gradio_api/queue/data", params={"session_hash": session})
    assert time.monotonic() - start < 60
    told = json.loads(answer.text.removeprefix("data: "))
    assert told["msg"] == "unexpected_error" and told["session_not_found"] and told["message"].endswith(".")
    assert not caplog.records


def test_events_of_the_page_are_no_endpoints(served):
    """Named over plain HTTP they have no session, and those that run in the browser have nothing to run."""
    visitor = served.visitor()
    public = {name.strip("/") for name in visitor.http.get("gradio_api/info").json()["named_endpoints"]}
    names = {event["api_name"] for event in visitor.events if event["api_name"]} - public
    assert {"unnamed", "open_match"} <= names
    for name in names:
        answer = visitor.http.post(f"gradio_api/call/{name}", json={"data": []})
        assert answer.status_code == 400 and answer.json()["detail"] == NOWHERE, name


def test_events_of_the_browser_alone_are_refused(served):
    visitor = served.visitor()
    numbers = [event["id"] for event in visitor.events if not event["backend_fn"]]
    assert len(numbers) > 10
    for number in numbers:
        call = {"data": [], "fn_index": number, "session_hash": "a"}
        for place in ("queue/join", "run/predict"):
            answer = visitor.http.post(f"gradio_api/{place}", json=call)
            assert answer.status_code == 400 and answer.json()["detail"] == NO_EVENT, (number, place)


@pytest.mark.parametrize(
    "told", [None, 7, "x", [], {}, {"index": "9" * 5000}, {"example": "9" * 5000}], ids=str
)
def test_what_an_event_is_told_may_be_anything(served, told, caplog):
    visitor = served.visitor()
    for event in visitor.events:
        if event["backend_fn"] and event["api_visibility"] == "private" and not event["inputs"]:
            try:
                visitor.run({"fn_index": event["id"], "data": [], "event_data": told})
            except Refused as error:
                assert str(error).endswith(".") and "\n" not in str(error)
    opened = next(event for event in visitor.events if event["api_name"] == "open_match")
    with pytest.raises(Refused, match="search again"):
        visitor.run({"fn_index": opened["id"], "data": ["tiny", None, None], "event_data": told})
    assert not [record for record in caplog.records if record.exc_info]


def test_an_unknown_endpoint_is_a_sentence(served):
    answer = served.visitor().http.post("gradio_api/call/nothing", json={"data": []})
    assert answer.status_code == 400 and answer.json()["detail"].endswith(".")


def test_nothing_but_what_is_listed_is_answered(served):
    """Found from the app, so that what a later Gradio adds is looked at before it is open."""
    app = App.create_app(served.page)
    closed, http = set(), served.visitor().http
    routers = [one.original_router for one in app.routes if hasattr(one, "original_router")]
    routes = [*app.routes, *(route for router in routers for route in router.routes)]
    assert len(routes) > 80
    for route in (one for one in routes if hasattr(one, "path")):
        path = re.sub(r"\{[^}]*\}", "x", route.path)
        for method in getattr(route, "methods", None) or ["GET"]:
            pattern = POST if method == "POST" else GET
            if not pattern.fullmatch(path):
                answer = http.request(method, path)
                assert answer.status_code == 404, (method, path)
                assert method == "HEAD" or answer.json()["detail"].endswith(".")
                closed.add(path)
    assert {
        "/gradio_api/proxy=x",
        "/gradio_api/file/x",
        "/gradio_api/component_server",
        "/gradio_api/process_recording",
        "/gradio_api/deep_link",
        "/gradio_api/vibe-edit",
        "/monitoring/summary",
        "/login",
        "/openapi.json",
    } <= closed


def test_a_header_does_not_say_where_the_page_loads_from(served):
    """A cache in front of the page would keep that answer for everyone."""
    answer = served.visitor().http.get("config", headers={"X-Gradio-Server": "http://evil.example/x"})
    assert answer.status_code == 200 and "evil.example" not in answer.text


@pytest.mark.parametrize(
    "place", ["svelte", "assets", "static", "gradio_api/file=", "gradio_api/call/search"]
)
def test_a_long_address_is_a_sentence(served, place, caplog):
    answer = served.visitor().http.get(f"{place}/{'a' * 5000}")
    assert answer.status_code == 404 and answer.json()["detail"].endswith(".")
    assert not caplog.records


@pytest.mark.parametrize(
    "kind", ["x; boundary=" + "b" * 60_000, "x; boundary=", "x", "y; boundary=x; charset=zip", ""]
)
def test_a_form_that_is_none_is_a_sentence(served, kind, caplog):
    headers = {"content-type": kind.replace("x", "multipart/form-data", 1)}
    for body in (b"", b"--x\r\n", b"--x\r\n\r\n\r\n--x--\r\n", b"\0" * 1000):
        answer = served.visitor().http.post("gradio_api/upload", content=body, headers=headers)
        assert answer.status_code == 400 and answer.text.endswith(".")
    assert not [record for record in caplog.records if record.exc_info]


def test_every_answer_has_the_headers(served):
    visitor = served.visitor()
    (file,) = visitor.upload({"page.html": b"<script>alert(1)</script>"})
    for place in ("", "config", "gradio_api/info", "nowhere", f"gradio_api/file={file['path']}"):
        headers = visitor.http.get(place).headers
        assert headers["x-content-type-options"] == "nosniff"
        policy = headers["content-security-policy"]
        if "file=" in place:
            assert policy == "default-src 'none'; sandbox" and "attachment" in headers["content-disposition"]
        else:
            assert "frame-ancestors 'self' https://huggingface.co https://*.hf.space" in policy
            assert "object-src 'none'" in policy and "default-src 'self'" in policy


@pytest.mark.slow
def test_the_answer_after_all_that(served):
    visitor = served.visitor()
    (file,) = visitor.upload({"a.png": crop(1)})
    event, told = answer_of(visitor.http, "search", [file, "tiny", 2])
    assert event == "complete" and len(told[0]["results"]["combined"]) == 2


def test_an_event_that_is_sent_nothing_answers_in_a_sentence_or_does_its_work(served, caplog):
    """Choosing no example ended without one, and with a traceback in the log."""
    visitor = served.visitor()
    for event in (one for one in visitor.events if one["backend_fn"]):
        try:
            visitor.run({"fn_index": event["id"], "data": [None] * len(event["inputs"]), "event_data": {}})
        except Refused as refused:
            assert re.fullmatch(r"\w.{10,}[.?]", str(refused), re.DOTALL), (event["targets"], str(refused))
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "asked", ["bytes=0-0,2-2", "bytes=-" + "-" * 9000, "bytes=x-y", "items=0-1", "bytes=" + "9" * 99 + "-"]
)
def test_parts_of_a_file_that_gradio_fails_on_are_the_whole_file(served, asked, caplog):
    visitor = served.visitor()
    (upload,) = visitor.upload({"a.txt": b"0123456789"})
    place = f"gradio_api/file={upload['path']}"
    whole = visitor.http.get(place, headers={"range": asked})
    assert (whole.status_code, whole.text) == (200, "0123456789")
    part = visitor.http.get(place, headers={"range": "bytes=2-3"})
    assert (part.status_code, part.text) == (206, "23")
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("place", ["cancel", "reset", "queue/join", "run/x", "call/search"])
@pytest.mark.parametrize("key", ["session_hash", "event_id", "trigger_id", "data"])
def test_no_answer_repeats_what_was_sent(served, place, key):
    """Thousands of values in a name came back in the answer, for a quarter of a second of everybody's time."""
    call = {"data": [], "fn_index": 5, key: {f"said {number}": 1 for number in range(5000)}}
    answer = served.visitor().http.post(f"gradio_api/{place}", json=call)
    assert answer.status_code in (400, 422) and "said" not in answer.text
