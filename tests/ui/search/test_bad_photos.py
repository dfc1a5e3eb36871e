"""The page with every photo it may be given, through the functions its events call; tests/cli/test_bad_input.py and
test_api.py hold the same lists for the command line and the API."""

import cv2
import numpy as np
import pytest

from tests.pictures import broken_pictures, odd_pictures
from threedsl.errors import InputError
from threedsl.ui.api.reconstruct import reconstruct_as_json
from threedsl.ui.api.search import search_as_json
from threedsl.ui.search import handlers
from threedsl.ui.search.notices import notice
from threedsl.ui.search.photo import read_photo
from threedsl.ui.search.query import add, choose
from threedsl.ui.service import Service
from threedsl.ui.uploads import path_of

BROKEN, ODD = broken_pictures(), odd_pictures()


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The gallery's descriptors, computed once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def service(model, demo, tmp_path, kept):
    return Service(model, {"tiny": demo}, tmp_path / "files", kept)


def opened_and_searched(service, path):
    """What the page does: read the upload when it arrives, search when the button is pressed."""
    upload = {"path": str(path)}
    photo = read_photo(path_of(upload))
    query = choose(add(None, [photo]), 0, 0)  # the whole image where no person is found
    return photo, handlers.search(service, upload, query, "tiny", 3)[0]


@pytest.mark.parametrize("name", BROKEN)
def test_broken_photos_are_a_sentence_when_they_arrive_and_when_searched_with(service, name, tmp_path):
    data, words = BROKEN[name]
    path = tmp_path / name
    path.write_bytes(data)
    tries = (
        lambda: read_photo(path_of({"path": str(path)})),
        lambda: handlers.search(service, {"path": str(path)}, None, "tiny", 3),
        lambda: search_as_json(service, str(path), "tiny", 3),
        lambda: reconstruct_as_json(service, str(path)),
    )
    for attempt in tries:
        with pytest.raises(InputError) as error:
            attempt()
        sentence = str(error.value)
        assert words in sentence and name in sentence and sentence.endswith(".")
        assert str(tmp_path) not in sentence and "\n" not in sentence
    assert not list((tmp_path / "files").glob("*")), "nothing was written"


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_odd_photos_simply_work(service, name, tmp_path):
    path = tmp_path / name
    path.write_bytes(ODD[name])
    photo, answer = opened_and_searched(service, path)
    assert all(len(cards) == 3 for cards in answer.rows.values())
    assert answer.body.overlay.shape == photo.people[0].crop.shape
    assert ("No person was found" in notice(photo, photo.people[0])) == (name in ("nobody.png", "wide.png"))


@pytest.mark.slow
def test_ten_people_are_ten_choices_and_the_whole_picture(service, outdoor_photo, tmp_path):
    one = cv2.resize(cv2.imread(str(outdoor_photo)), (190, 283))
    cv2.imwrite(str(tmp_path / "ten.jpg"), np.hstack([one] * 10))
    photo, answer = opened_and_searched(service, tmp_path / "ten.jpg")
    assert (
        8 <= len(photo.people) - 1 <= 11
        and photo.people[-1].whole
        and "people found" in notice(photo, photo.people[0])
    )
    assert len(answer.rows["combined"]) == 3


def test_an_unknown_gallery_is_a_sentence(service, demo):
    with pytest.raises(InputError, match="Gallery 'huge' is unknown; choose one of tiny"):
        handlers.search(service, {"path": str(demo.records[0].path)}, None, "huge", 3)
