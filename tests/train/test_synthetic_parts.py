"""Camera, poses, bodies, garments and paint of synthetic people."""

import numpy as np
import pytest
import torch

from tests.train.synthetic import SIZE
from threedsl.body.camera import project
from train.synthesize.figure import load_figure, sample_body, vertex_normals
from train.synthesize.garments import Cut, helper_piece
from train.synthesize.paint import Paint, apply_paint
from train.synthesize.person import frame_camera, project_points
from train.synthesize.poses import rotation, sample_gait, sample_pose, standing, walking
from train.synthesize.render import Light, Surface, build_scene, camera_position, render


@pytest.fixture(scope="module")
def figure():
    return load_figure()


def test_keypoint_projection_is_the_cameras():
    rng = np.random.default_rng(0)
    points, camera = rng.normal(0, 0.5, (20, 3)), np.array([0.8, 0.1, -0.2])
    pixels, depth = project_points(points, camera, SIZE)
    expected, away = project(torch.from_numpy(points)[None], torch.from_numpy(camera)[None], SIZE)
    assert np.allclose(pixels, expected[0], atol=1e-4) and np.allclose(depth, away[0], atol=1e-6)


def test_crops_are_framed_around_the_person():
    rng = np.random.default_rng(1)
    points = rng.uniform([-0.3, -0.9, -0.2], [0.3, 0.9, 0.2], (500, 3))
    spans, middles = [], []
    for _ in range(200):
        pixels, _ = project_points(points, frame_camera(points, SIZE, rng), SIZE)
        spans.append(np.ptp(pixels[:, 1]) / SIZE[0])
        middles.append((pixels.min(0) + pixels.max(0)) / 2 / SIZE[::-1])
    assert 0.85 < np.median(spans) < 0.97 and 0.7 < min(spans) and max(spans) < 1.16
    assert np.allclose(np.mean(middles, 0), 0.5, atol=0.03)
    assert 0.02 < np.mean(np.array(spans) > 0.99) < 0.25


def test_a_sphere_is_seen_where_the_camera_projects_it():
    angle, level = np.meshgrid(np.linspace(0, 2 * np.pi, 60), np.linspace(0, np.pi, 40))
    ball = np.stack(
        [np.sin(level) * np.cos(angle), np.cos(level), np.sin(level) * np.sin(angle)], -1
    ).reshape(-1, 3)
    corner = (np.arange(39)[:, None] * 60 + np.arange(59)).ravel()
    triangles = np.concatenate(
        [np.stack([corner, corner + 1, corner + 60], 1), np.stack([corner + 1, corner + 61, corner + 60], 1)]
    )
    centre, camera = np.array([0.1, 0.3, 0.0]), np.array([0.9, 0.05, -0.1])
    vertices = 0.2 * ball + centre

    def half_glass(primitives, shares):
        height = np.einsum("nkc,nk->nc", vertices[triangles[primitives]], shares)[:, 1]
        return np.full((len(primitives), 3), 100.0), height > centre[1]

    def wall_colour(primitives, shares):
        return np.full((len(primitives), 3), 50.0), np.ones(len(primitives), bool)

    light = Light(np.array([0, 0, 1.0]), np.array([0, 1.0, 0]), 0.0, 1.0, np.ones(3), np.ones(3))
    whole = Surface(vertices, triangles, wall_colour)
    rng = np.random.default_rng(0)
    seen = render(build_scene([whole]), [whole], camera, SIZE, light, rng, 2)
    row, column = np.mgrid[0:256, 0:128] + 0.5
    (u, v), depth = (x[0] for x in project_points(centre[None], camera, SIZE))
    radius = 0.2 * 500 / 224 * 256 / depth
    assert np.abs(seen.coverage.sum() - np.pi * radius**2) < 0.03 * np.pi * radius**2
    middle = [(seen.coverage * x).sum() / seen.coverage.sum() for x in (column, row)]
    assert np.allclose(middle, [u, v], atol=0.5)
    assert seen.depth.min() == pytest.approx(depth - 0.2, abs=0.01)
    assert np.isinf(seen.depth[seen.coverage == 0]).all()

    half = Surface(vertices, triangles, half_glass)
    seen = render(build_scene([half]), [half], camera, SIZE, light, rng, 1)
    assert (row[seen.coverage > 0] < v + 1.5).all() and (seen.coverage > 0).sum() > 0.4 * np.pi * radius**2
    assert np.allclose(camera_position(camera), [-0.05, 0.1, 2 * 500 / 224 / 0.9])


def test_normals_point_outwards():
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5]])
    assert np.allclose(vertex_normals(corners, np.array([[0, 1, 2]]))[:3], [0, 0, 1])
    assert np.allclose(vertex_normals(corners, np.array([[0, 1, 2]]))[3], 0)  # used by no triangle


@pytest.mark.parametrize("kind", [walking, standing, sample_pose])
def test_poses_are_rotations_of_people_on_their_feet(kind):
    rng = np.random.default_rng(4)
    poses = np.stack([kind(rng, sample_gait(rng, rng.random())) for _ in range(60)])
    assert np.allclose(poses @ np.swapaxes(poses, 2, 3), np.eye(3), atol=1e-9)
    assert np.allclose(np.linalg.det(poses), 1)
    assert (poses[:, 0, 1, 1] > 0.95).all()  # the pelvis stays upright
    knees = poses[:, [4, 5]]
    assert (np.arctan2(knees[..., 2, 1], knees[..., 1, 1]) >= -1e-9).all()  # knees bend one way


def test_the_poses_signs_are_smpls():
    """A turn about x by a positive angle takes y to z: forwards for what points up, backwards for a hanging leg."""
    assert np.allclose(rotation("x", np.pi / 2) @ [0, 1, 0], [0, 0, 1])
    assert np.allclose(rotation("y", np.pi / 2) @ [0, 0, 1], [1, 0, 0])
    assert np.allclose(rotation("z", np.pi / 2) @ [1, 0, 0], [0, 1, 0])


def test_bodies_come_with_their_t_pose_in_smpls_frame(figure):
    body = sample_body(figure, np.random.default_rng(2))
    assert 1.35 < body.height < 2.15
    assert body.joints[16, 0] > 0.1 > -0.1 > body.joints[17, 0]  # the left shoulder at +x
    assert abs(np.ptp(body.tposed[:13380, 1]) - body.height) < 0.06
    assert np.ptp(body.tposed[:13380, 0]) > 0.85 * body.height  # arms outstretched


def test_helper_garments_keep_to_their_cut(figure):
    cut = Cut(low=0.42, high=0.97, high_front=0.97)
    shorts = helper_piece(figure, "tights", "lower", cut, flare=0.02)
    height, arm = shorts.canonical[:, 2], shorts.canonical[:, 3] > 0.5
    assert not arm.any() and height.min() > 0.3 and height.max() < 1.1
    assert shorts.puff[height.argmin()] == pytest.approx(0.02) and shorts.puff[
        height.argmax()
    ] == pytest.approx(0)
    hidden = figure.canonical[shorts.hides]
    assert len(hidden) > 500 and ((hidden[:, 2] > 0.42) & (hidden[:, 2] < 0.97)).all()
    sleeveless = helper_piece(figure, "tights", "upper", Cut(low=0.8, high=1.4))
    long = helper_piece(figure, "tights", "upper", Cut(low=0.8, high=1.4, sleeve=0.7))
    assert len(long.triangles) > len(sleeveless.triangles) and (long.canonical[:, 3] > 0.5).any()


def test_paint_follows_its_pattern_and_the_textures_folds():
    colours = np.array([[200.0, 0, 0], [0, 200.0, 0], [0, 0, 200.0]])
    coords = np.zeros((4, 4))
    coords[:, 2] = [1.001, 1.051, 1.101, 1.151]  # 5 cm stripes
    grey = np.full((4, 3), 100.0)
    stripes = apply_paint(Paint("stripes", colours, scale=0.1), coords, grey, 100.0)
    assert np.allclose(stripes, colours[[0, 1, 0, 1]])
    folds = apply_paint(Paint("plain", colours, contrast=0.5), coords, grey * [[1], [0.8], [1.2], [0]], 100.0)
    assert np.allclose(folds[:, 0], [200, 180, 220, 100]) and (folds[:, 1:] == 0).all()
    texels = np.random.default_rng(0).uniform(0, 255, (4, 3))
    assert np.array_equal(apply_paint(Paint("original", colours), coords, texels, 100.0), texels)
