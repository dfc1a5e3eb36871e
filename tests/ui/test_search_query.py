"""Several photos of one person, nothing computed twice, filters, and the tie between the rows."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh

from threedsl.comparison import merge, one_by_one
from threedsl.data.listfile import Record
from threedsl.errors import InputError
from threedsl.ui import handlers
from threedsl.ui.cards import ranked_rows
from threedsl.ui.examples import digest
from threedsl.ui.filters import filters, hidden_rows
from threedsl.ui.people import read_photo
from threedsl.ui.query import MOST_PHOTOS, Query, add, choose, remove
from threedsl.ui.search_tab import body_values, filter_box
from threedsl.ui.service import Service
from threedsl.ui.status import status_text
from threedsl.ui.strip import people_strip


@pytest.fixture
def service(model, demo, tmp_path):
    return Service(model, {"tiny": demo}, tmp_path / "files", tmp_path / "cache")


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
    answer, _, _ = handlers.answer_query(service, None, query, "tiny", 6, **options)
    return answer


def test_photos_are_added_chosen_and_removed(photos):
    query = add(None, photos[:1])
    assert query.chosen == (0,) and len(query.asked) == 1
    query = add(query, [photos[1], photos[0], photos[1]])
    assert [photo.path for photo in query.photos] == [photo.path for photo in photos[:2]], "each file once"
    assert choose(query, 1, 99) is query and choose(query, 9, 0) is query and choose(query, -1, 0) is query
    assert remove(query, 0).photos == (photos[1],) and remove(remove(query, 0), 0) is None


def test_another_person_of_one_photo_leaves_the_others_alone(outdoor_photo, photos):
    query = add(add(None, photos[:1]), [read_photo(outdoor_photo)])
    chosen = choose(query, 1, 1)
    assert chosen.chosen == (0, 1) and chosen.asked[1].person.whole and not query.asked[1].person.whole
    assert len({one.key for one in (*query.asked, *chosen.asked)}) == 3


def test_there_is_a_limit_in_words(photos, demo):
    many = [replace(photo, digest=f"{i} {photo.digest}") for photo in photos for i in range(2)]
    with pytest.raises(InputError, match=f"at most {MOST_PHOTOS} photos"):
        add(None, many)
    with pytest.raises(InputError, match=f"1 to {MOST_PHOTOS} photos"):
        handlers.read_photos([str(demo.records[0].path)] * (MOST_PHOTOS + 1))
    with pytest.raises(InputError, match="photos of one person"):
        handlers.read_photos([])


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


def test_one_body_is_shown_for_each_photo(service, photos):
    one, three = (ask(service, add(None, photos[:count])).body for count in (1, 3))
    assert len(trimesh.load(one.glb).geometry) == 1 and len(trimesh.load(three.glb).geometry) == 3
    assert (
        three.overlay.shape[1] == 3 * one.overlay.shape[1] and three.still.shape[1] == 3 * one.still.shape[1]
    )
    assert three.prediction.betas == pytest.approx(
        np.mean([ask(service, add(None, [photo])).body.prediction.betas for photo in photos], axis=0),
        abs=1e-5,
    )


def test_nothing_is_computed_twice(service, photos, calls):
    service.shelf.get("tiny")
    calls.clear()
    query = add(None, photos[:2])
    first = ask(service, query)
    again = ask(service, query, before=first.shown)
    assert calls == [2] and again.body is first.body and again.rows == first.rows
    more = ask(service, add(query, photos[2:]), before=again.shown)
    assert calls == [2, 1], "only the new photo goes through the network"
    fewer = ask(service, remove(add(query, photos[2:]), 0), before=more.shown)
    assert calls == [2, 1] and len(fewer.shown.looks) == 2, "and nothing is kept of the one that was removed"


def test_a_body_whose_file_was_swept_is_written_again(service, photos):
    query = add(None, photos[:1])
    first = ask(service, query)
    Path(first.body.glb).unlink()
    again = ask(service, query, before=first.shown)
    assert Path(again.body.glb).is_file() and again.body.glb != first.body.glb


def test_a_photo_of_a_known_person_and_one_of_nobody_knows_whom(service, demo, photos):
    known = read_photo(demo.examples[0].path)
    assert ask(service, add(None, [known])).rows["shape"][0].same_person is not None
    for others in ([photos[0]], [read_photo(demo.examples[1].path)]):
        mixed = ask(service, add(None, [known, *others]))
        assert all(card.same_person is None for cards in mixed.rows.values() for card in cards)


def test_cards_are_buttons_tied_by_their_number(service, photos):
    html = ranked_rows(ask(service, add(None, photos[:1])).rows, "Three people")
    assert html.count("<button") == 18 and html.count('data-index="3"') == 3 + 2  # three cards and their rule
    assert "<script" not in html and "also rank" in html and "by shape" in html
    assert "http" not in html, "nothing from elsewhere"


LISTED = [
    Record("a", "anna", "cam1", "coat"),
    Record("b", "anna", "cam2", "skirt"),
    Record("c", "ben", "cam1", "coat"),
]


def test_filters_hide_this_person_in_these_clothes_and_everybody_before_this_camera():
    found = filters(LISTED, {"q": Record("q", "anna", "cam1", "coat")}, ["q"])
    assert found["clothes"].rows == {0} and found["camera"].rows == {0, 2}
    assert found["clothes"].told == "1 picture of this person in these clothes."
    assert found["camera"].told == "2 pictures by this camera."
    assert hidden_rows(found, ["clothes", "camera"]) == {0, 2} and hidden_rows(found, []) == frozenset()


@pytest.mark.parametrize(
    ("records", "known", "digests"),
    [
        (LISTED, {}, ["q"]),
        (LISTED, {"q": LISTED[0]}, ["q", "mine"]),
        ([Record("a", "anna")], {"q": LISTED[0]}, ["q"]),
        (LISTED, {"q": Record("q", "anna", "cam9", "dress")}, ["q"]),
    ],
)
def test_a_filter_that_can_hide_nothing_is_not_offered(records, known, digests):
    for found in filters(records, known, digests).values():
        box = filter_box(found, True)
        assert not found.works and box.visible is False and box.value is False


def test_a_filter_that_works_says_how_much_it_hides():
    found = filters(LISTED, {"q": Record("q", "anna", "cam1", "coat")}, ["q"])
    box = filter_box(found["camera"], True)
    assert box.visible and box.value and box.info == found["camera"].told


def test_hidden_pictures_leave_the_ranking_and_the_ranks_close_up(service, demo):
    query = add(None, [read_photo(demo.examples[1].path)])  # ben in his coat, as in the gallery
    plain, hidden = ask(service, query), ask(service, query, hide=["clothes"])
    assert hidden.filters["clothes"].rows == {2, 3}
    for stream, cards in hidden.rows.items():
        kept = [card.picture for card in plain.rows[stream] if not card.picture.startswith("ben")]
        assert [card.picture for card in cards] == kept and [card.rank for card in cards] == [1, 2, 3, 4]
        assert max(max(card.elsewhere.values()) for card in cards) == 4
    assert "2 of the pictures hidden" in status_text(0.1, hidden, query, ["clothes"])
    assert "hidden" not in status_text(0.1, plain, query)


def test_known_photos_carry_their_labels(service, demo):
    known = service.shelf.get("tiny").known
    assert known[digest(demo.examples[0].path)].clothes == "skirt"


def test_the_strip_says_who_is_chosen(outdoor_photo, photos):
    html = people_strip(choose(add(add(None, [read_photo(outdoor_photo)]), photos[:1]), 0, 1))
    assert html.count('aria-pressed="true"') == 2 and html.count('aria-pressed="false"') == 1
    assert 'data-photo="0" data-person="1" aria-label="Photo 1: Whole picture"' in html
    assert html.count("data-remove") == 2 and "data-remove" not in people_strip(add(None, photos[:1]))
    assert "empty" in people_strip(None)


def test_notices_say_which_photo_they_are_about(photos):
    query = add(None, photos[:2])
    assert all(notice.startswith("Photo ") for notice in query.notices)
    assert Query((photos[0],), (0,)).notices == [n for n in [photos[0].notice] if n]


def test_a_photo_of_nobody_is_answered_with_a_warning_and_without_measures(service, photos, tmp_path):
    picture = tmp_path / "wall.png"
    patches = np.random.default_rng(1).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    cv2.imwrite(str(picture), cv2.resize(patches, (800, 600), interpolation=cv2.INTER_CUBIC))
    query = add(None, [read_photo(picture)])
    assert query.photos[0].nobody and query.notices == []
    answer = ask(service, query)
    words = status_text(0.1, answer, query)
    assert "No whole person was found" in words and words.startswith('<p class="warning"')
    assert all(len(cards) == 6 for cards in answer.rows.values()) and body_values(answer, query)[3] == ""
    both = add(query, photos[:1])
    assert both.warnings[0].startswith("Photo 1: No whole person")
    alone = add(None, photos[:1])
    assert "warning" not in status_text(0.1, ask(service, alone), alone)
    assert "<table" in body_values(ask(service, alone), alone)[3]
