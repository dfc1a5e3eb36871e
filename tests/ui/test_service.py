"""A search behind the page, without Gradio: rankings and bodies."""

import numpy as np
import pytest
import trimesh

from tests.models import count_calls
from threedsl.errors import InputError
from threedsl.ui.prediction import predict
from threedsl.ui.search.photo import read_photo
from threedsl.ui.service import check_k


@pytest.fixture
def person(demo):
    return read_photo(demo.records[2].path).people[0]


@pytest.fixture
def tiny(service):
    return service.gallery("tiny")


@pytest.mark.slow
def test_a_gallery_picture_finds_itself_first_in_every_row(service, tiny, person):
    answer = service.search([person], tiny, 4)
    assert list(answer.rows) == ["appearance", "shape", "combined"]
    for cards in answer.rows.values():
        assert [card.rank for card in cards] == [1, 2, 3, 4]
        assert cards[0].picture == "ben1.jpg" and cards[0].score == pytest.approx(1, abs=1e-4)
        assert all(a.score >= b.score for a, b in zip(cards, cards[1:], strict=False))
        assert all(card.same_person is None for card in cards), "nobody said who this photo shows"


@pytest.mark.slow
def test_scores_are_cosine_similarities(service, tiny, model, demo, person):
    """Independent of FAISS: dot products of the descriptors."""
    query, gallery = model([person.crop]), model([record.path for record in demo.records])
    for stream, cards in service.search([person], tiny, 6).rows.items():
        scores = getattr(gallery, stream) @ getattr(query, stream)[0]
        order = np.argsort(-scores)
        assert [card.picture for card in cards] == [demo.records[i].path.name for i in order]
        assert np.allclose([card.score for card in cards], scores[order], atol=1e-5)


@pytest.mark.parametrize("bodies", [True, False])
@pytest.mark.slow
def test_one_query_is_one_forward_pass(bodies, service, tiny, model, person, monkeypatch):
    calls = count_calls(model, monkeypatch)
    service.search([person], tiny, 5, bodies=bodies)
    assert calls == [1]


@pytest.mark.slow
def test_rankings_are_the_same_without_bodies(service, tiny, person):
    whole, bare = (service.search([person], tiny, 5, bodies=bodies) for bodies in (True, False))
    assert bare.body is None and bare.glb == "" and bare.rankings.places == whole.rankings.places
    for stream, cards in whole.rows.items():
        assert [card.score for card in bare.rows[stream]] == pytest.approx(
            [card.score for card in cards], abs=1e-5
        )


@pytest.mark.slow
def test_who_an_example_shows_is_known_by_its_file(service, tiny, demo):
    photo = read_photo(demo.examples[0].path)
    rows = service.search(photo.people[:1], tiny, 6, bodies=False).rows
    for cards in rows.values():
        assert {card.picture: card.same_person for card in cards} == {
            record.path.name: record.pid == "anna" for record in demo.records
        }


@pytest.mark.slow
def test_fewer_matches_where_the_gallery_is_smaller_than_k(service, tiny, person):
    assert all(len(cards) == 6 for cards in service.search([person], tiny, 20).rows.values())


@pytest.mark.slow
def test_the_body_is_a_glb_of_human_height_with_pictures(service, tiny, person):
    answer = service.search([person], tiny, 1)
    body, mesh = answer.body, trimesh.load(answer.glb, force="mesh")
    low, high = mesh.bounds
    assert low[1] == pytest.approx(0, abs=1e-3) and 1.3 < high[1] < 2.2
    assert body.overlay.shape == person.crop.shape and body.overlay.dtype == np.uint8
    assert not np.array_equal(body.overlay, person.crop)
    assert body.still.shape == (512, 320, 3) and body.still.std() > 5


@pytest.mark.slow
def test_files_of_two_visitors_have_different_names(service, person):
    names = {service.reconstruct(person)[1] for _ in range(3)}
    assert len(names) == 3


@pytest.mark.parametrize("k", [0, 21, -1, 2.5, "5", None, True, float("nan"), float("inf"), [5]])
def test_k_out_of_range(k):
    with pytest.raises(InputError, match="k must be a whole number from 1 to 20"):
        check_k(k)


@pytest.mark.parametrize(("k", "read"), [(1, 1), (20, 20), (5.0, 5)])
def test_k_in_range(k, read):
    assert check_k(k) == read and type(check_k(k)) is int


def test_bodies_are_fitted_to_the_keypoints_that_came_with_the_person(model):
    """Known keypoints are used as they are, and no one is looked for in the crop."""
    crop = np.full((256, 128, 3), 127, np.uint8)
    (free,) = predict(model, [crop])
    assert free.found is None and np.isnan(free.confidence)
    moved = np.concatenate([free.keypoints + [0.04, 0.02], np.ones((17, 1))], 1)
    (fitted,) = predict(model, [crop], [moved])
    assert fitted.found is moved
    before, after = (np.abs(one.keypoints - moved[:, :2]).mean() for one in (free, fitted))
    assert after < 0.5 * before
