"""Pictures of a body alone: a still from one side, and a turntable of stills all around it."""

import numpy as np

from threedsl.render.overlay import blend, paint

BACKGROUND = (244, 245, 247), (222, 225, 230)
"""RGB at the top and the bottom of a still."""
TURNTABLE = (384, 240)
"""Height and width in pixels of a turntable's pictures."""
VIEWS = 30
"""Pictures of a turntable, 12 degrees apart."""
_FILLED = 0.86, 0.88  # shares of the height and the width that a body may take


def draw_still(
    vertices: np.ndarray,
    faces: np.ndarray,
    size: tuple[int, int],
    yaw_degrees: float = 30,
    colours: np.ndarray | None = None,
) -> np.ndarray:
    """The body alone, turned to its left about the vertical, filling a plain picture RGB uint8 of size (H, W).

    vertices: (V, 3), y up, facing +z at yaw 0; any unit. faces: (F, 3), counter-clockwise seen from outside.
    colours: (V, 3) sRGB uint8 of a fully lit vertex; SKIN without.
    """
    body = _turned(np.asarray(vertices, float), yaw_degrees)
    low, high = body.min(0), body.max(0)
    return _draw(body - (low + high) / 2, faces, size, np.maximum(high - low, 1e-6), colours)


def draw_turntable(
    vertices: np.ndarray, faces: np.ndarray, size: tuple[int, int] = TURNTABLE, views: int = VIEWS
) -> list[np.ndarray]:
    """`views` stills, RGB uint8 of size (H, W), of one turn about the vertical, the first as `draw_still` at yaw 0.

    The body keeps its size and its axis through all of them. vertices, faces: as in draw_still.
    """
    body = np.asarray(vertices, float)
    low, high = body.min(0), body.max(0)
    body = body - (low + high) / 2
    across = 2 * np.linalg.norm(body[:, [0, 2]], axis=1).max()
    extent = np.maximum([across, high[1] - low[1], across], 1e-6)
    return [_draw(_turned(body, 360 * i / views), faces, size, extent) for i in range(views)]


def _turned(body: np.ndarray, yaw_degrees: float) -> np.ndarray:
    yaw = np.deg2rad(yaw_degrees)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    return body @ turn.T


def _draw(
    body: np.ndarray,
    faces: np.ndarray,
    size: tuple[int, int],
    extent: np.ndarray,
    colours: np.ndarray | None = None,
) -> np.ndarray:
    """A body (V, 3) about the origin on a plain ground, `extent` (x, y, z) filling the picture."""
    height, width = size
    scale = min(_FILLED[0] * height / extent[1], _FILLED[1] * width / extent[0])
    # Far enough away for a natural perspective; the nearest parts then stay inside the margins.
    distance = 4 * extent.max()
    depth = distance - body[:, 2]
    pixels = np.stack([body[:, 0], -body[:, 1]], 1) * (scale * distance / depth)[:, None] + [
        width / 2,
        height / 2,
    ]

    ramp = np.linspace(0, 1, height)[:, None, None]
    picture = np.array(BACKGROUND[0]) * (1 - ramp) + np.array(BACKGROUND[1]) * ramp
    picture = np.broadcast_to(picture, (height, width, 3)).astype(np.uint8)
    picture = blend(picture, np.zeros((*size, 3), np.float32), _shadow(pixels, size))
    eye = np.array([0, 0, distance])
    return blend(picture, *paint(body, faces, pixels, depth, eye, size, colours))


def _shadow(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Opacity (H, W) of a soft shadow on the ground under the body."""
    feet = pixels[pixels[:, 1] > np.quantile(pixels[:, 1], 0.97)]
    centre, base = (feet[:, 0].min() + feet[:, 0].max()) / 2, pixels[:, 1].max()
    half = (feet[:, 0].max() - feet[:, 0].min()) / 2 + 0.05 * size[0]
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    away = ((x - centre) / half) ** 2 + ((y - base + 0.012 * size[0]) / (0.035 * size[0])) ** 2
    return 0.3 * np.clip(1 - away, 0, 1) ** 1.5
