"""Straight lines through measured points, and what they say of sizes that were not measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Growth for one more of `sizes`: the slope of the line of least squares, with an intercept."""
    return float(np.polyfit(sizes, values, 1)[0])


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """p of values ~ size ** p: the slope of the line of least squares through the logarithms."""
    return slope(np.log(sizes), np.log(values))


def at(size: float, sizes: Sequence[float], values: Sequence[float]) -> float:
    """The value expected at a larger size, from the largest one measured and the exponent."""
    return float(values[-1]) * (size / sizes[-1]) ** exponent(sizes, values)
