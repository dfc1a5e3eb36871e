"""The named endpoints, called as users call them: gradio_client and plain HTTP, against a server of its own."""

import json
import urllib.request
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
import trimesh
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.pictures import broken_pictures, encoded, odd_pictures, person_like

BROKEN, ODD = broken_pictures(), odd_pictures()
SIZES = {"nobody.png": [640, 480], "wide.png": [1500, 40]}  # of the others: 64 x 128, upright


@pytest.fixture(scope="module")
def client(page_url):
    return Client(page_url, verbose=False, httpx_kwargs={"timeout": 300})


@pytest.fixture
def crop(tmp_path) -> Path:
    path = tmp_path / "crop.png"
    path.write_bytes(encoded(person_like(256, 128)))
    return path


def test_search_finds_people_and_ranks_three_ways(client, outdoor_photo):
    answer = client.predict(
        photo=handle_file(outdoor_photo), gallery="openpeople", k=7, box=None, api_name="/search"
    )
    assert answer["gallery"] == "openpeople" and answer["seconds"] > 0
    width, height = answer["query"]["size"]
    x0, y0, x1, y1 = answer["query"]["box"]
    assert (
        0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height and answer["query"]["people"][0] == [x0, y0, x1, y1]
    )
    for stream in ("appearance", "shape", "combined"):
        matches = answer["results"][stream]
        assert [match["rank"] for match in matches] == list(range(1, 8))
        scores = [match["score"] for match in matches]
        assert scores == sorted(scores, reverse=True) and all(-1 <= score <= 1 for score in scores)
        assert all(match["same_person"] == (match["person"] == "P001") for match in matches)


def test_defaults_and_a_box(client, outdoor_photo):
    photo = handle_file(outdoor_photo)
    answer = client.predict(photo=photo, api_name="/search")
    assert len(answer["results"]["shape"]) == 5 and answer["gallery"] == "openpeople"
    boxed = client.predict(photo=photo, k=5, box=answer["query"]["box"], api_name="/search")
    assert boxed["results"] == answer["results"]
    other = client.predict(photo=photo, k=5, box=[0, 0, 200, 400], api_name="/search")
    assert other["query"]["box"] == [0, 0, 200, 400] and other["results"] != answer["results"]


def test_reconstruct_gives_json_a_body_and_its_overlay(client, outdoor_photo):
    body, glb, overlay = client.predict(photo=handle_file(outdoor_photo), api_name="/reconstruct")
    assert len(body["betas"]) == 10 and body["camera"]["s"] > 0
    assert body["measures"] and all(0 < value < 5 for value in body["measures"].values())
    mesh = trimesh.load(glb, force="mesh")
    assert 1.3 < np.ptp(mesh.vertices[:, 1]) < 2.2 and mesh.vertices[:, 1].min() == pytest.approx(0, abs=1e-3)
    picture = cv2.imread(overlay)
    assert 480 <= picture.shape[0] <= 640 and picture.std() > 10


@pytest.mark.parametrize("name", BROKEN)
def test_broken_uploads_give_a_sentence(client, name, tmp_path):
    data, words = BROKEN[name]
    path = tmp_path / name
    path.write_bytes(data)
    for endpoint in ("/search", "/reconstruct"):
        with pytest.raises(AppError) as error:
            client.predict(photo=handle_file(path), api_name=endpoint)
        sentence = str(error.value)
        assert words in sentence and sentence.endswith(".") and "Traceback" not in sentence
        assert str(tmp_path) not in sentence and "/gradio/" not in sentence, "no path of the server"


@pytest.mark.parametrize("name", ODD)
def test_odd_uploads_work(client, name, tmp_path):
    path = tmp_path / name
    path.write_bytes(ODD[name])
    if name in SIZES:
        for endpoint in ("/search", "/reconstruct"):
            with pytest.raises(AppError, match=f"No person was found in {name}"):
                client.predict(photo=handle_file(path), api_name=endpoint)
    answer = client.predict(photo=handle_file(path), k=1, whole=True, api_name="/search")
    assert len(answer["results"]["combined"]) == 1
    assert answer["query"]["size"] == SIZES.get(name, [64, 128])
    assert ("No person was found" in answer["query"]["notice"]) == (name in SIZES)


def test_ten_people(client, outdoor_photo, tmp_path):
    one = cv2.resize(cv2.imread(str(outdoor_photo)), (190, 283))
    cv2.imwrite(str(tmp_path / "ten.jpg"), np.hstack([one] * 10))
    answer = client.predict(photo=handle_file(tmp_path / "ten.jpg"), k=1, api_name="/search")
    assert len(answer["query"]["people"]) >= 8 and "people found" in answer["query"]["notice"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"k": 0}, "k must be a whole number from 1 to 20, not 0."),
        ({"k": 21}, "from 1 to 20"),
        ({"k": 1.5}, "from 1 to 20"),
        ({"k": "many"}, "from 1 to 20"),
        ({"gallery": "mine"}, "Gallery 'mine' is unknown; choose one of openpeople"),
        ({"gallery": None}, "unknown"),
        ({"box": [1, 2, 3]}, "four numbers"),
        ({"box": [0, 0, 99999, 99999]}, "is not inside the photo of 128 x 256"),
        ({"box": "everything"}, "four numbers"),
        ({"photo": None}, "Add a photo first"),
    ],
)
def test_wrong_arguments_give_a_sentence(client, crop, wrong, words):
    arguments = {"photo": handle_file(crop), "gallery": "openpeople", "k": 3, "box": None} | wrong
    with pytest.raises(AppError) as error:
        client.predict(**arguments, api_name="/search")
    assert words in str(error.value)


def test_plain_http(page_url, crop):
    """What curl does: upload, call, read the event stream."""
    with httpx.Client(base_url=page_url, timeout=300) as http:
        path = http.post("gradio_api/upload", files={"files": crop.read_bytes()}).json()[0]
        photo = {"path": path, "meta": {"_type": "gradio.FileData"}}
        call = http.post("gradio_api/call/search", json={"data": [photo, "openpeople", 2, None]})
        stream = http.get(f"gradio_api/call/search/{call.json()['event_id']}").text
    data = json.loads(stream.split("event: complete\ndata: ")[1].splitlines()[0])
    assert len(data[0]["results"]["shape"]) == 2


def test_files_outside_the_uploads_cannot_be_searched_with(page_url, crop):
    with httpx.Client(base_url=page_url, timeout=300) as http:
        photo = {"path": str(crop), "meta": {"_type": "gradio.FileData"}}
        call = http.post("gradio_api/call/search", json={"data": [photo, "openpeople", 2, None]})
        stream = http.get(f"gradio_api/call/search/{call.json()['event_id']}").text
    assert "event: error" in stream and "results" not in stream


def test_the_api_describes_itself(page_url):
    with urllib.request.urlopen(f"{page_url}gradio_api/info", timeout=300) as answer:
        endpoints = json.load(answer)["named_endpoints"]
    assert set(endpoints) == {
        "/search",
        "/compare",
        "/reconstruct",
        "/build_gallery",
        "/galleries",
    }
    assert "3D body shape" in endpoints["/search"]["description"]


def test_nothing_is_fetched_from_elsewhere_by_the_page(page_url):
    with urllib.request.urlopen(page_url, timeout=300) as answer:
        html = answer.read().decode()
    assert "fonts.googleapis" not in html and "cdnjs" not in html
    assert '"run_history": false' in html or '"run_history":false' in html


def test_search_with_several_photos_of_one_person(client, outdoor_photo, crop):
    photo, other = handle_file(outdoor_photo), handle_file(crop)
    one = client.predict(photo=photo, k=20, api_name="/search")
    both = client.predict(photo=photo, k=20, photos=[other], api_name="/search")
    turned = client.predict(photo=other, k=20, photos=[photo], api_name="/search")
    assert one["more"] == [] and both["more"][0]["size"] == [128, 256]
    assert both["results"] != one["results"]
    assert [match["picture"] for match in both["results"]["shape"]] == [
        match["picture"] for match in turned["results"]["shape"]
    ], "no photo counts more than another"
    assert set(one["results"]["shape"][0]["other_ranks"]) == {"appearance", "combined"}
    with pytest.raises(AppError, match="at most 5 photos"):
        client.predict(photo=photo, photos=[other] * 5, api_name="/search")
