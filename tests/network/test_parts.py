"""MGS: every part of the body has a feature, a band of the picture and vertices of its own."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from threedsl.body import BodyModel
from threedsl.checkpoint.weights import load_checkpoint, save_checkpoint
from threedsl.errors import InputError
from threedsl.network import NetworkConfig, build_network
from threedsl.network.parts import PartFeatures


def part_features(heights, channels=6, width=5):
    torch.manual_seed(0)
    made = PartFeatures(channels, width, len(heights)).eval()
    made.assign_vertices(torch.as_tensor(heights, dtype=torch.float32))
    return made


def test_vertices_belong_to_the_bands_at_their_height():
    """Shares are the hat functions at the bands' middles: what np.interp makes of one band's ones among zeros."""
    heights = np.random.default_rng(3).uniform(-0.9, 0.8, 50)
    heights[:2] = -0.9, 0.8
    shares = part_features(heights).shares.numpy()
    down = (0.8 - heights) / 1.7
    middles = [1 / 6, 5 / 12, 3 / 4]  # of the top third, of a sixth to two thirds and of the lower half
    expected = np.stack([np.interp(down, middles, row) for row in np.eye(3)])
    assert np.allclose(shares, expected, atol=1e-5)
    assert np.allclose(shares.sum(0), 1, atol=1e-6) and (shares >= 0).all()
    assert (
        shares[0, 1] == 1 and shares[-1, 0] == 1
    )  # the crown is the first part's alone, the soles the last one's


@pytest.mark.slow
def test_the_shipped_body_s_head_and_feet_are_parts_of_their_own():
    template = BodyModel.load().coarse_template
    shares = part_features(template[:, 1]).shares
    assert torch.allclose(shares.sum(0), torch.ones(len(template)), atol=1e-6)
    height = template[:, 1] - template[:, 1].min()
    assert (shares[0, height > 1.5] == 1).all() and (shares[2, height < 0.2] == 1).all()
    assert (shares.sum(1) > 0.1 * len(template)).all()


def test_until_vertices_are_assigned_all_parts_move_all():
    assert torch.allclose(PartFeatures(4, 3, 7).shares, torch.full((3, 7), 1 / 3))


def test_a_displacement_teaches_its_own_part_alone():
    features = part_features([1.0, 1 - 5 / 12, 0.0])  # crown, the middle band's middle, soles
    x = torch.randn(2, 6, 8, 4)
    for vertex, part in ((0, 0), (1, 1), (2, 2)):
        features.zero_grad()
        features(x)[2][:, vertex].sum().backward()
        taught = {
            name.split(".")[1]
            for name, value in features.named_parameters()
            if value.grad is not None and value.grad.abs().sum() > 1e-6
        }
        assert taught == {str(part)}


@pytest.mark.parametrize(
    ("rows", "bands"),
    [
        (8, [(0, 3), (1, 5), (4, 8)]),
        (6, [(0, 2), (1, 4), (3, 6)]),
        (4, [(0, 1), (1, 3), (2, 4)]),
        (2, [(0, 1), (0, 1), (1, 2)]),
        (1, [(0, 1), (0, 1), (0, 1)]),
    ],
)
def test_a_part_s_feature_sees_its_own_band(rows, bands):
    features = part_features([1.0, 0.0])
    for part, (top, bottom) in enumerate(bands):
        x = torch.randn(1, 6, rows, 3, requires_grad=True)
        features(x)[0][part].sum().backward()
        seen = x.grad.abs().sum((0, 1, 3)) > 0
        assert seen.tolist() == [top <= row < bottom for row in range(rows)]


@pytest.mark.slow
def test_gradients_in_float64():
    features = part_features([2.0, 1.3, 1.0, 0.0]).double()
    for layer in features.displacements:
        torch.nn.init.normal_(layer.weight)
    x = torch.randn(2, 6, 4, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: torch.cat([*features(x)[0], *features(x)[1]], 1), x)
    assert torch.autograd.gradcheck(lambda x: features(x)[2], x)


@pytest.fixture(scope="module", params=["lite", "r50"])
def config(request):
    return NetworkConfig(name=request.param, height=64, width=32, descriptor=48, hidden=16, parts=3)


@pytest.mark.slow
def test_the_descriptor_holds_the_global_feature_and_the_parts(config):
    torch.manual_seed(0)
    network = build_network(config).eval()
    out = network(torch.rand(2, 3, 64, 32))
    assert out.shape.shape == (2, 48 + 3 * 12) and out.shape_feature.shape == (2, 48)
    for parts in (out.part_features, out.part_logits_inputs):
        assert [tuple(part.shape) for part in parts] == [(2, 12)] * 3
    assert torch.allclose(out.shape.norm(dim=1), torch.ones(2), atol=1e-5)
    assert out.displacement.shape == (2, 615, 3)


@pytest.mark.slow
def test_similarities_are_the_weighted_means_of_the_features_own(config):
    shares = [0.1, 0.6, 0.3, 0.0]
    torch.manual_seed(0)
    network = build_network(replace(config, part_shares=shares)).eval()
    out = network(torch.rand(2, 3, 64, 32))
    expected = 0.0
    for share, feature in zip(shares, [out.shape_logits_input, *out.part_logits_inputs], strict=True):
        one, two = feature.double()
        expected += share * (one @ two / (one.norm() * two.norm())).item()
    one, two = out.shape.double()
    assert (one @ two).item() == pytest.approx(expected, abs=1e-5)
    assert torch.allclose(out.shape[:, -12:], torch.zeros(2, 12))


@pytest.mark.slow
def test_shares_travel_with_the_checkpoint(config, tmp_path):
    weighed = replace(config, part_shares=[0.25, 0.75, 0, 0])
    network = build_network(weighed)
    save_checkpoint(network, weighed, tmp_path)
    read, again = load_checkpoint(tmp_path)
    assert read == weighed and again.shape_stream.part_shares == weighed.part_shares
    images = torch.rand(2, 3, 64, 32)
    assert torch.allclose(again.eval()(images).shape, network.eval()(images).shape, atol=1e-5)


@pytest.mark.parametrize(
    "shares",
    [
        [0.5, 0.5],
        [0.25] * 5,
        [0.5, 0.6, 0, 0],
        [1.5, -0.5, 0, 0],
        [0.5, "0.5", 0, 0],
        [True, 0, 0, 0],
        1.0,
        {},
    ],
)
def test_other_shares_are_refused(shares):
    with pytest.raises(
        InputError, match=r"network part_shares must be 4 numbers that add up to 1, of the global"
    ):
        NetworkConfig(parts=3, part_shares=shares)


@pytest.mark.slow
def test_parts_move_vertices_in_full_precision_under_autocast(config):
    torch.manual_seed(0)
    stream = build_network(config).eval().shape_stream
    for layer in stream.parts.displacements:
        torch.nn.init.normal_(layer.weight)
    torch.nn.init.zeros_(stream.shape_head.displacement.weight)
    maps = []
    stream.shape_encoder.register_forward_hook(lambda module, inputs, encoded: maps.append(encoded))
    with torch.no_grad():
        with torch.autocast("cpu", torch.bfloat16):
            moved = stream(torch.rand(2, 3, 64, 32))["displacement"]
        expected = stream.parts(maps[0].float())[2]
    assert maps[0].dtype == torch.bfloat16 and moved.dtype == torch.float32
    assert torch.allclose(moved, expected, rtol=1e-4, atol=1e-5 * expected.abs().max())


@pytest.mark.slow
def test_a_checkpoint_keeps_parts_and_one_from_before_them_still_loads(config, tmp_path):
    network = build_network(config)
    network.shape_stream.parts.assign_vertices(BodyModel.load().coarse_template[:, 1])
    save_checkpoint(network, config, tmp_path / "parts", half=True)
    loaded = load_checkpoint(tmp_path / "parts")[1].shape_stream.parts.shares
    assert torch.allclose(loaded, network.shape_stream.parts.shares, atol=1e-3)

    plain = NetworkConfig(**config.to_dict() | {"parts": 0})
    network = build_network(plain)
    save_checkpoint(network, plain, tmp_path / "before")
    described = tmp_path / "before" / "config.json"
    values = json.loads(described.read_text())
    del values["parts"]
    described.write_text(json.dumps(values))
    read, again = load_checkpoint(tmp_path / "before")
    assert read == plain and again.shape_stream.parts is None
    for name, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_a_descriptor_has_a_quarter_for_each_part():
    """A training ended in an IndexError."""
    with pytest.raises(InputError, match="at least 4 where there are parts, not 3"):
        NetworkConfig(descriptor=3, parts=3)
    assert NetworkConfig(descriptor=3, parts=0).part_width == 0


@pytest.mark.parametrize("parts", [1, 2, 4, -1, True, "3", 2.5, 3.0, 0.0, None])
def test_other_numbers_of_parts_are_refused(parts):
    with pytest.raises(InputError, match=r"network parts must be 0 or 3, not"):
        NetworkConfig(parts=parts)
