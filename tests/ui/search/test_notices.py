"""What is said of photos with no person, or with several."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from threedsl.ui.bodies.column import body_values
from threedsl.ui.search import handlers
from threedsl.ui.search.notices import notice, notices, warnings
from threedsl.ui.search.photo import read_photo
from threedsl.ui.search.query import Query, add, choose
from threedsl.ui.search.status import status_text


@pytest.fixture
def photos(demo):
    return [read_photo(record.path) for record in demo.records[:3]]


def ask(service, query, **options):
    answer, _, _ = handlers.search(service, None, query, "tiny", 6, **options)
    return answer


@pytest.mark.slow
def test_notices_say_which_photo_they_are_about(photos):
    query = add(None, photos[:2])
    assert all(sentence.startswith("Photo ") for sentence in notices(query))
    person = photos[0].people[0]
    assert notices(Query((photos[0],), (0,))) == [n for n in [notice(photos[0], person)] if n]


@pytest.mark.slow
def test_a_photo_of_nobody_is_answered_with_a_warning_and_without_measures(service, photos, tmp_path):
    picture = tmp_path / "wall.png"
    patches = np.random.default_rng(1).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    cv2.imwrite(str(picture), cv2.resize(patches, (800, 600), interpolation=cv2.INTER_CUBIC))
    query = add(None, [read_photo(picture)])
    assert query.photos[0].no_person and notices(query) == [] and not query.ready
    query = choose(query, 0, 0)
    answer = ask(service, query)
    words = status_text(0.1, answer, query)
    assert "No person was found" in words and words.startswith('<p class="warning"')
    assert (
        all(len(cards) == 6 for cards in answer.rows.values())
        and "<table" not in body_values(answer, query)[3]
    )
    both = add(query, photos[:1])
    assert warnings(both)[0].startswith("Photo 1: No person")
    alone = add(None, photos[:1])
    assert "warning" not in status_text(0.1, ask(service, alone), alone)
    assert "<table" in body_values(ask(service, alone), alone)[3]
    answer = ask(service, alone)
    poor = replace(answer.body, prediction=replace(answer.body.prediction, confidence=0.2))
    shown = body_values(replace(answer, body=poor), alone)[3]
    assert "does not match the person's keypoints" in shown and "<table" not in shown
