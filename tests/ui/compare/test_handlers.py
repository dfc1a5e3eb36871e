"""The comparison that the page's events run."""

import pytest

from threedsl.errors import InputError
from threedsl.ui.compare import handlers
from threedsl.ui.search.query import choose


@pytest.fixture
def uploads(demo):
    return tuple({"path": str(demo.records[i].path)} for i in (0, 4))


@pytest.mark.slow
def test_two_photos_are_one_forward_pass(service, uploads, model, monkeypatch):
    calls, call = [], type(model).__call__

    def counted(self, images, *args, **kwargs):
        calls.append(len(images))
        return call(self, images, *args, **kwargs)

    monkeypatch.setattr(type(model), "__call__", counted)
    pair, first, second = handlers.compare_photos(service, uploads, (None, None))
    assert calls == [2] and (first.title, second.title) == ("First photo", "Second photo")
    assert set(pair.scores) == {"appearance", "shape", "combined"} and pair.sentence.startswith("Scaled to")


@pytest.mark.slow
def test_the_chosen_person_of_each_side_is_compared(service, uploads, outdoor_photo):
    side = handlers.read_side({"path": str(outdoor_photo)})
    both = ({"path": str(outdoor_photo)}, uploads[1])
    person = handlers.compare_photos(service, both, (side, None))
    whole = handlers.compare_photos(service, both, (choose(side, 0, 1), None))
    assert person[1].crop.shape != whole[1].crop.shape and person[0].scores != whole[0].scores


@pytest.mark.slow
def test_a_side_that_does_not_belong_to_its_photo_is_read_again(service, uploads):
    stale = handlers.read_side(uploads[0])
    pair, *_ = handlers.compare_photos(service, uploads, (stale, stale))
    assert pair.scores["combined"] < 0.9999


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_photo_is_a_sentence(service, uploads, missing):
    given = list(uploads)
    given[missing] = None
    with pytest.raises(InputError, match="Add a photo first"):
        handlers.compare_photos(service, tuple(given), (None, None))
