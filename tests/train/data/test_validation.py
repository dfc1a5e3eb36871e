"""Validation people: disjoint, the same in every run, and with something to find."""

from pathlib import Path

import numpy as np
import pytest

from threedsl.data.listfile import Record
from threedsl.evaluation.labels import labels_of, match_counts
from threedsl.evaluation.protocols import find_protocol
from train.data.validation import FEWEST, MOST, QUERIES, draw_validation


def records(people=40, outfits=2, cameras=3, repeats=2):
    return [
        Record(Path(f"{pid}_{camera}_{outfit}_{number}.jpg"), f"p{pid}", str(camera), str(outfit))
        for pid in range(people)
        for outfit in range(outfits)
        for camera in range(cameras)
        for number in range(repeats)
    ]


@pytest.mark.parametrize(
    ("people", "share", "count"), [(40, 0.1, 4), (60, 0.2, 12), (16, 0.01, FEWEST), (8, 0.5, 4)]
)
def test_the_share_of_people(people, share, count):
    drawn = draw_validation(records(people), share, seed=0)
    assert len(drawn.people) == count
    assert {record.pid for record in drawn.query} == {record.pid for record in drawn.gallery} == drawn.people
    assert f"{count} of the {people} training people" in drawn.note and "seed 0" in drawn.note


def test_never_more_than_a_choice_needs():
    assert len(draw_validation(records(2000, 1, 2, 1), 0.3, 0).people) == MOST


@pytest.mark.parametrize(("people", "share"), [(15, 0.1), (7, 0.5), (40, 0)])
def test_none_where_too_few_are_left(people, share):
    assert draw_validation(records(people), share, 0) is None


def test_none_where_one_camera_saw_everybody():
    assert draw_validation(records(cameras=1), 0.1, 0) is None


def test_the_draw_is_of_names_and_seed():
    """Other pictures, another order and other people change nothing for those who are there."""
    listed = records()
    drawn = draw_validation(listed, 0.1, 0).people
    assert draw_validation(listed[::-1], 0.1, 0).people == drawn
    assert draw_validation(records(repeats=5), 0.1, 0).people == drawn
    assert draw_validation([r for r in listed if r.pid not in drawn], 0.1, 0).people.isdisjoint(drawn)
    assert len({draw_validation(listed, 0.1, seed).people for seed in range(5)}) == 5


def test_people_who_change_clothes_come_first():
    changing = {f"p{pid}" for pid in range(3, 40, 7)}
    listed = [record for record in records() if record.pid in changing or record.clothes == "0"]
    assert draw_validation(listed, 0.1, 0).people < changing
    assert draw_validation(listed, 0.3, 0).people > changing


@pytest.mark.parametrize("protocol", ["cloth-changing", "same-clothes", "standard"])
def test_every_query_has_something_to_find(protocol):
    drawn = draw_validation(records(outfits=3, cameras=4), 0.1, 0)
    for pid in drawn.people:
        own = [record for record in drawn.query if record.pid == pid]
        assert len(own) == QUERIES == len({(record.camid, record.clothes) for record in own})
    matches, _ = match_counts(labels_of(drawn.query), labels_of(drawn.gallery), find_protocol(protocol))
    assert (matches > 0).all()


def test_unknown_cameras_are_cameras_of_their_own():
    listed = [Record(record.path, record.pid) for record in records()]
    drawn = draw_validation(listed, 0.1, 0)
    matches, _ = match_counts(labels_of(drawn.query), labels_of(drawn.gallery), find_protocol("standard"))
    assert np.all(matches == 11)
