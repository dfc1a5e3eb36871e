"""What each feature finds alone, against the network's own features scored one by one."""

import numpy as np
import pytest
import torch

from tests.train.toy import write_dataset
from threedsl.data.transforms import to_batch
from threedsl.network import NetworkConfig, build_network
from train.measure.gallery_size import by_size
from train.measure.retrieval import RetrievalSet
from train.measure.single_features import FEATURES, evaluate_features

SHARES = [0.0, 0.7, 0.3, 0.0]


def small(**changes):
    torch.manual_seed(0)
    return build_network(NetworkConfig(height=64, width=32, descriptor=32, hidden=16, **changes)).eval()


@pytest.mark.slow
def test_every_feature_is_judged_alone_even_one_that_counts_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("train.measure.gallery_size.SIZES", (4, 8))
    write_dataset(tmp_path, people=8)
    data = RetrievalSet.read(tmp_path, (64, 32))
    network = small(parts=3, part_shares=SHARES)
    found = evaluate_features(network, data, data, seed=5)
    assert network.shape_stream.part_shares == SHARES and tuple(found) == FEATURES
    with torch.inference_mode():
        output = network(to_batch(np.concatenate([data.query, data.gallery])))
    features = [output.shape_logits_input, *output.part_logits_inputs]
    for name, share, feature in zip(FEATURES, SHARES, features, strict=True):
        unit = torch.nn.functional.normalize(feature, dim=1).numpy()
        expected = by_size(unit, data.labels, data.records, 5)
        assert set(expected) == {"4 people", "8 people"}
        assert found[name]["share"] == share and found[name]["alike"] == found[name]["as they like"]
        for size, figures in expected.items():
            assert found[name]["alike"][size] == figures


@pytest.mark.slow
def test_a_network_without_parts_or_a_set_dressed_alike_has_less_to_judge(tmp_path):
    write_dataset(tmp_path, people=3)
    data = RetrievalSet.read(tmp_path, (64, 32))
    assert evaluate_features(small(), data, None, 0) == {}
    assert all(
        set(figure) == {"share", "as they like"}
        for figure in evaluate_features(small(parts=3), data, None, 0).values()
    )
