"""Figures by sex, build and skin of the people searched for, where a dataset records them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threedsl.evaluation.metrics import Scores
from train.measure.retrieval import means, per_query
from train.synthesize.truth import read_traits

BUILDS = ("slim", "medium", "heavy")
"""Thirds of the people measured, by the body model's weight."""

TONES = ("dark", "medium", "light")
"""Thirds of the people measured, by the brightness of the skin's texture."""


def evaluate_groups(
    root: Path, ranked: dict[str, dict[str, Scores]], pids: NDArray, stream: str, seed: int
) -> dict | None:
    """One stream's scores by protocol and group of people, each group's queries against the whole gallery.

    Args:
        ranked: scores by protocol and stream.
        pids: (Q,) the identity of every query.

    Returns:
        {group: {"people": n, protocol: {metric: {"value", "interval"}}}}, None where the dataset records no traits.
    """
    traits = read_traits(root)
    if traits is None:
        return None
    groups = groups_of({pid: traits[pid] for pid in np.unique(pids).tolist()})
    return {
        group: {"people": len(people)}
        | {protocol: figures_of(streams[stream], pids, people, seed) for protocol, streams in ranked.items()}
        for group, people in groups.items()
    }


def groups_of(traits: dict[str, dict[str, float]]) -> dict[str, list[str]]:
    """{group: identities}: women and men, and thirds by weight and by skin."""
    people = sorted(traits)
    found = {
        "women": [pid for pid in people if traits[pid]["female"] > 0.5],
        "men": [pid for pid in people if traits[pid]["female"] <= 0.5],
    }
    for trait, names in (("weight", BUILDS), ("skin", TONES)):
        ordered = sorted(people, key=lambda pid: (traits[pid][trait], pid))
        for name, third in zip(names, np.array_split(ordered, len(names)), strict=True):
            found[f"{name} build" if trait == "weight" else f"{name} skin"] = third.tolist()
    return {group: members for group, members in found.items() if members}


def figures_of(scores: Scores, pids: NDArray, people: list[str], seed: int) -> dict:
    """Means over the queries of some people, with 95 % intervals from resampling these."""
    asked = pids[scores.query]
    chosen = np.isin(asked, people)
    return means({name: values[chosen] for name, values in per_query(scores).items()}, asked[chosen], seed)
