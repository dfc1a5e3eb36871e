"""Bodies alone: they fill the picture, and turn about themselves without growing."""

import numpy as np
import pytest
import trimesh

from threedsl.render.still import BACKGROUND, draw_still, draw_turntable


def drawn(picture: np.ndarray) -> np.ndarray:
    """Where the body is: it alone is blue."""
    return picture[..., 2].astype(int) - picture[..., 0] > 20


def test_still_fills_the_picture_and_turns():
    box = trimesh.creation.box((0.5, 1.8, 0.1)).subdivide().subdivide().subdivide().subdivide()

    def extent(yaw: float) -> tuple[int, int]:
        picture = draw_still(box.vertices + [5, -3, 2], box.faces, (300, 200), yaw).astype(int)
        assert picture.shape == (300, 200, 3)
        assert (
            np.abs(picture[0, 0] - BACKGROUND[0]).max() <= 1
            and np.abs(picture[-1, -1] - BACKGROUND[1]).max() <= 1
        )
        rows, columns = np.nonzero(picture[..., 2] - picture[..., 0] > 20)  # the body alone is blue
        return np.ptp(rows) + 1, np.ptp(columns) + 1

    (front_height, front_width), (_, side_width) = extent(0), extent(90)
    assert 0.8 * 300 < front_height < 300
    assert front_width / front_height == pytest.approx(0.5 / 1.8, abs=0.03)
    assert side_width < 0.45 * front_width


def test_positive_yaw_turns_the_face_to_the_right_of_the_picture():
    nose = trimesh.creation.icosphere(subdivisions=3, radius=0.1).apply_translation([0, 0.7, 0.4])
    head = trimesh.creation.icosphere(subdivisions=4, radius=0.3).apply_translation([0, 0.7, 0])
    trunk = trimesh.creation.icosphere(subdivisions=4, radius=0.4)
    person = trimesh.util.concatenate([trunk, head, nose])

    def lead(yaw: float) -> float:
        """How far the head, nose included, lies to the right of the trunk, in pixels."""
        picture = draw_still(person.vertices, person.faces, (200, 200), yaw).astype(int)
        body = picture[..., 2] - picture[..., 0] > 20
        return np.nonzero(body[20:60])[1].mean() - np.nonzero(body[120:170])[1].mean()

    assert lead(80) > 3 and abs(lead(0)) < 1 and lead(-80) < -3


def test_a_turntable_keeps_size_and_axis_and_comes_round():
    box = trimesh.creation.box((0.5, 1.8, 0.1)).subdivide().subdivide().subdivide().subdivide()
    nose = trimesh.creation.icosphere(subdivisions=3, radius=0.1).apply_translation([0, 0.5, 0.1])
    person = trimesh.util.concatenate([box, nose])
    pictures = draw_turntable(person.vertices + [5, -3, 2], person.faces, (300, 200), 8)
    assert len(pictures) == 8 and {picture.shape for picture in pictures} == {(300, 200, 3)}
    heights, widths = (
        [np.ptp(np.nonzero(drawn(picture))[axis]) + 1 for picture in pictures] for axis in (0, 1)
    )
    assert max(heights) - min(heights) <= 0.04 * 300, "only perspective changes it"
    assert widths[2] < 0.6 * widths[0] and widths[6] < 0.6 * widths[0], "a quarter turn shows the side"
    middles = [np.nonzero(drawn(picture))[1].mean() for picture in pictures[::4]]
    assert middles == pytest.approx([100, 100], abs=1), "the axis stays in the middle"

    def lead(picture: np.ndarray) -> float:
        return float(
            np.nonzero(drawn(picture)[50:120])[1].mean() - np.nonzero(drawn(picture)[200:270])[1].mean()
        )

    assert lead(pictures[2]) > 1 > -1 > lead(pictures[6]), "the nose points right, and half a turn later left"
