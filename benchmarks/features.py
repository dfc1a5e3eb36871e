"""Synthetic descriptors of the sizes of real test sets, the same for every package measured."""

from pathlib import Path

import numpy as np

SIZES = {  # queries, gallery pictures, people, cameras
    "market1501": (3368, 15913, 750, 6),
    "msmt17": (11659, 82161, 3060, 15),
}
DIMENSIONS = 512
HARD = 0.35  # spread of the logarithm of a picture's noise: some pictures of a person are far from all others


def write_features(
    folder: Path, queries: int, gallery: int, people: int, cameras: int, noise: float, seed: int = 0
) -> None:
    """features.npz: unit descriptors around a centre per person, with people and cameras drawn at random.

    Noise of 1.8 gives the figures of a good model (mAP 0.86 at Market-1501's size), 30 those of an untrained one.
    """
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((people, DIMENSIONS), np.float32)
    data = {}
    for name, count in (("query", queries), ("gallery", gallery)):
        pids = np.arange(count) % people if name == "query" else rng.integers(0, people, count)
        features = rng.standard_normal((count, DIMENSIONS), np.float32)
        features *= noise * np.exp(HARD * rng.standard_normal((count, 1), np.float32))
        for person in range(people):
            features[pids == person] += centres[person]
        features /= np.linalg.norm(features, axis=1, keepdims=True)
        data |= {name: features, f"{name}_pids": pids, f"{name}_camids": rng.integers(0, cameras, count)}
    np.savez(folder / "features.npz", **data)


def write_distances(folder: Path) -> None:
    """distances.npy: cosine distances (Q, G), float32."""
    with np.load(folder / "features.npz") as data:
        np.save(folder / "distances.npy", 1 - data["query"] @ data["gallery"].T)
