"""Galleries of three pictures a person."""

from pathlib import Path

import numpy as np
import pytest

from threedsl.data.listfile import Record
from threedsl.evaluation.labels import labels_of
from train.measure.gallery_size import SIZES, by_size, draw_people, score


def people(count, outfits=4, pictures=4):
    return [
        Record(Path(f"{pid}_{outfit}_{number}.jpg"), f"{pid:03d}", str(100 * outfit + number), str(outfit))
        for pid in range(count)
        for outfit in range(outfits)
        for number in range(pictures)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_queries_wear_one_outfit_and_the_gallery_the_others(seed):
    records = people(20)
    draw = draw_people(records, 8, seed)
    query, gallery = ([records[i] for i in rows] for rows in (draw.query, draw.gallery))
    chosen = {record.pid for record in query}
    assert len(chosen) == 8 and {record.pid for record in gallery} == chosen
    for pid in chosen:
        asked = [record for record in query if record.pid == pid]
        shown = [record for record in gallery if record.pid == pid]
        assert len(asked) == 4 and len({record.clothes for record in asked}) == 1
        assert len(shown) == 3 and len({record.clothes for record in shown}) == 3
        assert asked[0].clothes not in {record.clothes for record in shown}
    again = draw_people(records, 8, seed)
    assert np.array_equal(again.query, draw.query) and np.array_equal(again.gallery, draw.gallery)


def test_two_outfits_still_give_three_pictures_and_one_outfit_none():
    records = [*people(6, outfits=2), Record(Path("x.jpg"), "999", "1", "0")]
    draw = draw_people(records, 6, 0)
    assert len(draw.gallery) == 18 and "999" not in {records[i].pid for i in draw.query}
    assert draw_people(records, 7, 0) is None


def test_scores_are_the_definition_s():
    records = people(12)
    rng = np.random.default_rng(0)
    descriptors = rng.normal(size=(len(records), 8)).astype(np.float32)
    descriptors /= np.linalg.norm(descriptors, axis=1, keepdims=True)
    draw = draw_people(records, 12, 0)
    hits = []
    for i in draw.query:
        pairs = [
            (descriptors[i] @ descriptors[j], records[j].pid == records[i].pid)
            for j in draw.gallery
            if records[j].pid != records[i].pid or records[j].camid != records[i].camid
        ]
        hits.append(max(pairs)[1])
    assert score(descriptors, labels_of(records), draw).rank(1) == pytest.approx(np.mean(hits))


def test_only_sizes_there_are_people_for():
    records = people(60)
    descriptors = np.repeat(np.eye(60, dtype=np.float32), 16, 0)
    figures = by_size(descriptors, labels_of(records), records, 0, draws=2)
    assert list(figures) == [f"{SIZES[0]} people"]
    assert figures["50 people"] == {"rank-1": 1.0, "rank-5": 1.0, "rank-10": 1.0, "mAP": 1.0}
