"""The network in torch against TensorFlow running the graph that Google publishes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from threedsl.data.images import load_image
from threedsl.errors import InputError
from threedsl.gallery.demo import SYNTHETIC
from threedsl.people import weights
from threedsl.people.network import MoveNet

REFERENCE = Path(__file__).parent / "data" / "movenet_tensorflow.json"


@pytest.fixture(scope="module")
def pair():
    """Two synthetic people side by side, as they were given to TensorFlow."""
    canvas = np.zeros((320, 320, 3), np.uint8)
    canvas[32:288, 20:148] = load_image(SYNTHETIC / "images" / "00002_c0_o0_1.jpg")
    canvas[32:288, 170:298] = load_image(SYNTHETIC / "images" / "00002_c14_o1_3.jpg")
    return torch.from_numpy(canvas).permute(2, 0, 1).float()


@torch.inference_mode()
def test_the_same_people_as_in_tensorflow(pair):
    expected = np.array(json.loads(REFERENCE.read_text())["people"])
    points, boxes, scores = (value.numpy() for value in weights.load_network()(pair))
    np.testing.assert_allclose(scores, expected[:, 55], atol=1e-4)
    people = expected[:2]  # the other four are no people, and equally bad places differ by rounding
    np.testing.assert_allclose(
        points[:2][..., [1, 0]], people[:, :51].reshape(2, 17, 3)[..., :2] * 320, atol=0.01
    )
    np.testing.assert_allclose(points[:2][..., 2], people[:, :51].reshape(2, 17, 3)[..., 2], atol=1e-3)
    np.testing.assert_allclose(boxes[:2][:, [1, 0, 3, 2]], people[:, 51:55] * 320, atol=0.05)


@torch.inference_mode()
def test_fewer_and_more_people_and_the_least_confidence(pair):
    network = weights.load_network()
    two = network(pair, most=2)
    ten = network(pair, most=10)
    sure = network(pair, most=10, least=0.3)
    for few, many, some in zip(two, ten, sure, strict=True):
        assert len(few) == 2 and len(many) <= 10 and len(some) == 2
        torch.testing.assert_close(few, some)
    none = network(torch.zeros(3, 64, 32), least=0.99)
    assert [tuple(value.shape) for value in none] == [(0, 17, 3), (0, 4), (0,)]


def test_the_weights_are_read_once():
    assert weights.load_network() is weights.load_network()
    assert not any(value.requires_grad for value in weights.load_network().parameters())
    assert sum(value.numel() for value in MoveNet().state_dict().values()) == 4_723_346


def test_missing_or_damaged_weights_are_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r"cannot be read .*`python -m train finder`"):
        weights._load(tmp_path / "none.safetensors")
    content = bytearray((weights.FINDER / weights.WEIGHTS).read_bytes())
    content[-1] ^= 1
    (tmp_path / "damaged").write_bytes(content)
    with pytest.raises(InputError, match=r"is damaged or another version; copy checkpoints/finder again"):
        weights._load(tmp_path / "damaged")
