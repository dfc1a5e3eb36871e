"""Everyone in a photo as bodies: offered for groups, drawn over each of them."""

from dataclasses import replace

import cv2
import gradio as gr
import numpy as np
import pytest

from threedsl.errors import InputError
from threedsl.ui.bodies.everyone import everyone_values, group_photo, same_group
from threedsl.ui.newest import Newest
from threedsl.ui.page import build_demo, build_service
from threedsl.ui.search.photo import read_photo
from threedsl.ui.search.query import add, choose, choose_area
from threedsl.ui.search.reconstruction import EVERYONE_SIDE, draw_everyone

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def group(outdoor_photo, tmp_path_factory):
    """Two people of 1,000 pixels in a photo of 1,342."""
    one = cv2.resize(cv2.imread(str(outdoor_photo)), (671, 1000))
    path = tmp_path_factory.mktemp("group") / "group.png"
    cv2.imwrite(str(path), np.hstack([one, one[:, ::-1]]))
    return path


def test_bodies_are_drawn_over_both_people(model, group):
    image = cv2.cvtColor(cv2.imread(str(group)), cv2.COLOR_BGR2RGB)
    drawn = draw_everyone(model, image)
    assert drawn.shape[1] == EVERYONE_SIDE and drawn.shape[0] == round(1000 * EVERYONE_SIDE / 1342)
    small = cv2.resize(image, drawn.shape[1::-1], interpolation=cv2.INTER_AREA)
    changed = np.abs(drawn.astype(int) - small).max(2) > 25
    left, right = changed[:, :640], changed[:, 640:]
    assert 0.01 < left.mean() < 0.6 and 0.01 < right.mean() < 0.6
    assert draw_everyone(model, np.full((300, 400, 3), 90, np.uint8)) is None


def test_it_is_offered_for_groups_alone(group, outdoor_photo):
    alone, many = (add(None, [read_photo(path)]) for path in (outdoor_photo, group))
    assert group_photo(None) is None and group_photo(alone) is None
    assert group_photo(many) is many.photos[0]
    assert group_photo(add(alone, many.photos)) is many.photos[0], "whichever photo it is"
    assert [button.visible for button, _ in map(everyone_values, (alone, many))] == [False, True]
    assert same_group(many, choose(many, 0, 1)) and same_group(many, choose_area(many, 0, [10, 10, 400, 900]))
    other = replace(many.photos[0], digest="other")
    assert same_group(alone, None) and not same_group(alone, many)
    assert not same_group(many, replace(many, photos=(other,)))


def test_a_group_photo_that_was_deleted_has_expired(group, tmp_path, model, demo):
    photo = tmp_path / "beach.png"
    photo.write_bytes(group.read_bytes())
    query = add(None, [read_photo(photo)])
    photo.unlink()
    page = build_demo(build_service(model, {"tiny": demo}, tmp_path / "cache"))
    draw = next(fn.fn for fn in page.fns.values() if fn.name == "draw")
    for attempt in (lambda: draw(query, Newest()), lambda: choose_area(query, 0, [10, 10, 400, 900])):
        with pytest.raises((gr.Error, InputError), match="This photo has expired; please upload it again"):
            attempt()


def test_everyone_of_an_earlier_photo_is_not_shown(group, service, monkeypatch):
    draw = next(fn.fn for fn in build_demo(service).fns.values() if fn.name == "draw")
    photos, query = Newest(), add(None, [read_photo(group)])
    monkeypatch.setattr(service, "everyone", lambda image: image)
    assert draw(query, photos).visible
    monkeypatch.setattr(service, "everyone", lambda image: photos.run(lambda: image))
    assert draw(query, photos) == gr.skip()
