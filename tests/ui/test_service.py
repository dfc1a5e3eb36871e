"""Galleries and answers behind the page, without Gradio."""

import json

import cv2
import numpy as np
import pytest
import trimesh

from tests.models import random_model
from threedsl.errors import InputError
from threedsl.ui import gpu, handlers
from threedsl.ui.answer import results
from threedsl.ui.examples import digest, make_examples
from threedsl.ui.people import check_box, read_crop, read_photo
from threedsl.ui.service import Service, check_k
from threedsl.ui.shelf import Shelf


@pytest.fixture
def service(model, demo, tmp_path):
    return Service(model, {"tiny": demo}, tmp_path / "files", tmp_path / "cache")


@pytest.fixture
def person(demo):
    return read_photo(demo.records[2].path).people[0]


def count_calls(model, monkeypatch) -> list[int]:
    """How many pictures each later call of the model gets."""
    calls, call = [], type(model).__call__

    def counted(self, images, *args, **kwargs):
        calls.append(len(images))
        return call(self, images, *args, **kwargs)

    monkeypatch.setattr(type(model), "__call__", counted)
    return calls


def test_a_gallery_picture_finds_itself_first_in_every_row(service, person):
    answer = service.search(person, "tiny", 4)
    assert list(answer.rows) == ["appearance", "shape", "combined"]
    for cards in answer.rows.values():
        assert [card.rank for card in cards] == [1, 2, 3, 4]
        assert cards[0].picture == "ben1.jpg" and cards[0].score == pytest.approx(1, abs=1e-4)
        assert all(a.score >= b.score for a, b in zip(cards, cards[1:], strict=False))
        assert all(card.same_person is None for card in cards), "nobody said who this photo shows"


def test_scores_are_cosine_similarities(service, model, demo, person):
    """Independent of FAISS: dot products of the descriptors."""
    query, gallery = model([person.crop]), model([record.path for record in demo.records])
    for stream, cards in service.search(person, "tiny", 6).rows.items():
        scores = getattr(gallery, stream) @ getattr(query, stream)[0]
        order = np.argsort(-scores)
        assert [card.picture for card in cards] == [demo.records[i].path.name for i in order]
        assert np.allclose([card.score for card in cards], scores[order], atol=1e-5)


def test_one_query_is_one_forward_pass(service, model, person, monkeypatch):
    service.shelf.get("tiny")
    calls = count_calls(model, monkeypatch)
    service.search(person, "tiny", 5)
    assert calls == [1]


def test_who_an_example_shows_is_known_by_its_file(service, demo):
    _, photo = read_crop(demo.examples[0].path)
    rows = service.rank(photo.people[0], "tiny", 6, photo.digest)
    for cards in rows.values():
        assert {card.picture: card.same_person for card in cards} == {
            record.path.name: record.pid == "anna" for record in demo.records
        }


def test_fewer_matches_where_the_gallery_is_smaller_than_k(service, person):
    assert all(len(cards) == 6 for cards in service.rank(person, "tiny", 20).values())


def test_the_body_is_a_glb_of_human_height_with_pictures(service, person):
    body = service.search(person, "tiny", 1).body
    mesh = trimesh.load(body.glb, force="mesh")
    low, high = mesh.bounds
    assert low[1] == pytest.approx(0, abs=1e-3) and 1.3 < high[1] < 2.2
    assert body.overlay.shape == person.crop.shape and body.overlay.dtype == np.uint8
    assert not np.array_equal(body.overlay, person.crop)
    assert body.still.shape == (512, 320, 3) and body.still.std() > 5


def test_files_of_two_visitors_have_different_names(service, person):
    names = {service.reconstruct(person).glb for _ in range(3)}
    assert len(names) == 3


def test_descriptors_are_computed_once_and_kept(model, demo, tmp_path, monkeypatch):
    calls = count_calls(model, monkeypatch)
    Shelf(model, {"tiny": demo}, tmp_path / "cache").get("tiny")
    assert sum(calls) == 6
    opened = Shelf(model, {"tiny": demo}, tmp_path / "cache").get("tiny")
    assert sum(calls) == 6
    assert len(opened.thumbnails) == 6 and opened.thumbnails[0].startswith("data:image/jpeg;base64,")


def test_another_model_or_a_damaged_file_builds_anew(model, demo, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    Shelf(model, {"tiny": demo}, cache).get("tiny")
    calls = count_calls(model, monkeypatch)
    Shelf(random_model(seed=1), {"tiny": demo}, cache).get("tiny")
    assert sum(calls) == 6
    for path in cache.glob("tiny-*/index/appearance.npy"):
        path.write_bytes(path.read_bytes()[:100])
    Shelf(model, {"tiny": demo}, cache).get("tiny")
    assert sum(calls) == 12


def test_a_changed_picture_builds_anew(model, demo, tmp_path, monkeypatch):
    Shelf(model, {"tiny": demo}, tmp_path / "cache").get("tiny")
    calls = count_calls(model, monkeypatch)
    demo.records[0].path.write_bytes(demo.records[1].path.read_bytes())
    Shelf(model, {"tiny": demo}, tmp_path / "cache").get("tiny")
    assert sum(calls) == 6


def test_who_waits_for_a_gallery_is_told(service):
    told = []
    handlers.wait_for_gallery(service, "tiny", lambda done, desc: told.append((done, desc)), poll=0.001)
    assert service.shelf.is_open("tiny")
    assert told and told[0][0][1] == 6 and "gallery" in told[0][1]
    told.clear()
    handlers.wait_for_gallery(service, "tiny", lambda *args, **kwargs: told.append(args))
    assert not told


def test_examples_are_people_in_other_clothes(demo, tmp_path):
    examples = make_examples(demo, tmp_path / "examples")
    assert [example.photo.name for example in examples] == ["other.jpg"]


def test_large_examples_are_shown_reduced_and_still_known(demo, tmp_path, model):
    large = np.random.default_rng(0).integers(0, 255, (1500, 800, 3), dtype=np.uint8)
    cv2.imwrite(str(demo.examples[0].path), large)
    shelf = Shelf(model, {"tiny": demo}, tmp_path / "cache")
    photo = shelf.examples()[0].photo
    assert photo.parent == tmp_path / "cache" / "examples" and cv2.imread(str(photo)).shape == (1000, 533, 3)
    known = shelf.get("tiny").known
    assert known[digest(photo)] == known[digest(demo.examples[0].path)] == demo.examples[0]


def test_the_gpu_is_borrowed_for_the_forward_pass_and_the_galleries(
    model, demo, tmp_path, monkeypatch, person
):
    borrowed = []

    class Spaces:
        @staticmethod
        def GPU(duration):
            def decorate(function):
                def run(*args):
                    borrowed.append(duration)
                    return function(*args)

                return run

            return decorate

    monkeypatch.setattr(gpu, "spaces", Spaces)
    service = Service(model, {"tiny": demo}, tmp_path / "files", tmp_path / "cache")
    service.search(person, "tiny", 1)
    assert borrowed == [60, 20]


def test_without_spaces_the_decorator_changes_nothing(monkeypatch):
    monkeypatch.setattr(gpu, "spaces", None)
    assert gpu.on_gpu(5)(len) is len and not gpu.on_zero_gpu()


@pytest.mark.parametrize("k", [0, 21, -1, 2.5, "5", None, True, float("nan"), float("inf"), [5]])
def test_k_out_of_range(k):
    with pytest.raises(InputError, match="k must be a whole number from 1 to 20"):
        check_k(k)


@pytest.mark.parametrize(("k", "read"), [(1, 1), (20, 20), (5.0, 5)])
def test_k_in_range(k, read):
    assert check_k(k) == read and type(check_k(k)) is int


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ([1, 2, 3], "four numbers"),
        ("1,2,3,4", "four numbers"),
        ({"x0": 1}, "four numbers"),
        ([0, 0, None, 50], "four numbers"),
        ([0, 0, float("nan"), 50], "four numbers"),
        ([0, 0, True, 50], "four numbers"),
        ([50, 0, 20, 50], "does not lie inside"),
        ([-1, 0, 20, 50], "does not lie inside"),
        ([0, 0, 101, 50], "does not lie inside"),
        ([0, 0, 10, 50], "too small"),
    ],
)
def test_boxes_that_are_none(box, words):
    with pytest.raises(InputError, match=words):
        check_box(box, width=100, height=60)


def test_a_box_is_cut_from_the_upright_photo(tmp_path):
    photo = np.zeros((60, 100, 3), np.uint8)
    photo[20:50, 30:50] = 255
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), photo)
    person, read = read_crop(path, [30, 20, 50, 50])
    assert person.box == (30, 20, 50, 50) and read.size == (100, 60)
    assert person.crop.shape == (30, 20, 3) and person.crop.min() == 255


def test_nobody_in_the_photo_means_the_whole_picture(tmp_path):
    path = tmp_path / "sky.png"
    cv2.imwrite(str(path), np.full((300, 500, 3), 200, np.uint8))
    photo = read_photo(path)
    assert [(person.whole, person.box) for person in photo.people] == [(True, (0, 0, 500, 300))]
    assert "No whole person was found" in photo.notice


def test_people_come_before_the_whole_picture(outdoor_photo):
    photo = read_photo(outdoor_photo)
    assert [person.whole for person in photo.people] == [False, True]
    x0, y0, x1, y1 = photo.people[0].box
    assert (y1 - y0) > 0.5 * photo.size[1] and abs((x0 + x1) / 2 - photo.size[0] / 2) < 0.2 * photo.size[0]
    assert all(person.crop.shape[0] <= 640 and person.crop.shape[1] <= 480 for person in photo.people)


def test_answers_of_the_api_are_plain_json(service, demo):
    answer = handlers.search(service, str(demo.examples[0].path), "tiny", 2)
    assert json.loads(json.dumps(answer)) == answer
    assert answer["query"] == {"box": [0, 0, 64, 128], "people": [], "size": [64, 128], "notice": ""}
    assert set(answer["results"]) == {"appearance", "shape", "combined"}
    assert set(answer["results"]["shape"][0]) >= {"rank", "person", "picture", "score", "same_person"}
    body, glb, overlay = handlers.reconstruct(service, str(demo.examples[0].path))
    assert json.loads(json.dumps(body)) == body
    assert len(body["betas"]) == 10 and set(body["camera"]) == {"s", "tx", "ty"}
    assert all(0 < value < 5 for value in body["measures"].values())
    assert trimesh.load(glb, force="mesh").faces.shape[1] == 3
    assert cv2.imread(overlay).shape == (128, 64, 3)


def test_results_keep_the_order_of_the_rows(service, person):
    rows = service.rank(person, "tiny", 3)
    assert [match["rank"] for match in results(rows)["combined"]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("upload", "words"),
    [
        (None, "Add a photo"),
        ("", "Add a photo"),
        ({"path": None}, "Add a photo"),
        ("/gone.jpg", "add it again"),
    ],
)
def test_no_photo(upload, words):
    with pytest.raises(InputError, match=words):
        handlers.path_of(upload)


def test_an_unknown_gallery_is_refused_before_anything_is_computed(service, demo):
    with pytest.raises(InputError, match="choose one of tiny"):
        handlers.search(service, str(demo.examples[0].path), "huge", 5)


def test_the_page_reads_the_photo_again_when_it_has_lost_it(service, demo):
    upload = {"path": str(demo.records[4].path)}
    answer, seconds = handlers.answer_photo(service, upload, None, 7, "tiny", 1)
    assert answer.rows["combined"][0].picture == "carl1.jpg" and seconds > 0


def test_the_photo_before_an_unreadable_one_is_not_searched_with(service, demo, tmp_path):
    before = read_photo(demo.records[4].path)
    (tmp_path / "letter.jpg").write_bytes(b"Dear sir or madam")
    with pytest.raises(InputError, match=r"letter\.jpg is not a picture"):
        handlers.answer_photo(service, {"path": str(tmp_path / "letter.jpg")}, before, 0, "tiny", 1)
