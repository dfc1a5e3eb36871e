"""Several photos of one person: which count, and that nothing is computed twice."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from threedsl.descriptors import merge, one_by_one
from threedsl.errors import InputError
from threedsl.ui.search import handlers
from threedsl.ui.search.cards import ranked_rows
from threedsl.ui.search.photo import read_photo
from threedsl.ui.search.query import MOST_PHOTOS, add, choose, remove


@pytest.fixture
def photos(demo):
    return [read_photo(record.path) for record in demo.records[:3]]


@pytest.fixture
def calls(model, monkeypatch):
    """How many pictures each call of the model gets."""
    seen, call = [], type(model).__call__

    def counted(self, images, *args, **kwargs):
        seen.append(len(images))
        return call(self, images, *args, **kwargs)

    monkeypatch.setattr(type(model), "__call__", counted)
    return seen


def ask(service, query, **options):
    answer, _, _ = handlers.search(service, None, query, "tiny", 6, **options)
    return answer


@pytest.mark.slow
def test_photos_are_added_chosen_and_removed(photos):
    query = add(None, photos[:1])
    assert query.chosen == (0,) and len(query.people) == 1
    query = add(query, [photos[1], photos[0], photos[1]])
    assert [photo.path for photo in query.photos] == [photo.path for photo in photos[:2]], "each file once"
    assert choose(query, 1, 99) is query and choose(query, 9, 0) is query and choose(query, -1, 0) is query
    assert remove(query, 0).photos == (photos[1],) and remove(remove(query, 0), 0) is None


@pytest.mark.slow
def test_another_person_of_one_photo_leaves_the_others_alone(outdoor_photo, photos):
    query = add(add(None, photos[:1]), [read_photo(outdoor_photo)])
    chosen = choose(query, 1, 1)
    assert chosen.chosen == (0, 1) and chosen.people[1].whole and not query.people[1].whole
    assert len({one.key for one in (*query.people, *chosen.people)}) == 3


@pytest.mark.slow
def test_there_is_a_limit_in_words(photos, demo):
    many = [replace(photo, digest=f"{i} {photo.digest}") for photo in photos for i in range(2)]
    with pytest.raises(InputError, match=f"at most {MOST_PHOTOS} photos"):
        add(None, many)
    with pytest.raises(InputError, match=f"1 to {MOST_PHOTOS} photos"):
        handlers.read_photos([str(demo.records[0].path)] * (MOST_PHOTOS + 1))
    with pytest.raises(InputError, match="photos of one person"):
        handlers.read_photos([])


@pytest.mark.slow
def test_several_photos_are_ranked_by_their_merged_descriptors(service, model, demo, photos, calls):
    service.shelf.get("tiny")
    calls.clear()
    answer = ask(service, add(None, photos))
    assert calls == [3], "all photos in one forward pass"
    output = model([photo.people[0].crop for photo in photos])
    merged = merge(one_by_one(output))
    gallery = model([record.path for record in demo.records])
    for stream, cards in answer.rows.items():
        scores = getattr(gallery, stream) @ getattr(merged, stream)[0]
        order = np.argsort(-scores, kind="stable")
        assert [card.index for card in cards] == order.tolist()
        assert [card.score for card in cards] == pytest.approx(scores[order], abs=1e-5)
    shown = {demo.records[i].path.name for i in range(3)}
    assert {card.picture for card in answer.rows["combined"][:3]} == shown, "each photo finds itself"


@pytest.mark.slow
def test_several_photos_of_a_person_give_one_body(service, model, photos):
    """The mean of the shapes, in the first photo's pose; drawn over each photo in that photo's own."""
    one, three = (ask(service, add(None, photos[:count])) for count in (1, 3))
    assert [len(trimesh.load(answer.glb).geometry) for answer in (one, three)] == [1, 1]
    body = three.body
    assert body.overlay.shape[1] == 3 * one.body.overlay.shape[1] and body.still.shape == one.body.still.shape
    own = model([photo.people[0].crop for photo in photos]).bodies
    merged = body.prediction
    assert merged.betas == pytest.approx(own.betas.mean(0), abs=1e-5)
    np.testing.assert_allclose(merged.pose, one.body.prediction.pose, atol=1e-6)
    with torch.inference_mode():
        values = (merged.betas, merged.pose, merged.displacement)
        betas, pose, moved = (torch.from_numpy(value)[None] for value in values)
        expected = model.body(betas, pose, model.body.smooth(moved), "display").vertices[0]
    np.testing.assert_allclose(merged.vertices, expected, atol=1e-5)
    assert np.abs(merged.vertices - one.body.prediction.vertices).max() > 1e-4


@pytest.mark.slow
def test_nothing_is_computed_twice(service, photos, calls):
    service.shelf.get("tiny")
    calls.clear()
    query = add(None, photos[:2])
    first = ask(service, query)
    again = ask(service, query, before=first)
    assert calls == [2] and again.body is first.body and again.rows == first.rows
    more = ask(service, add(query, photos[2:]), before=again)
    assert calls == [2, 1], "only the new photo goes through the network"
    fewer = ask(service, remove(add(query, photos[2:]), 0), before=more)
    assert calls == [2, 1] and len(fewer.bodies) == 2, "and nothing is kept of the one that was removed"


@pytest.mark.slow
def test_a_body_whose_file_was_swept_is_written_again(service, photos):
    query = add(None, photos[:1])
    first = ask(service, query)
    Path(first.glb).unlink()
    again = ask(service, query, before=first)
    assert Path(again.glb).is_file() and again.glb != first.glb


@pytest.mark.slow
def test_a_photo_of_a_known_person_and_one_of_nobody_knows_whom(service, demo, photos):
    known = read_photo(demo.examples[0].path)
    assert ask(service, add(None, [known])).rows["shape"][0].same_person is not None
    for others in ([photos[0]], [read_photo(demo.examples[1].path)]):
        mixed = ask(service, add(None, [known, *others]))
        assert all(card.same_person is None for cards in mixed.rows.values() for card in cards)


@pytest.mark.slow
def test_cards_are_buttons_tied_by_their_number(service, photos):
    html = ranked_rows(ask(service, add(None, photos[:1])).rows, "Three people")
    assert html.count("<button") == 18 and html.count('data-index="3"') == 3 + 2  # three cards and their rule
    assert "<script" not in html and "also rank" in html and "by shape" in html
    assert "http" not in html, "nothing from elsewhere"
