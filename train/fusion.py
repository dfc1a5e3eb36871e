"""How much each feature counts in a descriptor: chosen on held-out people, once the network is trained."""

import itertools
import logging

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from threedsl.network import ThreeDSLNetwork
from threedsl.network.streams import ShapeStream, weigh
from threedsl.pipeline import combine
from train.retrieval import Descriptors, RetrievalSet

log = logging.getLogger("train")

SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Of the shape stream in the combined descriptor."""

TENTHS = 10
"""The steps in which the shares of the global feature and the parts are tried."""

SLACK = 0.005
"""Of mAP: choices this close to the best are as good, and their mean is taken. Few people are held out: which of those
is the very best is chance and differs from training to training."""


def choose_shares(
    network: ThreeDSLNetwork, data: RetrievalSet, query: Descriptors, gallery: Descriptors
) -> None:
    """Weigh the features of the shape descriptor, and then the two streams; the descriptors are the network's while
    the features counted alike."""
    stream = network.shape_stream
    if stream.parts is not None:
        widths = widths_of(stream)
        stream.part_shares = choose_part_shares(data, query, gallery, widths)
        query, gallery = (
            side | {"shape": weigh(granular(side["shape"], widths), stream.part_shares).numpy()}
            for side in (query, gallery)
        )
    network.shape_share = choose_share(data, query, gallery)


def choose_share(data: RetrievalSet, query: Descriptors, gallery: Descriptors) -> float:
    """The shape stream's share with the best mAP (`mean_of_best`).

    Where people change clothes it is the mean over the protocols cloth-changing and same-clothes: whoever searches by
    both streams does not know whether the clothes changed.
    """
    protocols, found = [name for name in data.protocols if name != "standard"] or data.protocols, {}
    for share in SHARES:
        both = [{"combined": combine(side["appearance"], side["shape"], share)} for side in (query, gallery)]
        scores = [data.score(*both, protocol)["combined"] for protocol in protocols]
        found[share] = float(np.mean([score.mean_average_precision for score in scores]))
    log.info(
        "%s, held-out people, mAP by the shape stream's share: %s",
        " and ".join(protocols),
        "  ".join(f"{share} {100 * value:.1f} %" for share, value in found.items()),
    )
    (chosen,) = mean_of_best({(share,): value for share, value in found.items()})
    return chosen


def choose_part_shares(
    data: RetrievalSet, query: Descriptors, gallery: Descriptors, widths: list[int]
) -> list[float]:
    """Shares of the shape descriptor's features with the best mAP under the set's first protocol (`mean_of_best`).

    Args:
        query, gallery: with "shape" as described while every share was above 0.
        widths: dimensions of the global feature and of each part's, in the descriptor's order.
    """
    protocol, found = data.protocols[0], {}
    sides = [granular(side["shape"], widths) for side in (query, gallery)]
    for tenths in compositions(TENTHS, len(widths)):
        shares = [tenth / TENTHS for tenth in tenths]
        both = [{"shape": weigh(features, shares).numpy()} for features in sides]
        found[tuple(shares)] = data.score(*both, protocol)["shape"].mean_average_precision
    chosen = mean_of_best(found)
    log.info(
        "%s, held-out people, mAP of the shape stream: %.1f %% at best, %.1f %% with the global feature alone; "
        "shares %s",
        *(protocol, 100 * max(found.values()), 100 * found[(1.0,) + (0.0,) * (len(widths) - 1)], chosen),
    )
    return list(chosen)


def mean_of_best(found: dict[tuple[float, ...], float]) -> tuple[float, ...]:
    """The mean of the choices (n numbers each) whose value is within SLACK of the best, to two decimals; what rounding
    leaves over goes to the largest, so that the sum stays."""
    best = max(found.values())
    good = np.array([choice for choice, value in found.items() if value >= best - SLACK])
    mean = good.mean(0)
    rounded = mean.round(2)
    rounded[mean.argmax()] += mean.sum() - rounded.sum()
    return tuple(rounded.round(2).tolist())


def widths_of(stream: ShapeStream) -> list[int]:
    """Dimensions of the global feature and of each part's."""
    return [neck.norm.num_features for neck in (stream.shape_neck, *stream.parts.necks)]


def granular(descriptor: NDArray[np.float32], widths: list[int]) -> list[Tensor]:
    """(N, sum of widths) -> the unit features it was put together from."""
    return [F.normalize(feature, dim=1) for feature in torch.from_numpy(descriptor).split(widths, dim=1)]


def compositions(total: int, count: int) -> list[tuple[int, ...]]:
    """All ways to write `total` as an ordered sum of `count` numbers of at least 0."""
    every = itertools.product(range(total + 1), repeat=count)
    return [numbers for numbers in every if sum(numbers) == total]
