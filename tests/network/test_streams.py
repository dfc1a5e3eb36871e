"""The two-stream network: what comes out, what depends on what, and configurations that do not fit."""

import pytest
import torch

from threedsl.body import BodyModel
from threedsl.body.rotation import sixd_from_matrix
from threedsl.errors import InputError
from threedsl.network import Discriminator, NetworkConfig, build_network
from threedsl.network.heads import IterativeRegressor, mean_pose_and_camera


@pytest.fixture(scope="module", params=[("lite", 64, 32), ("r50", 64, 32)], ids=["lite", "r50"])
def network(request):
    name, height, width = request.param
    torch.manual_seed(0)
    return build_network(
        NetworkConfig(name=name, height=height, width=width, descriptor=48, hidden=32, keypoint_head=16)
    ).eval()


def pictures(count, seed=0):
    return torch.rand(count, 3, 64, 32, generator=torch.Generator().manual_seed(seed))


@pytest.mark.slow
@torch.inference_mode()
def test_output_follows_the_contract(network):
    out = network(pictures(3))
    assert out.appearance.shape == out.shape.shape == (3, 48)
    assert torch.allclose(out.appearance.norm(dim=1), torch.ones(3)) and torch.allclose(
        out.shape.norm(dim=1), torch.ones(3)
    )
    assert out.betas.shape == (3, 10) and out.displacement.shape == (3, 615, 3) and out.camera.shape == (3, 3)
    assert torch.allclose(out.pose @ out.pose.mT, torch.eye(3).expand(3, 24, 3, 3), atol=1e-5)
    assert (out.camera[:, 0] > 0).all()


@pytest.mark.slow
@torch.inference_mode()
def test_a_picture_does_not_depend_on_its_batch(network):
    batch, alone = network(pictures(3)), network(pictures(3)[1:2])
    for name, single in alone._asdict().items():
        together = getattr(batch, name)
        parts = zip(together, single, strict=True) if isinstance(single, list) else [(together, single)]
        assert all(torch.allclose(several[1:2], one, atol=1e-4) for several, one in parts), name


@pytest.mark.slow
@torch.inference_mode()
def test_an_untrained_network_predicts_a_standing_average_body(network):
    """The regression starts at the mean and its first corrections are small."""
    out = network(pictures(2))
    mean = mean_pose_and_camera()
    assert (sixd_from_matrix(out.pose).flatten(1) - mean[:144]).abs().max() < 0.3
    assert out.betas.abs().max() < 0.5 and out.displacement.abs().max() < 0.01
    joints = BodyModel.load()(torch.zeros(1, 10), out.pose[:1] * 0 + matrix(mean)).joints[0]
    assert (
        joints[20, 1] < joints[16, 1] - 0.3 and joints[21, 1] < joints[17, 1] - 0.3
    )  # wrists hang below shoulders


def matrix(mean):
    from threedsl.body.rotation import matrix_from_6d

    return matrix_from_6d(mean[:144].view(24, 6))


@pytest.mark.slow
def test_streams_do_not_share_weights_and_shape_drives_the_body(network):
    """Gradients: appearance reaches only its stream; betas reach F_shape's encoder, pose does not."""
    x = pictures(2)

    def touched(value):
        network.zero_grad()
        value.sum().backward()
        return {
            name.split(".")[0] + "." + name.split(".")[1]
            for name, p in network.named_parameters()
            if p.grad is not None and p.grad.abs().sum() > 0
        }

    assert {name.split(".")[0] for name in touched(network(x).appearance_feature)} == {"appearance_stream"}
    by_betas, by_pose = touched(network(x).betas), touched(network(x).pose)
    assert "shape_stream.shape_encoder" in by_betas and "shape_stream.trunk" in by_betas & by_pose
    assert not any("pose_" in name for name in by_betas) and "shape_stream.shape_encoder" not in by_pose


@pytest.mark.parametrize(("descriptor", "parts"), [(48, 0), (48, 3), (50, 3)])
def test_the_configuration_knows_the_width_of_the_shape_descriptor(descriptor, parts):
    config = NetworkConfig(height=64, width=32, descriptor=descriptor, hidden=8, parts=parts)
    shape = build_network(config).eval()(pictures(1)).shape
    assert shape.shape[1] == config.shape_width
    assert NetworkConfig(parts=parts, shape_stream=False).shape_width == 0


def test_the_baseline_is_the_appearance_stream_alone():
    out = build_network(NetworkConfig(height=64, width=32, shape_stream=False)).eval()(pictures(1))
    assert out.appearance.shape == (1, 512) and out.shape is None and out.betas is None


def test_iterations_apply_the_same_correction_from_the_current_state():
    torch.manual_seed(0)
    regressor = IterativeRegressor(5, torch.arange(3.0), hidden=7)
    feature = torch.randn(2, 5)
    state = torch.arange(3.0).expand(2, -1)
    for _ in range(3):
        state = state + regressor.correction(regressor.mlp(torch.cat([feature, state], 1)))
    assert torch.allclose(regressor(feature)[0], state)


def test_discriminator_judges_25_things_and_ignores_where_people_face():
    torch.manual_seed(0)
    judge = Discriminator()
    pose = torch.randn(4, 24, 3, 3)
    turned = torch.cat([torch.randn(4, 1, 3, 3), pose[:, 1:]], 1)
    betas = torch.randn(4, 10)
    assert judge(pose, betas).shape == (4, 25)
    assert torch.equal(judge(pose, betas), judge(turned, betas))
    assert not torch.equal(judge(pose, betas)[:, 24], judge(pose, betas + 1)[:, 24])
    other = pose.clone()
    other[:, 5] += 1
    changed = (judge(other, betas) != judge(pose, betas)).any(0)
    assert changed[4] and changed[23] and changed.sum() == 2  # joint 5's own judgement and the whole pose's


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "vit"}, "lite, osnet, r50"),
        ({"height": 0}, "height"),
        ({"height": 100}, "multiples of 32"),
        ({"descriptor": "512"}, "descriptor"),
        ({"layers": 3}, "layers"),
    ],
)
def test_configurations_that_make_no_network(values, message):
    with pytest.raises(InputError, match=message):
        NetworkConfig.from_dict(values)


def test_configuration_round_trip():
    config = NetworkConfig(name="r50", height=256, width=128)
    assert NetworkConfig.from_dict(config.to_dict()) == config
