"""The shares of streams and features against trying every one by hand."""

import numpy as np
import pytest

from tests.train.toy import write_dataset
from threedsl.pipeline import combine
from train.fusion import SHARES, choose_part_shares, choose_share, mean_of_best
from train.retrieval import RetrievalSet


@pytest.mark.parametrize(
    ("told_by", "expected"), [("shape", (0.75, 0.9)), ("appearance", (0.5, 0.6)), ("both", (0.5, 0.9))]
)
def test_the_best_share_on_held_out_people_is_chosen(tmp_path, told_by, expected):
    write_dataset(tmp_path, people=8)
    data = RetrievalSet(tmp_path, (64, 32))
    rng = np.random.default_rng(1)
    sides = []
    people = rng.normal(size=(8, 32))
    for labels in (data.query_labels, data.gallery_labels):
        streams = {}
        for stream in ("appearance", "shape"):
            known = people[[int(pid) for pid in labels.pids]] if told_by in (stream, "both") else 0
            values = known + 2.5 * rng.normal(size=(len(labels.pids), 32))
            streams[stream] = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
        sides.append(streams)
    found = choose_share(data, *sides)
    score = {}
    for share in SHARES:
        both = [{"combined": combine(side["appearance"], side["shape"], share)} for side in sides]
        both = [data.score(*both, protocol)["combined"] for protocol in ("cloth-changing", "same-clothes")]
        score[share] = np.mean([one.mean_average_precision for one in both])
    good = [share for share in SHARES if score[share] >= max(score.values()) - 0.005]
    assert found == pytest.approx(np.mean(good), abs=0.006) and len(set(score.values())) > 1
    low, high = expected
    assert low <= found <= high


def test_the_best_shares_of_the_parts_are_chosen(tmp_path):
    """Only the second of three features knows people: no other shares may be better, by a search written by hand."""
    write_dataset(tmp_path, people=8)
    data = RetrievalSet(tmp_path, (64, 32))
    rng = np.random.default_rng(2)
    people, widths, sides = rng.normal(size=(8, 16)), [8, 16, 4], []
    for labels in (data.query_labels, data.gallery_labels):
        known = people[[int(pid) for pid in labels.pids]]
        features = [rng.normal(size=(len(labels.pids), width)) for width in widths]
        features[1] = known + rng.normal(size=known.shape)
        units = [feature / np.linalg.norm(feature, axis=1, keepdims=True) for feature in features]
        sides.append({"shape": np.concatenate(units, axis=1).astype(np.float32) / np.float32(np.sqrt(3))})
    found = choose_part_shares(data, *sides, widths)
    score = {}
    for first in range(11):
        for second in range(11 - first):
            shares = first / 10, second / 10, (10 - first - second) / 10
            scale = np.repeat(np.sqrt(np.array(shares) * 3), widths).astype(np.float32)
            both = [{"shape": side["shape"] * scale} for side in sides]
            score[shares] = data.score(*both, data.protocols[0])["shape"].mean_average_precision
    assert len(score) == 66 and sum(found) == pytest.approx(1)
    good = [shares for shares in score if score[shares] >= max(score.values()) - 0.005]
    assert found == pytest.approx(np.mean(good, 0), abs=0.02)
    assert found[1] > 0.5 and len(set(score.values())) > 10


def test_the_mean_of_what_is_as_good_as_the_best():
    found = {(1.0, 0.0): 0.5, (0.7, 0.3): 0.6, (0.4, 0.6): 0.597, (0.3, 0.7): 0.596, (0.0, 1.0): 0.594}
    assert mean_of_best(found) == (0.47, 0.53)
    assert mean_of_best({(0.1,): 0.2, (0.9,): 0.9}) == (0.9,)
    # Thirds cannot be written with two decimals: the rest goes to the largest.
    thirds = mean_of_best({(1.0, 0.0, 0.0): 0.5, (0.0, 1.0, 0.0): 0.5, (0.0, 0.0, 1.0): 0.5})
    assert sorted(thirds) == [0.33, 0.33, 0.34]
