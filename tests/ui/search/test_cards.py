"""The ranked rows as HTML."""

from threedsl.ui.search.cards import empty_rows, ranked_rows
from threedsl.ui.search.rankings import RankedMatch


def match(rank: int, same: bool | None, person: str = "P001") -> RankedMatch:
    return RankedMatch(rank, person, "a.jpg", 0.5, same, "data:image/jpeg;base64,AA")


def test_frames_tell_the_same_person_without_their_colour():
    html = ranked_rows({"shape": [match(1, False), match(2, True), match(3, None)]}, "people")
    assert html.count('class="card other"') == html.count('class="card same"') == 1
    assert "✗ P001" in html and "✓ P001" in html and html.count('class="card unknown"') == 1
    assert "✓ first found at rank 2" in html


def test_a_row_says_when_the_person_is_not_in_it():
    assert "✗ not in the first 2" in ranked_rows({"shape": [match(1, False), match(2, False)]}, "people")
    unknown = ranked_rows({"shape": [match(1, None)]}, "people")
    assert "✗" not in unknown and "✓" not in unknown


def test_names_cannot_carry_html():
    html = ranked_rows({"combined": [match(1, None, "<img src=x onerror=alert(1)>")]}, "<b>")
    assert "<img src=x" not in html and "<b>" not in html.replace("<b>1</b>", "")


def test_rows_keep_their_places_before_the_first_answer():
    html = empty_rows()
    for title in ("By appearance", "By 3D body shape", "By both"):
        assert title in html
    assert "img" not in html
