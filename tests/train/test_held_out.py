"""Bodies over photos for TensorBoard."""

import numpy as np
import pytest
import torch

from tests.models import random_model
from threedsl.render.overlay import draw_overlay
from train.held_out import body_pictures, evenly

SIZE = (64, 32)


@pytest.fixture(scope="module")
def model():
    return random_model(height=SIZE[0], width=SIZE[1])


@pytest.fixture
def crops():
    return np.random.default_rng(0).integers(0, 256, (3, *SIZE, 3), dtype=np.uint8)


@pytest.mark.slow
def test_crops_above_and_their_bodies_below(model, crops):
    sheet = body_pictures(model.network, model.body, crops, height=SIZE[0])
    assert sheet.shape == (2 * 64, 3 * 32, 3) and sheet.dtype == np.uint8
    out = model(list(crops))
    for i, crop in enumerate(crops):
        columns = slice(32 * i, 32 * (i + 1))
        assert np.array_equal(sheet[:64, columns], crop)
        mesh, camera = (np.asarray(value[i]) for value in (out.bodies.vertices, out.bodies.camera))
        expected = draw_overlay(crop, mesh, camera, model.body.faces_display)
        assert np.abs(sheet[64:, columns].astype(int) - expected).max() <= 2
        assert (sheet[64:, columns] != crop).any(2).mean() > 0.05


@pytest.mark.slow
def test_a_larger_sheet_keeps_the_crops_shape(model, crops):
    assert body_pictures(model.network, model.body, crops[:1], height=128).shape == (256, 64, 3)


@pytest.mark.slow
def test_looking_changes_nothing(model, crops):
    network = model.network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    first = body_pictures(network, model.body, crops)
    assert network.training and np.array_equal(first, body_pictures(network, model.body, crops))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    network.eval()
    body_pictures(network, model.body, crops)
    assert not network.training


@pytest.mark.parametrize(
    ("count", "places"), [(1, [0]), (3, [0, 1, 2]), (6, list(range(6))), (101, [0, 20, 40, 60, 80, 100])]
)
def test_the_pictures_shown_are_spread_evenly(count, places):
    assert evenly(count).tolist() == places
