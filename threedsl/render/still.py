"""Pictures of a body alone: a still from one side, and a turntable of stills all around it."""

import numpy as np

from threedsl.render.paint import paint_over

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

    eye = np.array([0, 0, distance])
    return paint_over(_ground(pixels, size), body, faces, pixels, depth, eye, colours=colours)


def _ground(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """RGB uint8 (H, W, 3): a plain ground, and a soft shadow on it under the body at `pixels` (V, 2)."""
    height, width = size
    ramp = np.linspace(0, 1, height)[:, None, None]
    rows = np.array(BACKGROUND[0]) * (1 - ramp) + np.array(BACKGROUND[1]) * ramp
    picture = np.repeat(rows.astype(np.uint8), width, axis=1)
    feet = pixels[pixels[:, 1] > np.quantile(pixels[:, 1], 0.97)]
    centre, base = (feet[:, 0].min() + feet[:, 0].max()) / 2, pixels[:, 1].max()
    half = (feet[:, 0].max() - feet[:, 0].min()) / 2 + 0.05 * height
    middle, reach = base - 0.012 * height, 0.035 * height
    band = slice(max(0, int(middle - reach)), max(0, int(middle + reach) + 1))
    y, x = np.ogrid[:height, :width]
    away = ((x + 0.5 - centre) / half) ** 2 + ((y[band] + 0.5 - middle) / reach) ** 2
    opacity = 0.3 * np.clip(1 - away, 0, 1) ** 1.5
    picture[band] = picture[band] * (1 - opacity[..., None]) + 0.5
    return picture
