"""The soft silhouette against a slow oracle, finite differences, a hard rasteriser, and at fitting."""

import cv2
import numpy as np
import pytest
import torch

from threedsl.render import silhouette
from threedsl.render.project import project_silhouette
from threedsl.render.silhouette import soft_silhouette


def sphere(rings: int = 12, sectors: int = 18) -> tuple[torch.Tensor, torch.Tensor]:
    """A closed unit sphere, y up, faces counter-clockwise seen from outside."""
    polar = torch.linspace(0, torch.pi, rings + 1, dtype=torch.float64)[1:-1]
    around = torch.arange(sectors, dtype=torch.float64) * (2 * torch.pi / sectors)
    x, z = polar.sin()[:, None] * around.sin(), polar.sin()[:, None] * around.cos()
    belt = torch.stack([x, polar.cos()[:, None].expand_as(x), z], -1).reshape(-1, 3)
    poles = torch.tensor([[0, 1, 0], [0, -1, 0]], dtype=torch.float64)
    vertices = torch.cat([belt, poles])
    top, bottom = len(belt), len(belt) + 1
    faces = []
    for s in range(sectors):
        t = (s + 1) % sectors
        faces.append([top, s, t])
        faces.append([bottom, (rings - 2) * sectors + t, (rings - 2) * sectors + s])
        for r in range(rings - 2):
            a, b, c, d = r * sectors + s, (r + 1) * sectors + s, (r + 1) * sectors + t, r * sectors + t
            faces += [[a, b, c], [a, c, d]]
    return vertices, torch.tensor(faces)


def on_screen(vertices: torch.Tensor, size: tuple[int, int], radius: float) -> torch.Tensor:
    return torch.stack([size[1] / 2 + radius * vertices[..., 0], size[0] / 2 - radius * vertices[..., 1]], -1)


def body_like(size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Seven stretched spheres placed as head, trunk, arms and legs: 2 pixel limbs in a 64 x 32 picture."""
    unit, faces = sphere()
    parts = [  # centre x, y and half extents, in picture heights from the centre
        ((0.0, 0.38), (0.06, 0.08)),
        ((0.0, 0.14), (0.11, 0.18)),
        ((0.16, 0.12), (0.03, 0.2)),
        ((-0.15, 0.1), (0.03, 0.2)),
        ((0.06, -0.22), (0.045, 0.24)),
        ((-0.07, -0.2), (0.045, 0.24)),
        ((0.0, -0.02), (0.12, 0.08)),
    ]
    points = [
        on_screen(unit * torch.tensor([*half, 0.1]) + torch.tensor([*centre, 0.0]), size, size[0])
        for centre, half in parts
    ]
    return torch.cat(points)[None], torch.cat([faces + i * len(unit) for i in range(len(parts))])


def slow_silhouette(points, faces, size, sigma, cutoff=1e-4, front_only=False):
    """All faces times all pixels, with the distance to each edge by the closest point, and no shortcut."""
    height, width = size
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    pixels = torch.stack([x, y], -1).reshape(-1, 2).to(points)
    pictures = []
    for vertices in points:
        uncovered = torch.ones(len(pixels), dtype=points.dtype)
        for a, b, c in vertices[faces]:
            area = (b - a)[0] * (c - a)[1] - (b - a)[1] * (c - a)[0]
            if area.abs() <= 1e-7 or (front_only and area > 0):
                continue
            squares, sides = [], []
            for start, end in ((a, b), (b, c), (c, a)):
                edge, offset = end - start, pixels - start
                t = ((offset @ edge) / (edge @ edge)).clamp(0, 1)
                squares.append((offset - t[:, None] * edge).square().sum(-1))
                sides.append((edge[0] * offset[:, 1] - edge[1] * offset[:, 0]) * area.sign())
            square, inside = torch.stack(squares).amin(0), torch.stack(sides).amin(0) > 0
            covered = torch.sigmoid(torch.where(inside, square, -square) / sigma)
            uncovered = uncovered * (1 - torch.where(covered > cutoff, covered, torch.zeros_like(covered)))
        pictures.append((1 - uncovered).view(height, width))
    return torch.stack(pictures)


def hard_silhouette(
    points: torch.Tensor, faces: torch.Tensor, size: tuple[int, int], fine: int = 16
) -> torch.Tensor:
    """Share of each pixel that lies inside a face, by OpenCV at `fine` times the resolution."""
    mask = np.zeros((size[0] * fine, size[1] * fine), np.uint8)
    for triangle in points.detach().numpy()[faces.numpy()]:
        cv2.fillPoly(mask, [np.round((triangle * fine - 0.5) * 16).astype(np.int32)], 1, shift=4)
    return torch.tensor(mask.reshape(size[0], fine, size[1], fine).mean((1, 3)))


def random_triangles(seed: int, size: tuple[int, int], batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Triangles of all sizes and both orientations, sharing vertices, some partly or wholly outside."""
    generator = torch.Generator().manual_seed(seed)
    extent = torch.tensor([size[1], size[0]], dtype=torch.float64)
    points = (torch.rand(batch, 14, 2, generator=generator, dtype=torch.float64) * 1.6 - 0.3) * extent
    near = points[:, :6] + torch.randn(batch, 6, 2, generator=generator, dtype=torch.float64)
    faces = torch.randint(0, 20, (16, 3), generator=generator)
    return torch.cat([points, near], 1), faces


@pytest.mark.parametrize("front_only", [False, True])
@pytest.mark.parametrize(("size", "sigma"), [((12, 7), 0.03), ((9, 14), 0.4), ((12, 7), 4.0)])
def test_equals_every_face_times_every_pixel(size, sigma, front_only):
    points, faces = random_triangles(0, size)
    fast, slow = points.clone().requires_grad_(), points.clone().requires_grad_()
    picture = soft_silhouette(fast, faces, size, sigma=sigma, front_only=front_only)
    expected = slow_silhouette(slow, faces, size, sigma, front_only=front_only)
    assert expected.detach().std() > 0.02
    torch.testing.assert_close(picture, expected, atol=1e-12, rtol=0)
    weights = torch.randn(picture.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (picture * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(fast.grad, slow.grad, atol=1e-10, rtol=0)


def test_groups_longer_than_one_chunk_add_up(monkeypatch):
    points, faces = random_triangles(3, (12, 7))
    whole = soft_silhouette(points, faces, (12, 7), sigma=0.4)
    monkeypatch.setattr("threedsl.render.silhouette._PAIRS_CPU", 20)
    torch.testing.assert_close(soft_silhouette(points, faces, (12, 7), sigma=0.4), whole, atol=1e-12, rtol=0)


@pytest.mark.parametrize("sides", ["_SIDES_GPU", (1,), (5, 7, 100)])
def test_the_sides_of_windows_change_nothing(monkeypatch, sides):
    """A GPU's coarser windows, one window for everything, and odd ones: the same picture and gradient."""
    points, faces = random_triangles(4, (20, 13))
    drawn = []
    for offered in (silhouette._SIDES_CPU, getattr(silhouette, sides) if isinstance(sides, str) else sides):
        monkeypatch.setattr(silhouette, "_SIDES_CPU", offered)
        leaf = points.clone().requires_grad_()
        picture = soft_silhouette(leaf, faces, (20, 13), sigma=0.1)
        picture.square().sum().backward()
        drawn.append((picture.detach(), leaf.grad))
    (picture, gradient), (other_picture, other_gradient) = drawn
    assert picture.std() > 0.02 and gradient.abs().sum() > 0
    torch.testing.assert_close(other_picture, picture, atol=1e-12, rtol=0)
    torch.testing.assert_close(other_gradient, gradient, atol=1e-10, rtol=0)


@pytest.mark.parametrize("seed", range(3))
def test_gradient_against_finite_differences(seed):
    points, faces = random_triangles(seed, (8, 6), batch=1)
    points.requires_grad_()
    # A cutoff at the edge of float64 leaves no step for the finite differences to fall over.
    assert torch.autograd.gradcheck(
        lambda p: soft_silhouette(p, faces, (8, 6), sigma=0.5, cutoff=1e-14), (points,)
    )


def test_float32_and_half_precision_follow_float64():
    points, faces = body_like((64, 32))
    exact = soft_silhouette(points, faces, (64, 32))
    single = soft_silhouette(points.float(), faces, (64, 32))
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), exact, atol=2e-4, rtol=0)
    half = points.bfloat16().requires_grad_()
    picture = soft_silhouette(half, faces, (64, 32))
    assert picture.dtype == torch.float32
    torch.testing.assert_close(picture, soft_silhouette(half.detach().float(), faces, (64, 32)))
    picture.sum().backward()
    assert half.grad.dtype == torch.bfloat16 and half.grad.isfinite().all() and half.grad.abs().sum() > 0


@pytest.mark.parametrize("front_only", [False, True])
def test_little_blur_is_a_hard_rasterisation(front_only):
    points, faces = body_like((64, 32))
    expected = hard_silhouette(points[0], faces, (64, 32)) > 0.5
    drawn = soft_silhouette(points, faces, (64, 32), sigma=0.001, front_only=front_only)[0] > 0.5
    assert 200 < expected.sum() < 1000
    assert (drawn & expected).sum() / (drawn | expected).sum() >= 0.97


def test_front_faces_are_the_counter_clockwise_ones_and_cover_a_closed_mesh():
    vertices, faces = sphere()
    points = on_screen(vertices, (32, 32), 10.0)[None]
    everything = soft_silhouette(points, faces, (32, 32), sigma=0.001)
    front = soft_silhouette(points, faces, (32, 32), sigma=0.001, front_only=True)
    assert (front - everything).abs().mean() < 0.01
    # Of an open half, only the camera's side has front faces.
    nearer = vertices[faces].mean(1)[:, 2] > 0
    assert soft_silhouette(points, faces[nearer], (32, 32), front_only=True).sum() > 250
    assert soft_silhouette(points, faces[~nearer], (32, 32), front_only=True).sum() < 1e-3


def test_degenerate_faces_count_for_nothing_and_gradients_stay_finite():
    points, faces = body_like((64, 32))
    clean = soft_silhouette(points, faces, (64, 32))
    n = points.shape[1]
    extra = torch.tensor(
        [
            [
                [5.0, 5],
                [5, 5],
                [9, 9],
                [7, 7],
                [float("nan"), 4],
                [float("inf"), 9],
                [-1e7, 3],
                [-1e7, 9],
                [-2e7, 4],
            ]
        ],
        dtype=points.dtype,
    )
    more = torch.tensor([[0, 1, 2], [0, 3, 2], [0, 0, 0], [4, 2, 3], [5, 0, 2], [6, 7, 8]]) + n
    dirty = torch.cat([points, extra], 1).requires_grad_()
    picture = soft_silhouette(dirty, torch.cat([faces, more]), (64, 32))
    torch.testing.assert_close(picture, clean, atol=1e-12, rtol=0)
    picture.square().sum().backward()
    assert dirty.grad.isfinite().all()
    assert dirty.grad[:, :n].abs().sum() > 0 and (dirty.grad[:, n:] == 0).all()


def test_a_mesh_off_the_picture_or_across_all_of_it():
    points, faces = body_like((64, 32))
    away = (points + 1000).requires_grad_()
    picture = soft_silhouette(away, faces, (64, 32))
    picture.sum().backward()
    assert (picture == 0).all() and (away.grad == 0).all()
    huge = (torch.tensor([[[-1e5, -1e5], [1e5, -1e5], [0, 2e5]]])).requires_grad_()
    picture = soft_silhouette(huge, torch.tensor([[0, 1, 2]]), (64, 32))
    picture.sum().backward()
    assert (picture == 1).all() and huge.grad.isfinite().all()


@pytest.mark.slow
def test_gradient_descent_finds_place_and_size_of_a_mask():
    size = (64, 32)
    points, faces = body_like(size)
    target = hard_silhouette(points[0], faces, size).float()
    points, centre = points.float(), torch.tensor([16.0, 32.0])
    shift = torch.tensor([2.0, -2.5], requires_grad=True)
    stretch = torch.tensor([0.15, -0.1], requires_grad=True)
    optimiser = torch.optim.Adam([{"params": [shift], "lr": 0.15}, {"params": [stretch], "lr": 0.01}])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 150)
    for _ in range(150):
        moved = (points - centre) * stretch.exp() + centre + shift
        loss = (soft_silhouette(moved, faces, size, front_only=True)[0] - target).square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    assert shift.abs().max() < 0.3
    assert stretch.abs().max() < 0.05


def test_projected_body_is_where_the_camera_puts_it():
    vertices, faces = sphere()
    body = (vertices * torch.tensor([0.3, 0.9, 0.2])).float()[None]
    camera = torch.tensor([[0.9, 0.1, -0.2]], requires_grad=True)
    picture = project_silhouette(body, camera, faces, (64, 32))
    y, x = (picture[0].detach() > 0.5).nonzero().float().add(0.5).T
    # s = 0.9 puts 1 m on 0.9 half heights: 28.8 pixels, a little more for what is nearer than the centre.
    assert x.mean() == pytest.approx(16 + 2.88, abs=0.5) and y.mean() == pytest.approx(32 + 5.76, abs=0.7)
    assert y.max() - y.min() + 1 == pytest.approx(2 * 0.9 * 28.8, abs=2)
    picture[0, :, 20:].sum().backward()
    assert camera.grad[0, 1] > 0 and camera.grad.isfinite().all()
    assert project_silhouette(body.bfloat16(), camera.bfloat16(), faces, (64, 32)).dtype == torch.float32


@pytest.mark.parametrize("shape", [(5, 3), (1, 5, 4)])
def test_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match="vertices"):
        soft_silhouette(torch.zeros(shape), torch.zeros(1, 3, dtype=torch.long), (8, 8))
