"""Outdoor photos against studio pictures and back, counted by hand."""

import numpy as np
import pytest
import torch

from threedsl.gallery.demo import demo_galleries
from threedsl.network import NetworkConfig, build_network
from train.measure import openpeople


@pytest.fixture
def described(monkeypatch):
    """Descriptors that are drawn instead of computed, by the number of pictures described."""
    rng = np.random.default_rng(4)
    kept = {}

    def describe(network, crops):
        assert crops.shape[1:] == (64, 32, 3)
        drawn = rng.normal(size=(3, len(crops), 6)).astype(np.float32)
        drawn /= np.linalg.norm(drawn, axis=-1, keepdims=True)
        kept[len(crops)] = dict(zip(("appearance", "shape", "combined"), drawn, strict=True))
        return kept[len(crops)]

    monkeypatch.setattr(openpeople, "describe", describe)
    return kept


@pytest.mark.slow
def test_both_directions_are_counted(described):
    torch.manual_seed(0)
    network = build_network(NetworkConfig(height=64, width=32, descriptor=32, hidden=32))
    figures = openpeople.zero_shot(network, (64, 32))
    people = demo_galleries()["openpeople"]
    studio, outdoor = ([record.pid for record in side] for side in (people.records, people.examples))
    back = figures["from the studio"]
    assert (back["queries"], back["gallery pictures"]) == (50, 10)
    for stream in ("appearance", "shape", "combined"):
        likeness = described[10][stream] @ described[50][stream].T
        nearest = np.mean([studio[row.argmax()] == pid for row, pid in zip(likeness, outdoor, strict=True)])
        assert figures[stream]["rank-1"] == pytest.approx(nearest)
        # One picture of each person: average precision is one over the place of the right one.
        places = [
            1 + (row > row[outdoor.index(pid)]).sum() for row, pid in zip(likeness.T, studio, strict=True)
        ]
        assert back[stream]["rank-1"]["value"] == pytest.approx(np.mean(np.array(places) == 1))
        assert back[stream]["mAP"]["value"] == pytest.approx(np.mean(1 / np.array(places)))
        low, high = back[stream]["rank-1"]["interval"]
        assert low <= back[stream]["rank-1"]["value"] <= high
