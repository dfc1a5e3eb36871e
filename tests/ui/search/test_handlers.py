"""The search that the page's events run."""

import pytest

from threedsl.errors import InputError
from threedsl.ui.search import handlers
from threedsl.ui.search.photo import read_photo
from threedsl.ui.search.query import add


@pytest.mark.slow
def test_the_page_reads_the_photo_again_when_it_has_lost_it(service, demo):
    upload = {"path": str(demo.records[4].path)}
    answer, _, seconds = handlers.search(service, upload, None, "tiny", 1)
    assert answer.rows["combined"][0].picture == "carl1.jpg" and seconds > 0


def test_the_photo_before_an_unreadable_one_is_not_searched_with(service, demo, tmp_path):
    before = add(None, [read_photo(demo.records[4].path)])
    (tmp_path / "letter.jpg").write_bytes(b"Dear sir or madam")
    with pytest.raises(InputError, match=r"letter\.jpg is not a picture"):
        handlers.search(service, {"path": str(tmp_path / "letter.jpg")}, before, "tiny", 1)
