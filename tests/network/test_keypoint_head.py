"""The head that corrects bodies by keypoints: what it goes by, what it leaves alone, configurations that do not fit."""

import numpy as np
import pytest
import torch

from tests.models import random_model
from threedsl import ThreeDSL
from threedsl.body.rotation import matrix_from_axis_angle
from threedsl.errors import InputError
from threedsl.network import NetworkConfig
from threedsl.network.keypoint_head import KeypointHead, centred

SIZE = (256, 128)


def inputs(count=3):
    random = torch.Generator().manual_seed(0)
    pose = matrix_from_axis_angle(torch.randn(count, 24, 3, generator=random) / 3)
    camera = torch.tensor([[1.0, 0.1, -0.1]]).repeat(count, 1)
    points = torch.rand(count, 17, 3, generator=random) * torch.tensor([128.0, 256.0, 1.0])
    values = (torch.randn(count, width, generator=random) for width in (12, 10))
    return (*values, pose, camera, points)


@pytest.fixture
def head():
    """One that corrects something."""
    torch.manual_seed(0)
    made = KeypointHead(12, 16, 5).eval()
    torch.nn.init.normal_(made.correction.weight, std=0.3)
    return made


@torch.inference_mode()
def test_an_untrained_head_changes_nothing():
    evidence, betas, pose, camera, points = inputs()
    corrected = KeypointHead(12, 16, 5).eval()(evidence, betas, pose, camera, points, SIZE)
    for before, after in zip((betas, pose, camera), corrected, strict=True):
        assert torch.allclose(before, after, atol=1e-5)


@torch.inference_mode()
def test_corrected_bodies_have_rotations_and_a_camera_in_front(head):
    corrected = head(*inputs(), SIZE)
    pose, camera = corrected[1:]
    assert torch.allclose(pose @ pose.mT, torch.eye(3).expand(3, 24, 3, 3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(pose), torch.ones(3, 24), atol=1e-4)
    assert (camera[:, 0] >= 0.3).all() and (camera[:, 0] <= 3).all()


@torch.inference_mode()
def test_unseen_keypoints_do_not_matter_and_seen_ones_do(head):
    *rest, points = inputs()
    points[..., 2] = 0.9
    points[:, 4, 2] = 0.1
    elsewhere = points.clone()
    elsewhere[:, 4, :2] += 50
    first, second = (head(*rest, one, SIZE) for one in (points, elsewhere))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    elsewhere[:, 3, :2] += 50
    assert not torch.allclose(first[1], head(*rest, elsewhere, SIZE)[1], atol=1e-3)


def test_places_do_not_depend_on_the_input_s_size():
    points = inputs()[-1]
    place, seen = centred(points, SIZE)
    half, _ = centred(points * torch.tensor([0.5, 0.5, 1]), (128, 64))
    assert torch.allclose(place, half, atol=1e-6) and seen.shape == (3, 17)
    middle = torch.tensor([[[64.0, 128.0, 1.0]]]).repeat(1, 17, 1)
    assert (centred(middle, SIZE)[0] == 0).all()


@torch.inference_mode()
def test_evidence_is_seen_as_standardised(head):
    evidence, *rest = inputs(count=40)
    head.standardise(evidence)
    plain = KeypointHead(12, 16, 5).eval()
    plain.load_state_dict(head.state_dict() | {"mean": torch.zeros(12), "spread": torch.ones(12)})
    scaled = (evidence - evidence.mean(0)) / evidence.std(0)
    assert torch.allclose(head(evidence, *rest, SIZE)[0], plain(scaled, *rest, SIZE)[0], atol=1e-4)


@pytest.fixture(scope="module")
def model():
    made = random_model(keypoint_head=16)
    torch.nn.init.normal_(made.network.shape_stream.keypoint_head.correction.weight, std=0.02)
    torch.nn.init.normal_(made.network.shape_stream.keypoint_head.clothes, std=0.01)
    return made


@pytest.mark.slow
def test_the_pipeline_corrects_bodies_that_have_keypoints(model):
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 255, (128, 64, 3), dtype=np.uint8) for _ in range(5)]
    height, width = model.input_size
    seen = random.random((17, 3)) * [width, height, 0] + [0, 0, 0.9]
    few = seen * (np.arange(17) < 3)[:, None]
    plain = model(pictures, batch_size=2)
    out = model(pictures, batch_size=2, keypoints=[seen, None, few, seen * np.nan, seen])
    assert np.array_equal(out.appearance, plain.appearance) and np.array_equal(out.shape, plain.shape)
    moved = [bool(np.abs(a - b).max()) for a, b in zip(out.bodies.betas, plain.bodies.betas, strict=True)]
    assert moved == [True, False, False, False, True], "the fit alone leaves betas as they are"
    clothes = model.network.shape_stream.keypoint_head.clothes.numpy()
    added = out.bodies.displacement - plain.bodies.displacement
    assert np.allclose(added[[0, 4]], clothes, atol=1e-6) and not added[[1, 2, 3]].any()
    alone = model(pictures[4], keypoints=[seen])
    assert np.allclose(alone.bodies.betas[0], out.bodies.betas[4], atol=1e-5)


@pytest.mark.slow
def test_a_checkpoint_keeps_its_head(model, tmp_path):
    model.save_pretrained(tmp_path / "whole")
    again = ThreeDSL.from_pretrained(tmp_path / "whole", device="cpu")
    assert again.config.keypoint_head == 16 and again.fingerprint == model.fingerprint
    without = NetworkConfig()
    assert "keypoint_head" not in without.to_dict(), "older checkpoints keep their fingerprints"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"keypoint_head": -1}, "keypoint_head must be an integer from 0 to 8,192, not -1"),
        ({"keypoint_head": True}, "keypoint_head must be an integer"),
        ({"keypoint_head": 10**9}, "keypoint_head must be an integer"),
        ({"keypoint_head": 8, "shape_stream": False}, "keypoint_head needs the shape stream"),
    ],
)
def test_configurations_that_do_not_fit(fields, sentence):
    with pytest.raises(InputError, match=sentence):
        NetworkConfig(**fields)
