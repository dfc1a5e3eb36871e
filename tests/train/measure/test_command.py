"""What a random order of the gallery scores."""

import numpy as np
import pytest

from tests.train.toy import write_dataset
from threedsl.evaluation.metrics import Scores, evaluate
from train.measure.command import chance
from train.measure.retrieval import CMC_RANKS, RetrievalSet, summary


@pytest.mark.parametrize("protocol", ["cloth-changing", "same-clothes", "standard"])
def test_chance_is_the_mean_of_random_similarities(tmp_path, protocol):
    write_dataset(tmp_path, people=5)
    data = RetrievalSet.read(tmp_path, (64, 32))
    rng = np.random.default_rng(0)
    drawn = [
        evaluate(rng.random((5, len(data.gallery))), data.query_labels, data.gallery_labels, protocol)
        for _ in range(1000)
    ]
    figures = chance(data, protocol)
    assert list(figures) == ["rank-1", "rank-5", "mAP", "cmc"]
    assert figures["cmc"][::4][:2] == pytest.approx([figures["rank-1"], figures["rank-5"]], abs=1e-6)
    assert figures["rank-1"] == pytest.approx(np.mean([scores.rank(1) for scores in drawn]), abs=0.03)
    assert figures["rank-5"] == pytest.approx(np.mean([scores.rank(5) for scores in drawn]), abs=0.03)
    assert figures["mAP"] == pytest.approx(
        np.mean([scores.mean_average_precision for scores in drawn]), abs=0.02
    )


def test_the_curve_has_every_rank():
    ranks = np.random.default_rng(0).integers(1, 80, 200)
    scores = Scores("standard", np.arange(200), ranks, 1 / ranks, 1 / ranks)
    figures = summary(scores, np.array([str(i % 40) for i in range(200)]), 0)
    expected = [(ranks <= k).mean() for k in range(1, CMC_RANKS + 1)]
    assert figures["cmc"] == pytest.approx(expected) and CMC_RANKS >= 50
    assert figures["cmc"][0] == figures["rank-1"]["value"] and figures["cmc"][4] == figures["rank-5"]["value"]
