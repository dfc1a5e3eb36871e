"""The shape stream's weight: given, chosen on a list, and advised against where both streams are worse than one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.standin import StandIn, vector
from tests.pictures import person_like
from threedsl.data.listfile import Record
from threedsl.descriptors import Descriptors
from threedsl.errors import InputError
from threedsl.evaluation.descriptor_cache import DescriptorCache, describe
from threedsl.evaluation.shape_share import SHARES, advice_for, choose_share, shape_share_from


def labelled(people=30, cameras=4, clothes=False):
    return [
        Record(Path(f"{pid}-{camera}.jpg"), f"p{pid}", str(camera), str(camera // 2) if clothes else "")
        for pid in range(people)
        for camera in range(cameras)
    ]


def described(records, knows, share=0.5, width=32, seed=0):
    """knows: by stream, how strongly its descriptors depend on the person."""
    rng = np.random.default_rng(seed)
    names = sorted({record.pid for record in records})
    streams = []
    for strength in knows:
        people = dict(zip(names, rng.normal(size=(len(names), width)), strict=True))
        values = strength * np.stack([people[r.pid] for r in records]) + rng.normal(
            size=(len(records), width)
        )
        streams.append((values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32))
    return Descriptors(*streams, shape_share=share)


def map_by_hand(values, records, keep):
    """Mean average precision of pictures searched among themselves, picture by picture."""
    precisions = []
    for q, query in enumerate(records):
        left = [g for g, other in enumerate(records) if other.pid != query.pid or keep(query, other)]
        order = sorted(left, key=lambda g: -float(values[q] @ values[g]))
        hits = [rank for rank, g in enumerate(order, 1) if records[g].pid == query.pid]
        precisions.append(np.mean([(i + 1) / rank for i, rank in enumerate(hits)]))
    return np.mean(precisions)


@pytest.mark.parametrize("knows", [(1.0, 0.4), (0.4, 1.0), (0.6, 0.6)])
@pytest.mark.parametrize("clothes", [False, True])
def test_the_chosen_weight_is_the_best_by_hand(knows, clothes):
    records = labelled(people=12, clothes=clothes)
    one = described(records, knows)
    rules = [lambda a, b: a.camid != b.camid]
    if clothes:
        rules = [
            lambda a, b: a.camid != b.camid and a.clothes != b.clothes,
            lambda a, b: a.camid != b.camid and a.clothes == b.clothes,
        ]
    found = {}
    for share in SHARES:
        values = np.concatenate([one.appearance * np.sqrt(1 - share), one.shape * np.sqrt(share)], axis=1)
        found[share] = np.mean([map_by_hand(values, records, rule) for rule in rules])
    share, precision = choose_share(records, one)
    assert precision == pytest.approx(max(found.values()), abs=1e-6)
    assert found[share] == pytest.approx(precision, abs=1e-6) and len(set(found.values())) > 3
    assert (share < 0.5) == (knows[0] > knows[1]) or knows[0] == knows[1]


def test_a_stream_that_only_disturbs_is_named():
    records = labelled()
    sentence = advice_for(records, described(records, (0.7, 0.0), share=0.6))
    assert sentence.startswith("combined (mAP ") and "worse than appearance alone" in sentence
    assert "--stream appearance" in sentence and "now 0.6, with --shape-share" in sentence
    assert "worse than shape alone" in advice_for(records, described(records, (0.0, 0.7)))


def test_nothing_is_said_where_both_help_or_nothing_is_known():
    records = labelled()
    assert advice_for(records, described(records, (0.7, 0.7))) == ""
    assert advice_for(records, described(records, (0.0, 0.0))) == ""
    unlabelled = [Record(record.path) for record in records]
    assert advice_for(unlabelled, described(records, (0.7, 0.0))) == ""
    few = labelled(people=10)
    assert advice_for(few, described(few, (0.7, 0.0))) == ""
    once = labelled(cameras=1)
    assert advice_for(once, described(once, (0.7, 0.0))) == ""


def test_without_cameras_every_picture_is_searched_for_among_all_others():
    records = [Record(record.path, record.pid) for record in labelled()]
    assert "worse than appearance" in advice_for(records, described(records, (0.7, 0.0)))
    assert choose_share(records, described(records, (0.7, 0.0)))[0] <= 0.1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("0", "between 0 and 1"), ("1.5", "between 0 and 1"), ("none.txt", "neither a number")],
)
def test_refusals(text, sentence):
    with pytest.raises(InputError, match=sentence):
        shape_share_from(text, StandIn())


def test_a_model_without_a_shape_stream():
    with pytest.raises(InputError, match="no shape stream"):
        shape_share_from("0.5", StandIn(shape_stream=False))


def test_where_every_camera_sees_its_own_clothes_only_other_clothes_are_scored():
    records = [replace(record, clothes=record.camid) for record in labelled(people=12)]
    one = described(records, (1.0, 0.4))
    share, precision = choose_share(records, one)
    values = np.concatenate([one.appearance * np.sqrt(1 - share), one.shape * np.sqrt(share)], axis=1)
    by_hand = map_by_hand(values, records, lambda a, b: a.camid != b.camid and a.clothes != b.clothes)
    assert precision == pytest.approx(by_hand, abs=1e-6)


def test_a_weight_is_chosen_on_the_descriptors_that_are_evaluated(tmp_path):
    """And the cache of mirror averages has nothing else in it afterwards."""
    for number, name in enumerate("abcd"):
        person_like(32 + number, 16).save(tmp_path / f"{name}.png")
    (tmp_path / "list.txt").write_text("a.png anna\nb.png ben\nc.png anna\nd.png ben\n")
    cache = DescriptorCache(tmp_path / "cache", "f" * 64, mirror=True)
    shape_share_from(str(tmp_path / "list.txt"), StandIn(), cache, mirror=True)
    found = describe(StandIn(), [tmp_path / "a.png"], cache, mirror=True)
    np.testing.assert_allclose(found.shape[0], vector(tmp_path / "a.png", "shape", True), atol=1e-6)
    with pytest.raises(ValueError, match="mirror"):
        describe(StandIn(), [tmp_path / "a.png"], cache)
