"""A photo without a person is not searched with before the visitor says so; doubtful people are answered without a
verdict; an area of the visitor's own comes before what was found."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from threedsl.errors import InputError
from threedsl.people import FoundPerson
from threedsl.ui.api.compare import compare_as_json
from threedsl.ui.api.photo import taken
from threedsl.ui.api.reconstruct import reconstruct_as_json
from threedsl.ui.api.search import search_as_json
from threedsl.ui.compare.pair import PairPhoto
from threedsl.ui.compare.view import pair_values
from threedsl.ui.search import handlers
from threedsl.ui.search.no_answer import gated
from threedsl.ui.search.notices import gate_html, notice, warnings
from threedsl.ui.search.people_choice import people_buttons
from threedsl.ui.search.photo import read_photo
from threedsl.ui.search.query import Query, add, choose

BODY = ("half", "seated", "cut", "small")


@pytest.fixture
def wall(tmp_path):
    """A picture without a person."""
    path = tmp_path / "wall.png"
    cv2.imwrite(str(path), np.full((300, 500, 3), 200, np.uint8))
    return path


@pytest.fixture
def group(tmp_path, outdoor_photo):
    one = cv2.resize(cv2.imread(str(outdoor_photo)), (400, 596))
    path = tmp_path / "two.jpg"
    cv2.imwrite(str(path), np.hstack([one, one[:, ::-1]]))
    return path


@pytest.mark.slow
def test_nobody_is_chosen_in_a_photo_without_a_person(wall, outdoor_photo):
    query = add(None, [read_photo(outdoor_photo), read_photo(wall)])
    assert query.chosen == (0, None) and not query.ready
    with pytest.raises(InputError, match="No person was found"):
        assert query.people
    html = gate_html(query, "Search the whole image anyway")
    assert "Photo 2: No person was found" in html and 'data-photo="1" data-person="0"' in html
    ready = handlers.change(query, {"photo": "1", "person": "0"})
    assert ready.ready and gate_html(ready, "") == "" and ready.people[1].whole
    assert warnings(ready)[0].startswith("Photo 2: No person was found")
    assert handlers.change(query, {"remove": "1"}).ready


@pytest.mark.slow
def test_the_gate_leaves_no_answer_on_the_page(service, wall):
    query = add(None, [read_photo(wall)])
    rows, status, state, answer, searched, *rest = gated(query)
    assert "<img" not in rows and 'role="alert"' in status and "Search the whole image anyway" in status
    assert state is query and answer is None and searched == "" and rest[-5:-1] == [None, None, None, ""]
    with pytest.raises(InputError, match="No person was found"):
        handlers.search(service, None, query, "tiny", 1)


@pytest.mark.slow
def test_the_api_answers_only_when_told_what_to_use(service, wall, demo):
    person, sentence = demo.records[0].path, r"No person was found in wall\.png; give a box"
    for call in (
        lambda **more: search_as_json(service, wall, "tiny", 1, **more),
        lambda **more: search_as_json(service, person, "tiny", 1, photos=[wall], **more),
        lambda **more: compare_as_json(service, person, wall, **more),
        lambda **more: reconstruct_as_json(service, wall, **more),
    ):
        with pytest.raises(InputError, match=sentence):
            call()
        assert call(whole=True)
    assert search_as_json(service, wall, "tiny", 1, [10, 10, 90, 210])["query"]["box"] == [10, 10, 90, 210]
    told = compare_as_json(service, person, wall, whole=True)[0]
    assert told["sentence"] == "" and set(told["same_share"].values()) == {None}
    assert "No person was found" in told["other"]["notice"] and told["photo"]["notice"] == ""


def test_whole_comes_before_the_people_found_and_a_box_before_it(outdoor_photo):
    photo = read_photo(outdoor_photo)
    assert not taken(photo).whole and taken(photo, True).whole
    assert taken(read_photo(outdoor_photo, [0, 0, 200, 400]), True).box == (0, 0, 200, 400)


@pytest.mark.slow
def test_with_a_box_the_api_still_tells_everyone_found(service, group):
    everyone = search_as_json(service, str(group), "tiny", 1)["query"]["people"]
    assert len(everyone) == 2
    for box in ([10, 10, 390, 590], everyone[1]):
        query = search_as_json(service, str(group), "tiny", 1, box)["query"]
        assert (query["box"], query["people"]) == (box, everyone) and "choose" not in query["notice"]
        assert reconstruct_as_json(service, str(group), box)[0]["people"] == 2


@pytest.mark.parametrize("found", [*BODY, "unsure"])
def test_doubtful_people_carry_a_warning(monkeypatch, group, found):
    from threedsl.people import crops

    points = np.full((17, 3), 0.9, np.float32)
    notes = (found,) if found in BODY else ()
    one = FoundPerson((50, 20, 350, 590), points, 0.9 if notes else 0.4, notes)
    sure = replace(one, box=(450, 20, 750, 590), notes=(), score=0.9)
    monkeypatch.setattr(crops, "certain", lambda people, size: [one, sure])
    photo = read_photo(group)
    assert "is a guess" in photo.people[0].warning and photo.people[1].warning == ""
    assert photo.people[0].warning in notice(photo, photo.people[0])


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_small_picture_of_half_a_person_carries_a_warning_as_well(outdoor_photo, tmp_path, share):
    person = read_photo(outdoor_photo).people[0].shown
    part = person[: round(share * len(person)), :, ::-1]
    part = part[:, max(0, (part.shape[1] - len(part) // 2) // 2) :][:, : len(part) // 2]
    cv2.imwrite(str(tmp_path / "small.png"), cv2.resize(part, (200, 400)))
    photo = read_photo(tmp_path / "small.png")
    assert photo.people[0].whole and ("is a guess" in photo.people[0].warning) == (share == 0.5)


@pytest.mark.slow
def test_a_doubtful_photo_has_no_verdict(service, demo):
    pair = service.compare(*(read_photo(demo.records[i].path).people[0] for i in (0, 2)))
    pair = replace(pair, shares=dict.fromkeys(pair.scores, 0.5))
    first, second = (PairPhoto(title, np.zeros((64, 32, 3), np.uint8)) for title in ("First", "Second"))
    words, *_, tables = pair_values(pair, first, second, None)
    assert pair.sentence in words and "50 in 100" in tables and "Waist" in tables
    doubtful = replace(
        second, warning="Only the upper body can be seen, so the shape of the body is a guess."
    )
    words, *_, tables = pair_values(pair, first, doubtful, None)
    assert "Second: Only the upper body" in words and pair.sentence not in words
    assert "in 100" not in tables and "Waist" not in tables and "Score" in tables


def test_the_people_of_a_group_are_marked_on_the_photo(group, outdoor_photo):
    query = add(None, [read_photo(group)])
    html = people_buttons(query)
    assert 'class="on-photo group"' in html and html.count('class="mark') == 2
    other = people_buttons(handlers.change(query, {"photo": "0", "person": "1"}))
    assert other.count('class="mark chosen" data-photo="0" data-person="1"') == 1
    assert "on-photo group" not in people_buttons(add(None, [read_photo(outdoor_photo)]))


def test_an_area_is_cut_out_chosen_and_replaced(group):
    query = add(None, [read_photo(group)])
    first = handlers.change(query, {"photo": "0", "box": "10 20 210 420"})
    (area,) = first.people
    assert area.own and area.box == (10, 20, 210, 420) and area.crop.shape == (400, 200, 3)
    assert len(first.photos[0].people) == len(query.photos[0].people) + 1 and first.photos[0].people[-1].whole
    second = handlers.change(first, {"photo": "0", "box": "30 20 230 420"})
    assert second.people[0].box == (30, 20, 230, 420)
    assert len(second.photos[0].people) == len(first.photos[0].people)
    assert "on-photo group" in people_buttons(second) and "✎" in people_buttons(second)


@pytest.mark.slow
def test_an_area_opens_the_gate(wall):
    query = handlers.change(add(None, [read_photo(wall)]), {"photo": "0", "box": "10 20 210 290"})
    assert query.ready and "No person was found in the chosen area" in warnings(query)[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("box", "words"),
    [
        ("10 20 30", "four numbers"),
        ("? 20 30 40", "whole number of pixels"),
        ("nan 0 30 40", "four numbers"),
        ("1e400 0 30 40", "four numbers"),
        ("10 20 9999 40", "is not inside"),
        ("10 20 14 40", "too small"),
        ("9" * 5000, "four numbers"),
        ({"path": "x"}, "whole number of pixels"),
    ],
)
def test_an_area_that_is_none_is_a_sentence(wall, box, words):
    query = add(None, [read_photo(wall)])
    with pytest.raises(InputError, match=words):
        handlers.change(query, {"photo": "0", "box": box})


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"photo": "0"},
        {"photo": "7", "person": "0"},
        {"photo": "-1", "box": "0 0 50 50"},
        {"person": "9" * 5000},
    ],
)
def test_a_click_on_nothing_changes_nothing(outdoor_photo, told):
    query = add(None, [read_photo(outdoor_photo)])
    assert handlers.change(query, told) == query


def test_a_photo_that_is_gone_is_a_sentence(tmp_path, outdoor_photo):
    path = tmp_path / "photo.jpg"
    path.write_bytes(outdoor_photo.read_bytes())
    query = add(None, [read_photo(path)])
    path.unlink()
    with pytest.raises(InputError) as error:
        handlers.change(query, {"photo": "0", "box": "0 0 100 200"})
    assert str(tmp_path) not in str(error.value)
    assert isinstance(choose(query, 0, 1), Query)


@pytest.mark.slow
def test_the_box_of_a_person_found_is_that_person(outdoor_photo):
    found = read_photo(outdoor_photo).people[0]
    again = read_photo(outdoor_photo, list(found.box)).area
    assert np.array_equal(again.crop, found.crop) and again.own
