"""Retrieval by single features of the shape descriptor: the global feature and the parts of MGS."""

import torch

from threedsl.network import ThreeDSLNetwork
from train.measure.gallery_size import by_size
from train.measure.retrieval import RetrievalSet
from train.measure.shares import feature_widths, split_features

FEATURES = ("whole body", "head and shoulders", "trunk", "legs")
"""The global feature and, in the order of threedsl.network.parts.BANDS, the parts'."""


def evaluate_features(
    network: ThreeDSLNetwork, data: RetrievalSet, dressed_alike: RetrievalSet | None, seed: int
) -> dict[str, dict]:
    """Share and figures by feature: {"share": …, "as they like": {"100 people": {"rank-1": …}}, "alike": …}.

    Figures are those of `train.measure.gallery_size.by_size`; "alike" is left out without a set of people dressed
    alike. Empty for a network without parts.
    """
    stream = network.shape_stream
    if stream.parts is None:
        return {}
    chosen = stream.part_shares
    found = {name: {"share": share} for name, share in zip(FEATURES, chosen, strict=True)}
    stream.part_shares = [1 / len(chosen)] * len(chosen)  # a share of 0 would leave nothing to evaluate
    for kind, people in (("as they like", data), ("alike", dressed_alike)):
        if people is None:
            continue
        sides = [split_features(side["shape"], feature_widths(stream)) for side in people.describe(network)]
        for name, query, gallery in zip(FEATURES, *sides, strict=True):
            found[name][kind] = by_size(
                torch.cat([query, gallery]).numpy(), people.labels, people.records, seed
            )
    stream.part_shares = chosen
    return found
