"""The share of the shape stream against trying every one by hand."""

import numpy as np
import pytest

from tests.train.toy import write_dataset
from threedsl.pipeline import combine
from train.fusion import SHARES, choose_share
from train.retrieval import RetrievalSet


@pytest.mark.parametrize(("told_by", "expected"), [("shape", {0.9}), ("appearance", {0.5}), ("both", None)])
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
        score[share] = data.score(*both, data.protocols[0])["combined"].mean_average_precision
    assert score[found] == max(score.values()) and len(set(score.values())) > 1
    if expected:
        assert found in expected
