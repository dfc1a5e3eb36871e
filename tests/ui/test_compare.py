"""The Compare tab's functions and the endpoint /compare."""

import json

import httpx
import pytest
import trimesh
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.pictures import broken_pictures, encoded, person_like
from threedsl.errors import InputError
from threedsl.ui import handlers_compare as handlers
from threedsl.ui.examples import make_pairs
from threedsl.ui.query import choose
from threedsl.ui.service import Service


@pytest.fixture
def service(model, demo, tmp_path):
    return Service(model, {"tiny": demo}, tmp_path / "files", tmp_path / "cache")


@pytest.fixture
def uploads(demo):
    return tuple({"path": str(demo.records[i].path)} for i in (0, 4))


def test_two_photos_are_one_forward_pass(service, uploads, model, monkeypatch):
    calls, call = [], type(model).__call__

    def counted(self, images, *args, **kwargs):
        calls.append(len(images))
        return call(self, images, *args, **kwargs)

    monkeypatch.setattr(type(model), "__call__", counted)
    pair, first, second = handlers.compare_photos(service, uploads, (None, None))
    assert calls == [2] and (first.title, second.title) == ("First photo", "Second photo")
    assert set(pair.scores) == {"appearance", "shape", "combined"} and pair.sentence.startswith("Brought to")


def test_the_chosen_person_of_each_side_is_compared(service, uploads, outdoor_photo):
    side = handlers.read_side({"path": str(outdoor_photo)})
    both = ({"path": str(outdoor_photo)}, uploads[1])
    person = handlers.compare_photos(service, both, (side, None))
    whole = handlers.compare_photos(service, both, (choose(side, 0, 1), None))
    assert person[1].crop.shape != whole[1].crop.shape and person[0].scores != whole[0].scores


def test_a_side_that_does_not_belong_to_its_photo_is_read_again(service, uploads):
    stale = handlers.read_side(uploads[0])
    pair, *_ = handlers.compare_photos(service, uploads, (stale, stale))
    assert pair.scores["combined"] < 0.9999


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_photo_is_a_sentence(service, uploads, missing):
    given = list(uploads)
    given[missing] = None
    with pytest.raises(InputError, match="Add a photo first"):
        handlers.compare_photos(service, tuple(given), (None, None))


def test_pairs_to_click_show_one_person_in_other_clothes_and_two_people(demo, tmp_path):
    assert make_pairs(demo, tmp_path) == []
    demo.list_portraits = lambda: demo.records
    one, two = make_pairs(demo, tmp_path)
    assert [path.name for path in one] == ["other.jpg", "anna1.jpg"]
    assert [path.name for path in two] == ["anna1.jpg", "ben1.jpg"]


@pytest.fixture(scope="module")
def client(page_url):
    return Client(page_url, verbose=False)


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
    with pytest.raises(AppError, match="does not lie inside"):
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
    with httpx.Client(base_url=page_url, timeout=60) as http:
        paths = http.post("gradio_api/upload", files=[("files", crop.read_bytes())] * 2).json()
        photos = [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths]
        answers = []
        for data in (photos, [*photos, None, None]):
            call = http.post("gradio_api/call/compare", json={"data": data})
            stream = http.get(f"gradio_api/call/compare/{call.json()['event_id']}").text
            answers.append(json.loads(stream.split("event: complete\ndata: ")[1].splitlines()[0])[0])
    assert answers[0]["similarity"] == answers[1]["similarity"]


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
