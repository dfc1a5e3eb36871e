"""Ranks: wherever one is told, it is the place in the row that is shown; and where the right person was found."""

import csv
import functools
import io
import json

import cv2
import numpy as np
import pytest

from tests import models
from threedsl.data.listfile import Record
from threedsl.gallery.demo import DemoGallery
from threedsl.ui.api.search import search_as_json
from threedsl.ui.search import handlers
from threedsl.ui.search.cards import ranked_rows
from threedsl.ui.search.downloads import as_csv, as_json
from threedsl.ui.search.photo import read_photo
from threedsl.ui.search.query import add
from threedsl.ui.search.status import NOT_KNOWN, finding, ordinal, standing
from threedsl.ui.service import Service

PICTURES, NAMES = 18, ("appearance", "shape", "combined")


@pytest.fixture(scope="module", params=[0.1, 0.85], ids=["little shape", "much shape"])
def service(request, tmp_path_factory):
    """Six people with three pictures each, and a model in which the streams count differently."""
    folder = tmp_path_factory.mktemp("people")
    random = np.random.default_rng(3)

    def record(name: str, person: int, clothes: str, camera: str) -> Record:
        patches = random.integers(0, 255, (8, 4, 3), dtype=np.uint8)
        path = folder / f"{name}.png"
        cv2.imwrite(str(path), cv2.resize(patches, (64, 128), interpolation=cv2.INTER_NEAREST))
        return Record(path, f"p{person}", camera, clothes)

    listed = [
        record(f"{person}-{i}", person, "coat" if i else "suit", f"c{i}")
        for person in range(6)
        for i in range(3)
    ]
    asked = [record(f"q{i}", 2, "coat", "c1") for i in range(3)]
    demo = DemoGallery("people", "Six people", lambda: listed, lambda: asked)
    model = models.random_model(shape_share=request.param)
    return Service(model, {"people": demo}, folder / "files", folder / "cache")


@functools.cache
def seen(service, photos: int):
    """A query and what its first search computed."""
    asked = service.shelf.demos["people"].examples[:photos]
    query = add(None, [read_photo(record.path) for record in asked])
    return query, handlers.search(service, None, query, "people", 1)[0]


def ask(service, photos: int = 1, k: int = PICTURES, hide=()):
    query, before = seen(service, photos)
    return handlers.search(service, None, query, "people", k, hide, before)[0]


@pytest.mark.slow
@pytest.mark.parametrize("hide", [(), ("clothes",), ("camera",), ("clothes", "camera")])
@pytest.mark.parametrize("photos", [1, 3])
def test_every_rank_told_is_the_place_in_the_row_shown(service, photos, hide):
    answer = ask(service, photos, hide=hide)
    shown = {stream: [card.index for card in cards] for stream, cards in answer.rows.items()}
    assert len({tuple(order) for order in shown.values()}) == 3, "three different orders"
    assert {len(order) for order in shown.values()} == {
        {(): 18, ("clothes",): 16, ("camera",): 12}.get(hide, 11)
    }
    for stream, cards in answer.rows.items():
        assert [card.rank for card in cards] == list(range(1, len(cards) + 1))
        for card in cards:
            assert dict(card.other_ranks) == {
                other: shown[other].index(card.index) + 1 for other in NAMES if other != stream
            }
    few = ask(service, photos, k=2, hide=hide)
    for stream, cards in few.rows.items():
        assert cards == answer.rows[stream][:2], "the same ranks, also beyond what is shown"


@pytest.mark.slow
def test_cards_files_and_interface_tell_the_same_ranks(service):
    answer = ask(service, 3, hide=("camera",))
    rows = answer.rows
    place = {(stream, card.picture): card.rank for stream, cards in rows.items() for card in cards}
    for line in csv.DictReader(io.StringIO(as_csv(rows), newline="")):
        for column, stream in zip(("appearance", "shape", "both"), NAMES, strict=True):
            assert int(line[f"rank_by_{column}"]) == place[stream, line["picture"]]
    for stream, matches in json.loads(as_json(rows, "people", PICTURES))["results"].items():
        for match in matches:
            for other, rank in (match["other_ranks"] | {stream: match["rank"]}).items():
                assert rank == place[other, match["picture"]]
    html = ranked_rows(rows, "Six people")
    best = rows["combined"][0]
    assert (
        f"Rank 1: {best.person}, {'same' if best.same_person else 'another'} person, score {best.score:.2f}; also "
        f"rank {place['appearance', best.picture]} by appearance, rank {place['shape', best.picture]} by shape"
    ) in html
    for row in {card.index for card in rows["shape"]}:
        picture = next(card.picture for card in rows["shape"] if card.index == row)
        told = standing(answer.rankings, row)
        for stream, words in zip(NAMES, ("by appearance", "by 3D body shape", "by both"), strict=True):
            assert f"{ordinal(place[stream, picture])} {words}" in told


@pytest.mark.slow
def test_the_interface_tells_the_ranks_of_its_own_rows(service):
    paths = [str(record.path) for record in service.shelf.demos["people"].examples]
    answer = search_as_json(service, paths[0], "people", PICTURES, photos=paths[1:])
    place = {(s, match["picture"]): match["rank"] for s in NAMES for match in answer["results"][s]}
    for stream in NAMES:
        for match in answer["results"][stream]:
            assert match["other_ranks"] == {
                other: place[other, match["picture"]] for other in NAMES if other != stream
            }


@pytest.mark.slow
def test_the_first_line_tells_where_the_right_person_comes(service):
    answer = ask(service, k=1)
    everything = ask(service)
    told = finding(answer.rankings)
    for stream, words in zip(NAMES, ("by appearance", "by 3D body shape", "by both"), strict=True):
        first = next(card.rank for card in everything.rows[stream] if card.person == "p2")
        assert f"<b>{ordinal(first)}</b> {words}" in told, "also where it is beyond what is shown"


@pytest.mark.slow
def test_who_is_not_known_is_said(service, tmp_path):
    stranger = tmp_path / "stranger.png"
    cv2.imwrite(str(stranger), np.random.default_rng(9).integers(0, 255, (128, 64, 3), dtype=np.uint8))
    query = add(None, [read_photo(stranger)])
    ranking = handlers.search(service, None, query, "people", 2)[0].rankings
    assert NOT_KNOWN in finding(ranking) and "orrect person" not in finding(ranking)
    assert standing(ranking, 0).startswith("It is ranked ") and "of 18 pictures" in standing(ranking, 0)


def test_numbers_are_counted_as_people_count():
    told = [ordinal(number) for number in (1, 2, 3, 4, 10, 11, 12, 13, 20, 21, 22, 23, 101, 111, 112)]
    assert told == ("1st 2nd 3rd 4th 10th 11th 12th 13th 20th 21st 22nd 23rd 101st 111th 112th".split())
