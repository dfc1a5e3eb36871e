"""Accuracy and consistency of predicted betas, where a dataset has ground truth (truth.npz)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threedsl.data.listfile import read_list
from threedsl.network import ThreeDSLNetwork
from train.data.dataset import load_crops
from train.measure.bodies.pose_quality import regress
from train.synthesize.truth import read_truth

PEOPLE = 100


def evaluate_shapes(network: ThreeDSLNetwork, root: Path, size: tuple[int, int], seed: int) -> dict | None:
    """Figures of PEOPLE people drawn from query and gallery, all their pictures; None without truth.npz."""
    records = read_list(root / "list" / "query.txt", root) + read_list(root / "list" / "gallery.txt", root)
    people = sorted({record.pid for record in records})
    drawn = {people[i] for i in np.random.default_rng(seed).permutation(len(people))[:PEOPLE]}
    records = [record for record in records if record.pid in drawn]
    truth = read_truth(root, records)
    if truth is None:
        return None
    pids, clothes = (np.array([getattr(record, name) for record in records]) for name in ("pid", "clothes"))
    found, _ = regress(network, load_crops(records, size))
    return {"people": len(drawn), "pictures": len(records)} | compare_betas(
        found.numpy(), truth.betas.numpy(), pids, clothes
    )


def correlation(first: NDArray, second: NDArray) -> float:
    """Pearson's correlation of (N,) and (N,); 0 if one of them is constant."""
    if not first.std() or not second.std():
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def compare_betas(predicted: NDArray, truth: NDArray, pids: NDArray, clothes: NDArray) -> dict[str, float]:
    """Errors against the truth, and how often pictures of one person in other clothes are nearer than other people's.

    Args:
        predicted, truth: (N, 10) betas, in standard deviations of the population.
        pids, clothes: (N,) labels; every person in two outfits or more.

    Returns:
        "mean error" and "mean error of the mean body" (all betas 0), absolute; "correlation of beta 1" to 3, over
        pictures; "distance in other clothes", "distance between people": means of Euclidean distances; and "nearer in
        other clothes": how often a person's picture in other clothes is nearer than another person's picture, 0.5 by
        chance.
    """
    figures = {
        "mean error": float(np.abs(predicted - truth).mean()),
        "mean error of the mean body": float(np.abs(truth).mean()),
    }
    for beta in range(3):
        figures[f"correlation of beta {beta + 1}"] = correlation(predicted[:, beta], truth[:, beta])
    squares = (predicted**2).sum(1)
    squared = squares[:, None] + squares[None] - 2 * predicted @ predicted.T
    distance = np.sqrt(np.maximum(squared, 0))
    person = pids[:, None] == pids[None]
    changed, others = person & (clothes[:, None] != clothes[None]), ~person
    nearer = []
    for row, own, other in zip(distance, changed, others, strict=True):
        ordered = np.sort(row[other])
        below = np.searchsorted(ordered, row[own], side="left")
        upto = np.searchsorted(ordered, row[own], side="right")
        nearer.append(1 - (below + upto) / (2 * len(ordered)))
    return figures | {
        "distance in other clothes": float(distance[changed].mean()),
        "distance between people": float(distance[others].mean()),
        "nearer in other clothes": float(np.concatenate(nearer).mean()),
    }
