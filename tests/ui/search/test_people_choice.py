"""The people of a photo as buttons."""

import pytest

from threedsl.ui.search.people_choice import people_buttons
from threedsl.ui.search.photo import read_photo
from threedsl.ui.search.query import add, choose


@pytest.fixture
def photos(demo):
    return [read_photo(record.path) for record in demo.records[:3]]


@pytest.mark.slow
def test_the_strip_says_who_is_chosen(outdoor_photo, photos):
    html = people_buttons(choose(add(add(None, [read_photo(outdoor_photo)]), photos[:1]), 0, 1))
    assert html.count('aria-pressed="true"') == 2 and html.count('aria-pressed="false"') == 1
    assert 'data-photo="0" data-person="1" aria-label="Photo 1: Whole image"' in html
    assert html.count("data-remove") == 2 and "data-remove" not in people_buttons(add(None, photos[:1]))
    assert "empty" in people_buttons(None)
