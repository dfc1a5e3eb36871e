"""Seats lie under the people who sit on them, and are no part of them."""

import numpy as np
import pytest

from tests.train.synthetic import SIZE
from train.synthesize.places.seats import seat
from train.synthesize.poses import rotation
from train.synthesize.render import Light, Surface, build_scene, render

FACING = rotation("x", 0.2) @ rotation("y", 2.0)


def sitting_points():
    """(V,3) in the body's axes and (V,) of pelvis and thighs: a trunk, thighs to the front, shins down."""
    rng = np.random.default_rng(0)
    trunk = rng.uniform([-0.15, 0, -0.1], [0.15, 0.6, 0.1], (300, 3))
    thighs = rng.uniform([-0.2, -0.08, -0.1], [0.2, 0.08, 0.45], (300, 3))
    shins = rng.uniform([-0.2, -0.5, 0.38], [0.2, 0, 0.5], (300, 3))
    return np.concatenate([trunk, thighs, shins]), np.repeat([False, True, False], 300)


def test_seats_stand_on_the_floor_under_the_thighs():
    body, seated = sitting_points()
    kinds = [seat(body @ FACING.T, seated, FACING, np.random.default_rng(i)) for i in range(60)]
    assert 1 <= kinds.count(None) <= 15
    for one in [kind for kind in kinds if kind is not None]:
        points = one.vertices @ FACING
        assert points[:, 1].min() == pytest.approx(body[:, 1].min(), abs=1e-9)
        at = (np.abs(points[:, 0]) < 5) & (points[:, 2] > body[seated, 2].min() - 0.02)
        assert points[at, 1].max() == pytest.approx(-0.08 + 0.015, abs=0.01)  # nothing higher under the body
        assert points[:, 2].max() < 0.45  # the shins are before it
        assert one.scenery


def test_scenery_hides_a_person_and_is_not_in_the_mask():
    def sheet(depth, scenery, left, right):
        corners = np.array(
            [[left, -1, depth], [right, -1, depth], [left, 1, depth], [right, 1, depth]], float
        )
        triangles = np.array([[0, 1, 2], [1, 3, 2]], np.uint32)
        return Surface(
            corners, triangles, lambda p, s: (np.full((len(p), 3), 100.0), np.ones(len(p), bool)), scenery
        )

    light = Light(np.array([0, 0, 1.0]), np.array([0, 1.0, 0]), 0.0, 1.0, np.ones(3), np.ones(3))
    surfaces = [sheet(0.0, False, -0.5, 0.5), sheet(0.2, True, -0.5, 0.0), sheet(-0.2, True, -0.5, 0.5)]
    seen = render(
        build_scene(surfaces), surfaces, np.array([0.9, 0, 0]), SIZE, light, np.random.default_rng(0), 2
    )
    assert (seen.coverage[100:150, 20:110] == 1).all()
    assert (seen.person[100:150, 20:60] == 0).all() and (seen.person[100:150, 70:110] == 1).all()
