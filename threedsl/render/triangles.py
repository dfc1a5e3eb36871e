"""Filling many small triangles at once; NumPy alone.

One OpenCV call per triangle spends most of its time on the call. Here every row that a triangle crosses is a span from
its left to its right edge, and all spans of all triangles are computed and written together.
"""

from collections.abc import Iterator

import numpy as np

_AT_ONCE = 4_000_000  # pixels in the bounding boxes of triangles filled together, which bounds the memory
_EDGE = 1 / 64  # pixels: centres this close to an edge belong to it, so that neighbours leave no gap


def fill_triangles(canvas: np.ndarray, x: np.ndarray, y: np.ndarray, values: np.ndarray) -> None:
    """Write each triangle's value into the pixels whose centres it covers, later triangles over earlier ones.

    canvas: (H, W) or (H, W, C), C-contiguous; changed in place.
    x, y: (3, N) finite float32, columns and rows of the corners; the centre of the top left pixel is (0.5, 0.5).
    values: (N,) or (N, C) of the canvas's type.
    """
    height, width = canvas.shape[:2]
    x, y = _from_top_to_bottom(x, y)
    low, high = extent(x)
    first = np.clip(np.ceil(y[0] - (0.5 + _EDGE)), 0, height).astype(np.int32)
    last = np.clip(np.floor(y[2] - (0.5 - _EDGE)), -1, height - 1).astype(np.int32)
    rows = np.maximum(last - first + 1, 0)
    columns = np.clip(high, 0, width) - np.clip(low, 0, width) + 1
    flat = canvas.reshape(-1, *canvas.shape[2:])
    for part in _parts(rows * columns):
        pixels, owner = _covered(x[:, part], y[:, part], first[part], rows[part], width)
        # NumPy keeps the last of several values written to one place.
        flat[pixels] = values[part][owner]


def extent(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest of three corners, (3, N) to twice (N,); NumPy's own reductions of three are slow."""
    one, two, three = values
    return np.minimum(np.minimum(one, two), three), np.maximum(np.maximum(one, two), three)


def _from_top_to_bottom(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same triangles, each with its corners ordered by row."""
    x, y = list(x), list(y)
    for one, two in ((0, 1), (1, 2), (0, 1)):
        wrong = y[one] > y[two]
        for values in (x, y):
            swapped = np.where(wrong, values[two], values[one]), np.where(wrong, values[one], values[two])
            values[one], values[two] = swapped
    return np.stack(x), np.stack(y)


def _parts(pixels: np.ndarray) -> Iterator[slice]:
    """Runs of triangles with at most _AT_ONCE pixels together, or of one triangle."""
    start, total = 0, np.concatenate([[0], np.cumsum(pixels, dtype=np.float64)])
    while start < len(pixels):
        stop = int(np.searchsorted(total, total[start] + _AT_ONCE, side="right")) - 1
        stop = max(stop, start + 1)
        yield slice(start, stop)
        start = stop


def _covered(
    x: np.ndarray, y: np.ndarray, first: np.ndarray, rows: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions in the flat canvas, and the triangle of each; corners (3, N) from top to bottom."""
    low, high = extent(x)
    triangle = np.repeat(np.arange(len(rows), dtype=np.int32), rows)
    row = (
        np.arange(len(triangle), dtype=np.int32)
        + (first - (np.cumsum(rows) - rows)).astype(np.int32)[triangle]
    )
    centre = row + np.float32(0.5)
    # One end of a span lies on the edge from the top to the bottom corner, the other on one of the two short edges.
    one = x[0][triangle] + _slope(x, y, 0, 2)[triangle] * (centre - y[0][triangle])
    below = centre - y[1][triangle]
    short = np.concatenate([_slope(x, y, 0, 1), _slope(x, y, 1, 2)])
    other = x[1][triangle] + short[triangle + len(rows) * (below > 0)] * below
    # Within a triangle's own columns: a row just above or below it would lengthen an edge that is nearly level.
    left = np.maximum(np.minimum(one, other), low[triangle])
    right = np.minimum(np.maximum(one, other), high[triangle])
    left = np.clip(np.ceil(left - (0.5 + _EDGE)), 0, width).astype(np.int32)
    right = np.clip(np.floor(right - (0.5 - _EDGE)), -1, width - 1).astype(np.int32)
    length = np.maximum(right - left + 1, 0)
    starts = row * width + left - (np.cumsum(length, dtype=np.int32) - length)
    pixels = np.arange(length.sum(), dtype=np.int32) + np.repeat(starts, length)
    return pixels, np.repeat(triangle, length)


def _slope(x: np.ndarray, y: np.ndarray, one: int, two: int) -> np.ndarray:
    """Columns per row (N,) from one corner to the other, which is not above it."""
    return (x[two] - x[one]) / np.maximum(y[two] - y[one], np.float32(1e-6))
