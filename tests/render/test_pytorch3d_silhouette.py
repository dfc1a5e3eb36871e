"""The portable renderer against PyTorch3D, or its stored results where it is not installed; and the choice of one."""

import json
import sys

import pytest
import torch

from tests.render import pytorch3d_reference as reference
from threedsl.errors import InputError
from threedsl.render import pytorch3d_silhouette
from threedsl.render.project import project_silhouette
from threedsl.render.silhouette import soft_silhouette
from train.config import TrainConfig
from train.configs.read import load_config
from train.losses import silhouette_loss


def installed() -> bool:
    try:
        pytorch3d_silhouette.require_pytorch3d()
    except InputError:
        return False
    return True


@pytest.fixture(scope="module")
def bodies():
    """Points, faces, and PyTorch3D's pictures and gradients: drawn now where it is installed, otherwise stored."""
    points, faces, stored = reference.load()
    if installed():
        return points, faces, reference.drawn_by_pytorch3d(points, faces)
    return points, faces, stored


@pytest.mark.parametrize("name", reference.CASES)
def test_pictures_and_gradients_are_pytorch3ds(bodies, name):
    points, faces, expected = bodies
    case = reference.CASES[name]
    leaf = reference.placed(points, case["size"]).requires_grad_()
    picture = soft_silhouette(leaf, faces, **case)
    theirs = torch.from_numpy(expected[f"{name} picture"])
    ours, other = picture > 0.5, theirs > 0.5
    covered = other.float().mean((1, 2))
    assert (covered > 0.1).all() and (covered < 0.5).all()
    assert ((ours & other).sum((1, 2)) / (ours | other).sum((1, 2))).min() >= 0.98
    torch.testing.assert_close(picture, theirs, atol=1e-4, rtol=0)
    silhouette_loss(picture, reference.other_bodies(theirs)).backward()
    gradient = leaf.grad[..., :2].flatten(1)
    known = torch.from_numpy(expected[f"{name} gradient"]).flatten(1)
    assert torch.cosine_similarity(gradient, known).min() >= 0.999
    assert gradient.norm(dim=1) == pytest.approx(known.norm(dim=1), rel=0.01)


def test_the_stored_results_record_how_they_were_made():
    _, _, stored = reference.load()
    settings = json.loads(str(stored["settings"]))
    assert settings["easypytorch3d"].startswith("0.7.9")
    assert settings["faces_per_pixel"] == reference.FACES_PER_PIXEL
    assert settings["cases"] == json.loads(json.dumps(reference.CASES))
    assert reference.FILE.stat().st_size < 200_000


def test_the_other_renderer_gets_the_same_call(bodies, monkeypatch):
    """Pixels, blur and faces as the portable renderer gets them, and depth for the order of the faces."""
    points, faces, _ = bodies
    calls = []

    def draw(vertices, *args, **options):
        calls.append(vertices)
        return soft_silhouette(vertices, *args, **options)

    monkeypatch.setattr(pytorch3d_silhouette, "soft_silhouette", draw)
    vertices = torch.randn(2, points.shape[1], 3, generator=torch.Generator().manual_seed(0)) * 0.3
    camera = torch.tensor([[0.8, 0.0, 0.1], [0.9, 0.1, 0.0]])
    arguments = (vertices, camera, faces, (32, 16), 0.05)
    portable = project_silhouette(*arguments)
    assert not calls
    torch.testing.assert_close(project_silhouette(*arguments, renderer="pytorch3d"), portable)
    assert calls[0].shape == (2, points.shape[1], 3)
    # The nearer the viewer, who looks against the third axis, the smaller the depth.
    nearest = vertices[..., 2].argmax(1)
    assert calls[0][..., 2].argmin(1).tolist() == nearest.tolist() and (calls[0][..., 2] > 0).all()
    with pytest.raises(ValueError, match="renderer"):
        project_silhouette(*arguments, renderer="neural")


def test_the_configuration_chooses_the_renderer(monkeypatch, tmp_path):
    assert TrainConfig().silhouette_renderer == "portable"
    with pytest.raises(InputError, match=r"silhouette_renderer must be portable or pytorch3d, not 'soft'\."):
        TrainConfig(silhouette_renderer="soft")
    monkeypatch.setitem(sys.modules, "pytorch3d", None)
    path = tmp_path / "c.yaml"
    path.write_text("silhouette_renderer: pytorch3d\n")
    with pytest.raises(
        InputError, match=r"PyTorch3D cannot be imported.*easypytorch3d.*portable\.$"
    ) as caught:
        load_config(path)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_training_draws_with_the_chosen_renderer(monkeypatch):
    from threedsl.body import BodyModel
    from threedsl.network import NetworkConfig, build_network
    from train.data.dataset import Batch
    from train.learner import Learner

    monkeypatch.setattr("train.config.require_pytorch3d", lambda: None)
    used = []

    def draw(vertices, faces, size, **options):
        used.append((tuple(vertices.shape), size, options["sigma"]))
        return soft_silhouette(vertices, faces, size, **options)

    monkeypatch.setattr(pytorch3d_silhouette, "soft_silhouette", draw)
    body = BodyModel.load()
    network = NetworkConfig(height=64, width=32)
    batch = Batch(
        images=torch.rand(4, 3, 64, 32, generator=torch.Generator().manual_seed(0)),
        masks=torch.zeros(4, 64, 32),
        keypoints=torch.ones(4, 17, 3),
        labels=torch.tensor([0, 0, 1, 1]),
        clothes=torch.tensor([0, 1, 2, 3]),
    )
    built, losses = build_network(network, None), {}
    for renderer in ("portable", "pytorch3d"):
        learner = Learner(
            built, body, 2, TrainConfig(network=network, silhouette_renderer=renderer, sigma=0.07)
        )
        losses[renderer] = learner.eval()(batch).losses["silhouette"].value
        assert used == ([] if renderer == "portable" else [((4, body.num_coarse, 3), (64, 32), 0.07)])
    assert losses["portable"] > 0.01
    torch.testing.assert_close(losses["pytorch3d"], losses["portable"])


def test_half_precision_faces_in_other_integers_and_no_depth(bodies):
    """What the portable renderer takes, PyTorch3D's is given too, where it is installed."""
    points, faces, _ = bodies
    if not installed():
        with pytest.raises(InputError, match="PyTorch3D"):
            pytorch3d_silhouette.soft_silhouette(points, faces, (64, 32))
        return
    picture = pytorch3d_silhouette.soft_silhouette(points[..., :2].bfloat16(), faces.int(), (64, 32))
    expected = soft_silhouette(points[..., :2].bfloat16(), faces.int(), (64, 32))
    torch.testing.assert_close(picture, expected, atol=1e-4, rtol=0)
