"""What the endpoints return, without a server."""

import json

import cv2
import pytest
import trimesh

from threedsl.errors import InputError
from threedsl.ui.api.reconstruct import reconstruct_as_json
from threedsl.ui.api.search import matches_as_json, search_as_json
from threedsl.ui.search.photo import read_photo


@pytest.fixture
def person(demo):
    return read_photo(demo.records[2].path).people[0]


@pytest.mark.slow
def test_answers_of_the_api_are_plain_json(service, demo):
    answer = search_as_json(service, str(demo.examples[0].path), "tiny", 2)
    assert json.loads(json.dumps(answer)) == answer
    assert answer["query"] == {"box": [0, 0, 64, 128], "people": [], "size": [64, 128], "notice": ""}
    assert set(answer["results"]) == {"appearance", "shape", "combined"}
    assert set(answer["results"]["shape"][0]) >= {"rank", "person", "picture", "score", "same_person"}
    body, glb, overlay = reconstruct_as_json(service, str(demo.examples[0].path))
    assert json.loads(json.dumps(body)) == body
    assert len(body["betas"]) == 10 and set(body["camera"]) == {"s", "tx", "ty"}
    assert {"people", "box", "found", "facing", "confidence"} <= set(body) and len(body["keypoints"]) == 17
    assert (body["found"] is None) == (body["facing"] is None)
    if body["confidence"] is not None:
        assert 0 <= body["confidence"] <= 1
    assert all(0 < value < 5 for value in body["measures"].values())
    assert trimesh.load(glb, force="mesh").faces.shape[1] == 3
    assert cv2.imread(overlay).shape == (128, 64, 3)


@pytest.mark.slow
def test_results_keep_the_order_of_the_rows(service, person):
    rows = service.search([person], service.gallery("tiny"), 3).rows
    assert [match["rank"] for match in matches_as_json(rows)["combined"]] == [1, 2, 3]


def test_an_unknown_gallery_is_refused_before_anything_is_computed(service, demo):
    with pytest.raises(InputError, match="choose one of tiny"):
        search_as_json(service, str(demo.examples[0].path), "huge", 5)
