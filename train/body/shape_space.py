"""Linear algebra of the body file: principal shapes, sparse regressors, reconstruction error."""

import numpy as np
from numpy.typing import NDArray


def principal_shapes(vertices: NDArray, components: int) -> tuple[NDArray, NDArray, NDArray]:
    """PCA of bodies (N, V, 3).

    Returns:
        mean (V, 3); directions (K, V, 3) scaled so that one unit is one standard deviation of the population;
        deviations (K,), the Euclidean length of each direction.
    """
    mean = vertices.mean(0, dtype=np.float64)
    centred = (vertices - mean).reshape(len(vertices), -1)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    order = np.argsort(values)[::-1][:components]
    singular = np.sqrt(np.maximum(values[order], 1e-12))
    axes = (vectors[:, order].T @ centred) / singular[:, None]
    deviations = singular / np.sqrt(len(vertices) - 1)
    return mean, (axes * deviations[:, None]).reshape(-1, *mean.shape), deviations


def betas_of(vertices: NDArray, mean: NDArray, directions: NDArray) -> NDArray:
    """(N, V, 3) T-posed bodies -> (N, K) least-squares betas; directions are orthogonal."""
    flat = directions.reshape(len(directions), -1).astype(np.float64)
    return (vertices - mean).reshape(len(vertices), -1) @ flat.T / (flat**2).sum(1)


def reconstruction_error(
    vertices: NDArray, mean: NDArray, directions: NDArray, deviations: NDArray
) -> dict[int, NDArray]:
    """Mean vertex distance in millimetres per body, for 1, 2, 5 and all betas."""
    betas = betas_of(vertices, mean, directions)
    errors = {}
    for count in sorted({1, 2, 5, len(deviations)}):
        rebuilt = mean + np.tensordot(betas[:, :count], directions[:count], 1)
        errors[count] = 1000 * np.linalg.norm(rebuilt - vertices, axis=-1).mean(1)
    return errors


def fit_regressor(
    vertices: NDArray,
    points: NDArray,
    template: NDArray,
    region: int = 2000,
    support: int = 128,
    ridge: float = 1e-6,
) -> NDArray:
    """Sparse weights (J, V), rows summing to 1, with weights @ vertices = points in the least-squares sense.

    A joint lies inside the body, so its support is spread over the `region` nearest vertices (all around it)
    instead of being the nearest ones (a patch on one side).

    Args:
        vertices: (N, V, 3) bodies; points: (N, J, 3) targets; template: (V, 3).
        ridge: pull towards equal weights, relative to the data term.
    """
    result = np.zeros((points.shape[1], vertices.shape[1]))
    centre = points.mean(0)
    for j in range(points.shape[1]):
        near = np.argsort(np.linalg.norm(template - centre[j], axis=1))[:region]
        chosen = near[spread(template[near], support)]
        bodies = vertices[:, chosen].astype(np.float64)
        # Weights that sum to one leave the support's centre free, so it is taken off both sides.
        origin = bodies.mean(1, keepdims=True)
        rows = np.moveaxis(bodies - origin, 1, 2).reshape(-1, len(chosen))
        target = (points[:, j] - origin[:, 0]).reshape(-1)
        scale = np.trace(rows.T @ rows) / len(chosen)
        normal = rows.T @ rows + scale * (ridge * np.eye(len(chosen)) + np.ones((len(chosen), len(chosen))))
        right = rows.T @ target + scale * (ridge / len(chosen) + 1)
        weights = np.linalg.solve(normal, right)
        result[j, chosen] = weights / weights.sum()
    return result


def spread(points: NDArray, count: int) -> NDArray:
    """(count,) indices of points (N, 3) far from each other: farthest-point sampling that starts at the first."""
    chosen = [0]
    distance = np.linalg.norm(points - points[0], axis=1)
    while len(chosen) < min(count, len(points)):
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.array(chosen)
