"""The endpoint /compare, called as users call it."""

import json

import httpx
import pytest
import trimesh
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.pictures import broken_pictures, encoded, person_like


@pytest.fixture(scope="module")
def client(page_url):
    return Client(page_url, verbose=False, httpx_kwargs={"timeout": 300})


@pytest.fixture
def crop(tmp_path):
    path = tmp_path / "crop.png"
    path.write_bytes(encoded(person_like(256, 128)))
    return path


def test_the_endpoint_answers_with_json_and_two_bodies(client, outdoor_photo, crop):
    answer, bodies, differences = client.predict(
        photo=handle_file(outdoor_photo), other=handle_file(crop), api_name="/compare"
    )
    assert set(answer["similarity"]) == set(answer["same_share"]) == {"appearance", "shape", "combined"}
    assert all(-1 <= score <= 1 for score in answer["similarity"].values())
    assert "170 cm" in answer["sentence"] and answer["seconds"] > 0
    assert answer["photo"]["people"] and answer["other"]["size"] == [128, 256]
    assert len(answer["body_differences"]["regions"]) == 7
    assert len(trimesh.load(bodies).geometry) == len(trimesh.load(differences).geometry) == 2
    same, *_ = client.predict(handle_file(crop), handle_file(crop), api_name="/compare")
    assert same["similarity"]["combined"] == pytest.approx(1, abs=1e-4)
    assert same["body_differences"]["mean_cm"] == 0


def test_boxes_choose_who_is_compared(client, outdoor_photo, crop):
    ends = {"photo": handle_file(outdoor_photo), "other": handle_file(crop), "api_name": "/compare"}
    boxed, *_ = client.predict(box=[0, 0, 200, 400], other_box=[0, 0, 100, 200], **ends)
    assert boxed["photo"]["box"] == [0, 0, 200, 400] and boxed["other"]["box"] == [0, 0, 100, 200]
    with pytest.raises(AppError, match="is not inside"):
        client.predict(other_box=[0, 0, 999, 999], **ends)


@pytest.mark.parametrize("name", ["truncated.jpg", "not-an-image.jpg", "bomb.png"])
@pytest.mark.parametrize("side", ["photo", "other"])
def test_a_broken_side_is_a_sentence(client, crop, tmp_path, name, side):
    data, words = broken_pictures()[name]
    (tmp_path / name).write_bytes(data)
    photos = {"photo": handle_file(crop), "other": handle_file(crop)} | {side: handle_file(tmp_path / name)}
    with pytest.raises(AppError) as error:
        client.predict(**photos, api_name="/compare")
    assert words in str(error.value) and str(tmp_path) not in str(error.value)


def test_compare_over_plain_http_with_and_without_boxes(page_url, crop):
    with httpx.Client(base_url=page_url, timeout=300) as http:
        paths = http.post("gradio_api/upload", files=[("files", crop.read_bytes())] * 2).json()
        photos = [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths]
        answers = []
        for data in (photos, [*photos, None, None]):
            call = http.post("gradio_api/call/compare", json={"data": data})
            stream = http.get(f"gradio_api/call/compare/{call.json()['event_id']}").text
            answers.append(json.loads(stream.split("event: complete\ndata: ")[1].splitlines()[0])[0])
    assert answers[0]["similarity"] == answers[1]["similarity"]
