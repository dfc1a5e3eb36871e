"""Bodies drawn where the camera sees them, lit, in front of what is behind them, and over an unharmed photo."""

import cv2
import numpy as np
import pytest
import torch
import trimesh

from threedsl.body.camera import project
from threedsl.body.surface import SKIN, shaded, vertex_normals
from threedsl.render.overlay import BEYOND, draw_on_crop, draw_overlay

CAMERA = np.array([0.9, 0.1, -0.15], np.float32)


@pytest.fixture(scope="module")
def ball() -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=5, radius=0.5)


def photo(size: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)


def hull_mask(vertices: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Where a convex body is seen, from the convex hull of its projected vertices."""
    pixels, _ = project(torch.tensor(vertices, dtype=torch.float32)[None], torch.tensor(CAMERA)[None], size)
    hull = cv2.convexHull(pixels[0].numpy().astype(np.float32) - 0.5)
    return cv2.fillConvexPoly(np.zeros(size, np.uint8), np.round(hull * 16).astype(np.int32), 1, shift=4) > 0


@pytest.mark.parametrize("size", [(128, 64), (200, 300), (3000, 1500)])
def test_paints_the_projection_and_nothing_else(ball, size):
    image = photo(size)
    before = image.copy()
    drawn = draw_overlay(image, ball.vertices, CAMERA, ball.faces, opacity=1)
    assert drawn.dtype == np.uint8 and drawn.shape == image.shape
    assert (image == before).all()
    changed = (drawn != before).any(2)
    expected = hull_mask(np.array(ball.vertices), size)
    assert (changed & expected).sum() / (changed | expected).sum() > 0.97
    band = cv2.dilate(expected.astype(np.uint8), np.ones((7, 7))) > 0
    assert (drawn[~band] == before[~band]).all()


@pytest.mark.parametrize("size", [(256, 128), (256, 256), (200, 40)])
def test_on_a_crop_the_body_is_drawn_where_the_network_saw_it(ball, size):
    """The network saw every crop squeezed to half as wide as high; the hull drawn there is stretched with it."""
    grey = np.full((*size, 3), 90, np.uint8)
    drawn = draw_on_crop(grey, ball.vertices, CAMERA, ball.faces, aspect=0.5)
    assert drawn.shape == grey.shape and (grey == 90).all()
    changed = np.abs(drawn.astype(int) - grey).sum(2) > 30
    seen = hull_mask(np.array(ball.vertices), (400, 200)).astype(np.uint8)
    expected = cv2.resize(seen, size[::-1], interpolation=cv2.INTER_AREA) > 0
    assert (changed & expected).sum() / (changed | expected).sum() > 0.95


def test_beyond_the_photo_a_crop_is_plain_and_cut_off_where_no_body_reaches(ball):
    """The crop's left quarter and lower half are repeated pixels; the ball reaches into the latter alone."""
    crop = np.full((400, 200, 3), (255, 0, 0), np.uint8)
    inside = slice(0, 200), slice(50, 200)
    crop[inside] = (0, 120, 0)
    drawn = draw_on_crop(crop, ball.vertices * 0.5, CAMERA, ball.faces, 0.5, inside)
    low = np.flatnonzero(hull_mask(np.array(ball.vertices) * 0.5, (400, 200)).any(1)).max()
    assert low > 210, "the ball leaves the photo"
    assert drawn.shape[1] == 150 and low < drawn.shape[0] < low + 15
    assert not (drawn == (255, 0, 0)).all(2).any() and (drawn[200:] == BEYOND).all(2).any()
    assert (drawn[0] == (0, 120, 0)).all()


def test_opacity_lets_the_photo_show_through(ball):
    image = np.full((128, 64, 3), (255, 0, 0), np.uint8)
    solid = draw_overlay(image, ball.vertices, CAMERA, ball.faces, opacity=1).astype(float)
    half = draw_overlay(image, ball.vertices, CAMERA, ball.faces, opacity=0.5).astype(float)
    inside = cv2.erode(hull_mask(np.array(ball.vertices), (128, 64)).astype(np.uint8), np.ones((5, 5))) > 0
    np.testing.assert_allclose(half[inside], (solid[inside] + image[inside]) / 2, atol=1.5)
    colour = solid[inside].mean(0)
    np.testing.assert_allclose(colour / colour.max(), np.array(SKIN) / max(SKIN), atol=0.02)


def test_brightest_towards_the_camera_darker_at_the_rim(ball):
    drawn = draw_overlay(
        np.zeros((256, 256, 3), np.uint8), ball.vertices, CAMERA, ball.faces, opacity=1
    ).mean(2)
    distance = cv2.distanceTransform(
        hull_mask(np.array(ball.vertices), (256, 256)).astype(np.uint8), cv2.DIST_L2, 5
    )
    middle, rim = drawn[distance > 0.8 * distance.max()].mean(), drawn[(distance > 2) & (distance < 5)].mean()
    assert middle > 1.5 * rim > 0


def test_the_nearer_surface_hides_the_farther_one(ball):
    """A ball behind a wall makes no difference; the same ball in front of it does."""
    image = np.zeros((128, 128, 3), np.uint8)
    wall = trimesh.creation.box((0.6, 0.6, 0.1)).subdivide().subdivide().subdivide()

    def picture(z: float) -> np.ndarray:
        pair = trimesh.util.concatenate([wall, ball.copy().apply_scale(0.4).apply_translation([0, 0, z])])
        return draw_overlay(image, pair.vertices, np.array([0.9, 0, 0]), pair.faces, opacity=1).astype(float)

    alone = draw_overlay(image, wall.vertices, np.array([0.9, 0, 0]), wall.faces, opacity=1).astype(float)
    assert np.abs(picture(-0.6) - alone).max() == 0
    assert np.abs(picture(0.6) - alone).max() > 20


def test_outlines_are_antialiased(ball):
    drawn = draw_overlay(np.zeros((128, 128, 3), np.uint8), ball.vertices, CAMERA, ball.faces, opacity=1)
    rim = drawn[..., 2][(drawn[..., 2] > 0)]
    assert ((rim > 5) & (rim < 60)).sum() > 50


def test_keypoints_are_marked_and_unseen_ones_are_not(ball):
    image = np.zeros((256, 128, 3), np.uint8)
    far = np.array([[0, 50.0, 0]]) + np.array(ball.vertices)  # the body is out of the picture
    keypoints = np.full((17, 3), np.nan)
    keypoints[5], keypoints[7], keypoints[9] = (30.5, 40.5, 1), (60.5, 90.5, 0.8), (100.5, 200.5, 0)
    drawn = draw_overlay(image, far, CAMERA, ball.faces, keypoints)
    assert drawn[40, 30].max() > 200 and drawn[90, 60].max() > 200
    assert drawn[65, 45].max() > 100
    assert drawn[150:].max() == 0
    assert image.max() == 0


@pytest.mark.parametrize("shift", [(0, 50, 0), (0, 0, 50), (1e12, 0, 0), (np.nan, 0, 0)])
def test_bodies_that_cannot_be_seen_leave_the_photo_alone(ball, shift):
    image = photo((64, 32))
    drawn = draw_overlay(image, np.array(ball.vertices) + shift, CAMERA, ball.faces)
    assert (drawn == image).all()


@pytest.mark.parametrize(
    "image", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3)), np.zeros((8, 8, 4), np.uint8)]
)
def test_refuses_other_pictures(ball, image):
    with pytest.raises(ValueError, match="RGB uint8"):
        draw_overlay(image, ball.vertices, CAMERA, ball.faces)


def test_vertex_normals_of_a_ball_point_outward(ball):
    normals = vertex_normals(np.array(ball.vertices), np.array(ball.faces))
    np.testing.assert_allclose(normals, np.array(ball.vertices) / 0.5, atol=0.01)


def test_shading_is_bright_above_in_front_and_dark_below(ball):
    colours = shaded(np.array(ball.vertices), np.array(ball.faces), (200, 100, 50)).astype(float)
    up, low = ball.vertices[:, 1] > 0.45, ball.vertices[:, 1] < -0.45
    front, side = ball.vertices[:, 2] > 0.45, np.abs(ball.vertices[:, 0]) > 0.48
    assert colours[up | front].mean() > 1.15 * colours[side].mean() > 1.15 * colours[low].mean()
    np.testing.assert_allclose(colours[:, 0], 2 * colours[:, 1], atol=1.5)
    assert colours[:, 0].max() <= 200 and colours[:, 0].min() > 60, "nowhere black"
