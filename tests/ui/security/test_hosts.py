"""Under which names a page that listens on loopback answers."""

import httpx
import pytest

from threedsl.ui.security.guard import Guard
from threedsl.ui.security.hosts import Hosts

MINE = [
    "127.0.0.1:7860",
    "localhost:7860",
    "LOCALHOST",
    "localhost.",
    "[::1]:7860",
    "127.0.0.9",
    "page.localhost",
]
FOREIGN = [
    "evil.example",
    "evil.example:7860",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.example#localhost",
    "localhost@evil.example",
    "192.168.0.7:7860",
    "2130706433.example",
    "",
    " ",
    "[::1",
    "a b",
    "evil.example\\@localhost",
    "localhost:80:80",
    "localhost:port",
    "[::1%25evil.example]",
    "[v1.localhost]",
]


@pytest.mark.parametrize("host", MINE)
def test_own_names(host):
    assert Hosts("127.0.0.1", "").allows(host)


@pytest.mark.parametrize("host", FOREIGN)
def test_foreign_names(host):
    assert not Hosts("127.0.0.1", "").allows(host) and not Hosts("localhost", "").allows(host)
    assert not Hosts("0.0.0.0", "demo.example.org").allows(host)


def test_who_listens_for_everybody_answers_under_any_name():
    assert Hosts("0.0.0.0", "").allows("user-space.hf.space")


def test_names_that_are_allowed():
    hosts = Hosts("127.0.0.1", " demo.example.org, *.gradio.live")
    assert hosts.allows("demo.example.org:443") and hosts.allows("abc.gradio.live")
    assert hosts.allows("127.0.0.1:7860"), "a health check"
    assert not hosts.allows("gradio.live.evil.example") and not hosts.allows("evil-demo.example.org")


def test_the_environment_is_read(monkeypatch):
    monkeypatch.setenv("THREEDSL_HOSTS", "demo.example.org")
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    assert Hosts().allows("demo.example.org") and not Hosts().allows("evil.example")


@pytest.mark.parametrize(
    "place", ["", "config", "gradio_api/info", "gradio_api/file=/etc/passwd", "assets/x.js"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:7860", "origin": "http://evil.example:7860"},
        {"x-forwarded-host": "evil.example"},
    ],
    ids=str,
)
def test_a_foreign_host_is_refused_by_the_server(served, place, headers):
    answer = httpx.get(served.url + place, headers=headers, timeout=300)
    assert answer.status_code == 403 and "does not answer to this host name" in answer.text
    assert "THREEDSL_HOSTS" in answer.text


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://localhost.evil.example", "null", "", "http://", "http://[::1"]
)
def test_a_foreign_site_cannot_post(served, origin):
    visitor = served.visitor()
    files = {"files": ("a.txt", b"x")}
    answer = visitor.http.post("gradio_api/upload", files=files, headers={"origin": origin})
    if origin == "":
        assert answer.status_code == 200  # as programs send it
        return
    assert answer.status_code == 403
    body = {"fn_index": 0, "data": [], "session_hash": "a"}
    assert (
        visitor.http.post("gradio_api/queue/join", json=body, headers={"origin": origin}).status_code == 403
    )


def test_the_pages_own_site_can(served):
    visitor = served.visitor()
    for origin in (served.url.rstrip("/"), served.url.rstrip("/").replace("127.0.0.1", "localhost")):
        answer = visitor.http.post(
            "gradio_api/upload", files={"files": ("a.txt", b"x")}, headers={"origin": origin}
        )
        assert answer.status_code == 200


@pytest.mark.parametrize("host", ["[v1.localhost]", "evil.example\\@localhost", "[::1", "a b", "a:b", ""])
def test_what_is_no_host_at_all_is_refused_whatever_the_page_listens_on(host):
    """Gradio fails over some of them with a traceback."""
    scope = {"type": "http", "method": "GET", "path": "/config", "query_string": b""}
    guard = Guard(None, None, Hosts("0.0.0.0", ""))
    assert guard._refused({**scope, "headers": [(b"host", host.encode())]}).status_code == 400
    assert guard._refused({**scope, "headers": [(b"host", b"demo.example.org:80")]}) is None


def test_each_reader_gets_an_own_description_of_the_endpoints(served):
    """Gradio kept the first description: its reader chose the address to which everyone else would send pictures."""
    here, port = served.url, served.url.rstrip("/").rpartition(":")[2]
    for other in ("localhost:1", f"[::1]:{port}", "127.0.0.2"):
        asked = httpx.get(f"{here}gradio_api/info", headers={"host": other}, timeout=300).text
        assert f"http://{other}" in asked and here.rstrip("/") not in asked
        assert httpx.get(f"{here}gradio_api/openapi.json", headers={"host": other}, timeout=300).json()[
            "paths"
        ]
    asked = httpx.get(f"{here}gradio_api/info", timeout=300).text
    assert here.rstrip("/") in asked and "localhost:1" not in asked and "127.0.0.2" not in asked
