"""/build_gallery and /galleries as users call them: gradio_client and plain HTTP, against a server of its own."""

import json
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.zips import crop, zipped
from threedsl.data.images import FORMATS

FIELDS = {
    "gallery",
    "title",
    "pictures",
    "people",
    "left_out",
    "left_out_count",
    "copies",
    "forgotten_after_seconds",
}


@pytest.fixture(scope="module")
def client(page_url):
    return Client(page_url, verbose=False, httpx_kwargs={"timeout": 300})


@pytest.fixture
def put(tmp_path):
    def write(name: str, data: bytes) -> Path:
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


def test_pictures_with_a_list_become_a_gallery_to_search_in(client, put):
    files = [put("a.png", crop(1)), put("b.png", crop(2)), put("list.txt", b"a.png ada 1\nb.png bob 2 red\n")]
    built = client.predict([handle_file(path) for path in files], "Two", api_name="/build_gallery")
    assert set(built) == FIELDS
    assert (built["title"], built["pictures"], built["people"], built["left_out"]) == ("Two", 2, 2, [])
    found = client.predict(photo=handle_file(files[1]), gallery=built["gallery"], k=2, api_name="/search")
    for stream in ("appearance", "shape", "combined"):
        assert [match["person"] for match in found["results"][stream]] == ["bob", "ada"]
        assert found["results"][stream][0]["score"] == pytest.approx(1, abs=1e-3)
        assert found["results"][stream][0]["picture"] == "b.png"


def test_the_title_is_optional_and_pictures_are_left_out_in_words(client, put):
    data = zipped({"ada/1.png": crop(1), "bob/2.png": b"no picture", "c.zip": b""})
    built = client.predict(files=[handle_file(put("people.zip", data))], api_name="/build_gallery")
    assert (built["title"], built["pictures"], built["people"], built["left_out_count"]) == (
        "people",
        1,
        1,
        2,
    )
    assert built["left_out"] == [
        "c.zip is an archive inside the archive; unpack it first.",
        f"bob/2.png is not a picture this program reads ({', '.join(FORMATS)}); convert it to JPEG.",
    ]


def test_errors_are_sentences(client, put):
    with pytest.raises(AppError, match=r"^bad\.zip is not a zip file, or is damaged; make it again\.$"):
        client.predict([handle_file(put("bad.zip", b"bad"))], "", api_name="/build_gallery")
    with pytest.raises(AppError, match="Add pictures first"):
        client.predict([], "", api_name="/build_gallery")


def test_galleries_are_those_of_everybody(client):
    galleries = client.predict(api_name="/galleries")
    assert {one["gallery"] for one in galleries} >= {"synthetic"}
    for one in galleries:
        assert set(one) == {"gallery", "title", "pictures"} and one["pictures"] > 10


def called(url: str, endpoint: str, data: list) -> tuple[str, object]:
    """(event, data) that a plain HTTP call ends with."""
    with httpx.Client(base_url=url, timeout=300) as http:
        joined = http.post(f"gradio_api/call/{endpoint}", json={"data": data}).raise_for_status().json()
        event = ""
        with http.stream("GET", f"gradio_api/call/{endpoint}/{joined['event_id']}") as lines:
            for line in lines.iter_lines():
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: ") and event in ("complete", "error"):
                    return event, json.loads(line.removeprefix("data: "))
    raise AssertionError("no answer")


def uploaded(url: str, name: str, data: bytes) -> dict:
    answer = httpx.post(
        f"{url}gradio_api/upload", files={"files": (name, data)}, timeout=300
    ).raise_for_status()
    return {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}}


def test_plain_http(page_url):
    files = [uploaded(page_url, "people.zip", zipped({"ada/1.png": crop(1), "bob/1.png": crop(2)}))]
    event, (built,) = called(page_url, "build_gallery", [files, "Over HTTP"])
    assert event == "complete" and set(built) == FIELDS and built["title"] == "Over HTTP"
    event, (galleries,) = called(page_url, "galleries", [])
    assert event == "complete" and built["gallery"] not in json.dumps(galleries)
    event, told = called(page_url, "build_gallery", [[uploaded(page_url, "a.zip", b"bad")], ""])
    assert event == "error" and "a.zip is not a zip file, or is damaged" in json.dumps(told)


def test_every_field_is_described(page_url):
    endpoints = httpx.get(f"{page_url}gradio_api/info", timeout=300).json()["named_endpoints"]
    names = [parameter["parameter_name"] for parameter in endpoints["/build_gallery"]["parameters"]]
    assert names == ["files", "title"] and endpoints["/galleries"]["parameters"] == []
    text = json.dumps(endpoints["/build_gallery"])
    assert "Build a gallery" in text
