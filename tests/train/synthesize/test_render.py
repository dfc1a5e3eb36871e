"""Ray-cast pictures against the camera's projection."""

import numpy as np
import pytest

from tests.train.synthetic import SIZE
from train.synthesize.capture import project_points
from train.synthesize.render import Light, Surface, build_scene, camera_position, render


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
