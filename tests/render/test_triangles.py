"""Triangles filled all at once, against one point-in-triangle test per pixel and against OpenCV."""

import cv2
import numpy as np
import pytest

from threedsl.render import triangles
from threedsl.render.triangles import fill_triangles


def filled(corners: np.ndarray, size: tuple[int, int], values: np.ndarray | None = None) -> np.ndarray:
    """An int32 canvas with each triangle's value, by default its number from 1; corners (N, 3, 2)."""
    corners = np.asarray(corners, np.float32)
    values = np.arange(1, len(corners) + 1, dtype=np.int32) if values is None else values
    canvas = np.zeros((*size, *values.shape[1:]), values.dtype)
    fill_triangles(canvas, corners[..., 0].T, corners[..., 1].T, values)
    return canvas


def distances(triangle: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """How far inside (positive) or outside each pixel's centre lies, by the nearest edge's line, (H, W)."""
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    if np.linalg.det(triangle[1:] - triangle[0]) < 0:
        triangle = triangle[::-1]
    ends = zip(triangle, np.roll(triangle, -1, 0), strict=True)
    lines = [
        ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / np.linalg.norm(b - a) for a, b in ends
    ]
    return np.min(lines, 0)


@pytest.mark.parametrize("spread", [3, 40, 400])
def test_covers_the_pixels_whose_centres_are_inside_and_the_last_one_wins(spread):
    rng = np.random.default_rng(spread)
    size = 37, 53
    middles = rng.uniform(-5, 58, (60, 1, 2))
    corners = (middles + rng.normal(0, spread, (60, 3, 2))).astype(np.float32)
    canvas = filled(corners, size)
    expected, sure = np.zeros(size, np.int32), np.ones(size, bool)
    for number, triangle in enumerate(corners.astype(float), 1):
        inside = distances(triangle, size)
        expected[inside > 0] = number
        sure &= np.abs(inside) > 0.05
    assert sure.mean() > 0.2 and (canvas > 0).any()
    np.testing.assert_array_equal(canvas[sure], expected[sure])


def test_triangles_that_share_edges_leave_no_gap():
    """A grid of points moved at random, two triangles a cell; its inside is covered without a hole."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:24, :24] * 2.7
    points = np.stack([x, y], 2) + rng.uniform(-0.9, 0.9, (24, 24, 2))
    a, b, c, d = points[:-1, :-1], points[:-1, 1:], points[1:, :-1], points[1:, 1:]
    corners = np.concatenate([np.stack(one, 2).reshape(-1, 3, 2) for one in ((a, b, c), (b, d, c))])
    canvas = filled(corners, (62, 62))
    assert (canvas[2:-2, 2:-2] > 0).all()


def test_agrees_with_opencv_but_for_the_outline():
    rng = np.random.default_rng(2)
    corners = rng.uniform(5, 95, (30, 3, 2)).astype(np.float32)
    for triangle in corners:
        ours = filled(triangle[None], (100, 100)) > 0
        fixed = np.round((triangle - 0.5) * 16).astype(np.int32)
        theirs = cv2.fillConvexPoly(np.zeros((100, 100), np.uint8), fixed, 1, cv2.LINE_8, 4) > 0
        assert not (ours & ~theirs).any(), "OpenCV draws the outline as well"
        assert not (cv2.erode(theirs.astype(np.uint8), np.ones((3, 3))).astype(bool) & ~ours).any()


def test_level_edges_points_and_triangles_beyond_the_canvas():
    corners = [
        [(2.5, 3), (8.5, 3), (5.5, 9)],  # a level edge above
        [(12.5, 9), (18.5, 9), (15.5, 3)],  # and below
        [(5, 15.4), (5, 15.4), (5, 15.4)],  # a point between centres
        [(-900, -900), (-800, -900), (-900, -800)],
        [(25, -50), (35, -50), (30, 80)],  # through the whole height
    ]
    canvas = filled(corners, (20, 40))
    assert set(np.unique(canvas)) == {0, 1, 2, 5}
    assert np.flatnonzero((canvas == 1).any(1)).tolist() == list(range(3, 9))
    assert np.flatnonzero((canvas == 2).any(1)).tolist() == list(range(3, 9))
    assert (canvas == 5).any(1).all()


def test_several_channels_and_many_parts_make_no_difference(monkeypatch):
    rng = np.random.default_rng(3)
    corners = rng.uniform(-10, 70, (200, 3, 2))
    values = rng.integers(1, 255, (200, 4), dtype=np.uint8)
    whole = filled(corners, (60, 50), values)
    monkeypatch.setattr(triangles, "_AT_ONCE", 2_000)
    np.testing.assert_array_equal(filled(corners, (60, 50), values), whole)
    for channel in range(4):
        np.testing.assert_array_equal(
            filled(corners, (60, 50), values[:, channel].copy()), whole[..., channel]
        )


def test_nothing_to_fill():
    assert not filled(np.zeros((0, 3, 2)), (5, 5)).any()
