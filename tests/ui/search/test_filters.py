"""What may be left out of a gallery, and what that changes."""

import pytest

from threedsl.data.listfile import Record
from threedsl.ui.examples.choice import digest
from threedsl.ui.search import handlers
from threedsl.ui.search.filters import filters, hidden_rows
from threedsl.ui.search.photo import read_photo
from threedsl.ui.search.query import add
from threedsl.ui.search.status import status_text
from threedsl.ui.search.tab import filter_box


def ask(service, query, **options):
    answer, _, _ = handlers.search(service, None, query, "tiny", 6, **options)
    return answer


LISTED = [
    Record("a", "anna", "cam1", "coat"),
    Record("b", "anna", "cam2", "skirt"),
    Record("c", "ben", "cam1", "coat"),
]


def test_filters_hide_this_person_in_these_clothes_and_everybody_before_this_camera():
    found = filters(LISTED, {"q": Record("q", "anna", "cam1", "coat")}, ["q"])
    assert found["clothes"].rows == {0} and found["camera"].rows == {0, 2}
    assert found["clothes"].description == "1 picture of this person in these clothes."
    assert found["camera"].description == "2 pictures from this camera."
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
    assert box.visible and box.value and box.info == found["camera"].description


@pytest.mark.slow
def test_hidden_pictures_leave_the_ranking_and_the_ranks_close_up(service, demo):
    query = add(None, [read_photo(demo.examples[1].path)])  # ben in his coat, as in the gallery
    plain, hidden = ask(service, query), ask(service, query, hide=["clothes"])
    assert hidden.filters["clothes"].rows == {2, 3}
    for stream, cards in hidden.rows.items():
        kept = [card.picture for card in plain.rows[stream] if not card.picture.startswith("ben")]
        assert [card.picture for card in cards] == kept and [card.rank for card in cards] == [1, 2, 3, 4]
        assert max(max(card.other_ranks.values()) for card in cards) == 4
    assert "2 pictures hidden" in status_text(0.1, hidden, query, ["clothes"])
    assert "hidden" not in status_text(0.1, plain, query)


def test_known_photos_carry_their_labels(service, demo):
    known = service.shelf.get("tiny").known
    assert known[digest(demo.examples[0].path)].clothes == "skirt"
