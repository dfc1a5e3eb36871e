"""Two visitors at once, who try to get at each other's galleries, pictures and bodies: by names, by file paths, by
what the server tells everybody."""

import json
import os
import re
import threading
import time
import urllib.parse
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.ui.browser.visit import Refused, Visitor
from tests.zips import crop, zipped

UNKNOWN = "This gallery is unknown"
ROUNDS = 3


def people(seed: int) -> bytes:
    return zipped({f"{name}-{seed}/1.png": crop(seed + i) for i, name in enumerate(("anna", "ben", "carl"))})


class Visit(threading.Thread):
    """A visitor who builds, searches and exports a few times, while somebody else does the same."""

    def __init__(self, url: str, seed: int, together: threading.Barrier):
        super().__init__()
        self.visitor, self.seed, self.together = Visitor(url), seed, together
        self.heard: list[str] = []  # everything the server said
        self.names: list[str] = []
        self.secrets: set[str] = set()  # what nobody else may ever hear
        self.paths: list[str] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            for number in range(ROUNDS):
                self.together.wait(600)
                self.visit(number)
        except BaseException as error:
            self.failure = error
            self.together.abort()

    def visit(self, number: int) -> None:
        seed = self.seed + 10 * number
        page = self.visitor.build({"people.zip": people(seed)}, f"title-{seed}")
        self.names.append(page.name)
        outputs = self.visitor.search({"photo.png": crop(seed)}, page.name)
        exported = self.visitor.export(page.name)
        self.heard += [page.line, page.shown, json.dumps([page.own, page.searchable, outputs, exported])]
        thumbnails = re.findall(r"base64,([\w+/=]+)", page.shown)
        assert len(thumbnails) == 3
        self.secrets |= {f"title-{seed}", f"anna-{seed}", page.name, *thumbnails}
        files = re.findall(r'"path": "([^"]+)"', json.dumps([outputs, exported]))
        self.paths += [path for path in files if path.startswith("/")]
        self.secrets |= set(self.paths)
        assert sum(thumbnail in json.dumps(outputs) for thumbnail in thumbnails) == 3, "the search shows them"


@pytest.fixture(scope="module")
def visits(page_of_its_own):
    together = threading.Barrier(2)
    both = [Visit(page_of_its_own, seed, together) for seed in (1000, 5000)]
    with both[0].visitor.open_page(), both[1].visitor.open_page():
        for visit in both:
            visit.start()
        for visit in both:
            visit.join()
        for visit in both:
            if visit.failure:
                raise visit.failure
        yield both


@pytest.fixture(params=[0, 1], ids=["first", "second"])
def pair(visits, request):
    """(the one whose things they are, the one who wants them)"""
    return visits[request.param], visits[1 - request.param]


def test_nothing_of_the_other_is_ever_heard(pair):
    mine, other = pair
    assert len(mine.names) == ROUNDS and len(mine.paths) >= 3 * ROUNDS
    heard = "\n".join(other.heard)
    assert [secret for secret in mine.secrets if secret in heard] == []
    assert all(any(secret in said for said in mine.heard) for secret in mine.secrets)


def test_a_gallery_cannot_be_used_by_its_name(pair):
    mine, other = pair
    name = mine.names[0]
    tries = {
        "choose": lambda: other.visitor.press("gallery-own", [name], "input"),
        "export": lambda: other.visitor.export(name),
        "search in it": lambda: other.visitor.press("gallery-search", [name]),
        "save names": lambda: other.visitor.save_names(name, {"0": "somebody"}),
        "search": lambda: other.visitor.search({"photo.png": crop(1)}, name),
    }
    for what, attempt in tries.items():
        with pytest.raises(Refused, match=UNKNOWN):
            attempt()
            pytest.fail(f"{what} went through")
    assert UNKNOWN in other.visitor.delete(name)[0]
    assert mine.visitor.export(name)["size"] > 1000, "it is still there"


def test_a_gallery_of_the_page_cannot_be_used_through_the_api(pair, page_of_its_own, tmp_path):
    mine, _ = pair
    (tmp_path / "photo.png").write_bytes(crop(1))
    client = Client(page_of_its_own, verbose=False, httpx_kwargs={"timeout": 300})
    with pytest.raises(AppError, match=UNKNOWN):
        client.predict(
            photo=handle_file(tmp_path / "photo.png"), gallery=mine.names[0], k=3, api_name="/search"
        )


def test_nothing_private_is_told_to_everybody(visits, page_of_its_own):
    stranger = Visitor(page_of_its_own)
    places = [
        "config",
        "gradio_api/info",
        "gradio_api/startup-events",
        "gradio_api/queue/status",
        "",
        "monitoring",
    ]
    told = "\n".join(stranger.http.get(place).text for place in places)
    endpoint = next(event for event in stranger.events if event["api_name"] == "galleries")
    told += json.dumps(stranger.run({"fn_index": endpoint["id"], "data": []}))
    for visit in visits:
        assert [secret for secret in visit.secrets if secret in told] == []
        assert visit.visitor.session not in told


def test_files_are_for_those_who_know_their_path(pair):
    """What Gradio allows: a path is a key. Nobody is told another visitor's, and none can be guessed."""
    mine, other = pair
    for path in mine.paths:
        assert other.visitor.fetch(path).status_code == 200
        assert re.search(r"[0-9a-f]{24}", str(Path(path).parent.name) + Path(path).stem), path


def test_folders_are_not_listed_and_nothing_beside_them_is_served(pair):
    mine, other = pair
    for path in map(Path, mine.paths):
        guesses = [
            *path.parents,
            path.with_name("other.jpg"),
            path.parent / "*",
            path.parent / ".." / path.parent.name,
            path.parent.parent / ("0" * 24) / path.name,
            path.parent.parent / path.name,
            f"{path.parent}/../../../../../../../../../etc/passwd",
            "/etc/passwd",
            "//etc/passwd",
            "file:///etc/passwd",
            f"{path}/../../../secret",
            f"{path}%00.jpg",
        ]
        for guess in guesses:
            answer = other.visitor.fetch(urllib.parse.quote(str(guess)))
            assert answer.status_code in (403, 404), guess
            assert path.name not in answer.text.replace(str(guess), "") and "root:" not in answer.text


def test_another_visitors_files_cannot_be_searched_with_by_guessing(pair):
    mine, other = pair
    upload = {"path": str(Path(mine.paths[0]).parent), "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(Refused):
        other.visitor.press("gallery-build", [[upload], "", None])


def test_galleries_are_in_memory_alone(visits):
    """On disk is only what was uploaded, what was exported, and the bodies: no descriptors, no list of people."""
    (root,) = {
        Path(*Path(path).parts[: Path(path).parts.index("bodies")])
        for v in visits
        for path in v.paths
        if "bodies" in Path(path).parts
    }
    # unlike rglob, it bears what the page deletes meanwhile
    names = {Path(name) for _, _, files in os.walk(root) for name in files}
    found = {name.suffix for name in names}
    assert ".zip" in found and not found & {".npy", ".faiss"}
    assert Path("records.json") not in names


def test_deleting_is_at_once(visits):
    visit = visits[0]
    page = visit.visitor.build({"a.png": crop(77)}, "short")
    assert page.name in page.searchable
    path = visit.visitor.export(page.name)["path"]
    _, own, _, _, _, search_in, *_ = visit.visitor.delete(page.name)
    assert page.name not in json.dumps([own, search_in])
    assert visit.visitor.fetch(path).status_code in (403, 404)
    with pytest.raises(Refused, match=UNKNOWN):
        visit.visitor.search({"photo.png": crop(1)}, page.name)


def test_everything_goes_when_the_page_is_closed(page_of_its_own):
    visitor = Visitor(page_of_its_own)
    with visitor.open_page():
        page = visitor.build({"people.zip": people(9000)})
        path = visitor.export(page.name)["path"]
        assert visitor.fetch(path).status_code == 200
    deadline = time.monotonic() + 120
    while Path(path).exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    with pytest.raises(Refused, match=UNKNOWN):
        visitor.export(page.name)
    assert visitor.fetch(path).status_code in (403, 404)


def test_a_gallery_built_through_the_api_is_for_those_who_know_its_name(page_of_its_own, tmp_path):
    for name, seed in (("people.zip", 7000), ("photo.png", 7001)):
        (tmp_path / name).write_bytes(people(seed) if name.endswith("zip") else crop(seed))
    builder, stranger = (
        Client(page_of_its_own, verbose=False, httpx_kwargs={"timeout": 300}),
        Client(page_of_its_own, verbose=False, httpx_kwargs={"timeout": 300}),
    )
    built = builder.predict([handle_file(tmp_path / "people.zip")], "Mine", api_name="/build_gallery")
    assert re.fullmatch(r"built-[0-9a-f]{32}", built["gallery"]) and built["people"] == 3
    assert built["gallery"] not in json.dumps(stranger.predict(api_name="/galleries"))
    photo = handle_file(tmp_path / "photo.png")
    found = stranger.predict(photo=photo, gallery=built["gallery"], k=3, api_name="/search")
    assert found["results"]["combined"][0]["person"] == "ben-7000"
    with pytest.raises(AppError, match=UNKNOWN):
        stranger.predict(photo=photo, gallery=built["gallery"][:-1] + "x", k=3, api_name="/search")
