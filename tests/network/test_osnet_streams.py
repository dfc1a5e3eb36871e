"""Both streams on OSNet: the starts' own descriptors, what is shared, and sources that do not fit."""

from dataclasses import replace

import pytest
import torch

from tests.network.openvino_ir import write_ir
from tests.network.test_osnet import SMALL, random_net
from threedsl.errors import InputError
from threedsl.network import NetworkConfig, build_network
from threedsl.network.osnet_streams import APPEARANCE, SHAPE, STARTS

pytestmark = pytest.mark.slow

CONFIG = NetworkConfig(name="osnet", height=256, width=128, descriptor=256, hidden=32, parts=3)


@pytest.fixture(scope="module")
def starts(tmp_path_factory):
    """A folder with random nets of both sizes, and the nets."""
    folder = tmp_path_factory.mktemp("starts")
    nets = {"appearance": random_net(APPEARANCE, 1), "shape": random_net(SHAPE, 2)}
    for stream, net in nets.items():
        write_ir(net, folder / f"{STARTS[stream]}.xml")
    return folder, nets


def pictures(count=2):
    return torch.rand(count, 3, 256, 128, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def test_untrained_streams_describe_as_their_starts_do(starts):
    folder, nets = starts
    network = build_network(CONFIG, str(folder)).eval()
    network.shape_stream.part_shares = [1.0, 0.0, 0.0, 0.0]
    out = network(pictures())
    assert (out.appearance * nets["appearance"](pictures())).sum(1).min() > 0.99999
    assert (out.shape[:, :256] * nets["shape"](pictures())).sum(1).min() > 0.99999
    assert out.shape.shape == (2, CONFIG.shape_width) and out.pose.shape == (2, 24, 3, 3)


@torch.inference_mode()
def test_early_maps_lead_to_the_same_output(starts):
    network = build_network(replace(CONFIG, keypoint_head=8), str(starts[0])).eval()
    whole, maps = network(pictures()), network.early(pictures())
    assert maps.appearance.shape == (2, 384, 16, 8) and maps.shape.shape == (2, 288, 16, 8)
    for name, value in network.late(maps)._asdict().items():
        parts = (
            zip(value, getattr(whole, name), strict=True)
            if isinstance(value, list)
            else [(value, getattr(whole, name))]
        )
        assert all(torch.equal(ours, theirs) for ours, theirs in parts), name
    alone = network.early(pictures(), appearance=False)
    assert alone.appearance is None and torch.equal(alone.shape, maps.shape)


def test_pose_and_shape_start_alike_and_learn_apart(starts):
    stream = build_network(CONFIG, str(starts[0])).shape_stream
    ours, theirs = stream.shape_encoder.state_dict(), stream.pose_encoder.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert not {id(p) for p in stream.shape_encoder.parameters()} & {
        id(p) for p in stream.pose_encoder.parameters()
    }


def test_no_batch_norm_where_the_starts_have_none(starts):
    network = build_network(CONFIG, str(starts[0]))
    found = [
        name
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)
    ]
    assert found and all(name.startswith(("shape_stream.pose_pool", "shape_stream.parts")) for name in found)


@pytest.mark.parametrize("values", [{"height": 128}, {"width": 64}, {"descriptor": 512}])
def test_sizes_the_nets_do_not_have(values):
    with pytest.raises(InputError, match="256 x 128"):
        build_network(
            NetworkConfig(**{"name": "osnet", "height": 256, "width": 128, "descriptor": 256} | values)
        )


def test_sources_without_the_nets(tmp_path, starts):
    with pytest.raises(InputError, match="open-model-zoo"):
        build_network(CONFIG, "imagenet")
    with pytest.raises(InputError, match="does not exist"):
        build_network(CONFIG, str(tmp_path))
    write_ir(random_net(SMALL), tmp_path / f"{STARTS['appearance']}.xml")
    with pytest.raises(InputError, match="other sizes than the appearance stream"):
        build_network(CONFIG, str(tmp_path))
