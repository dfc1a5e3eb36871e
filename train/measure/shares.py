"""The weight of each feature in a descriptor, chosen on the validation people once the network is trained."""

import itertools
import logging
from collections.abc import Container

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from threedsl.descriptors import combine
from threedsl.network import ThreeDSLNetwork
from threedsl.network.streams import ShapeStream, weigh
from train.measure.retrieval import DescriptorsByStream, RetrievalSet

log = logging.getLogger("train")

SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Candidates for the weight of the shape stream in the combined descriptor."""

CAPPED_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)
"""The same under the rule `capped`."""

TENTHS = 10
"""The shares of the global feature and the parts are tried in steps of 1 / TENTHS."""

SLACK = 0.005
"""Choices whose mAP is this close to the best are averaged: with few validation people, which of them is best is chance
and differs between trainings."""


RULES = ("best", "capped")
"""How shares are chosen. best: by mAP, that across clothes among it. capped: as much weight for the parts, and at most
half for the shape stream, as costs no more than CAP of the same-clothes mAP. On synthetic people the first rewards
what does not carry over to real ones: nets rank the other way round there (docs/results.md)."""

CAP = 0.02
"""Of mAP."""

LARGEST_PARTS = 6
"""Tenths of the shape descriptor's similarity that the parts get at most under `capped`."""


def choose_shares(
    network: ThreeDSLNetwork,
    data: RetrievalSet,
    query: DescriptorsByStream,
    gallery: DescriptorsByStream,
    rule: str = "best",
) -> None:
    """Weight the features of the shape descriptor, then the two streams, by one of RULES; the descriptors given are the
    network's with equal shares."""
    stream = network.shape_stream
    capped = rule == "capped"
    if stream.parts is not None:
        widths = feature_widths(stream)
        choose = capped_part_shares if capped else choose_part_shares
        stream.part_shares = choose(data, query, gallery, widths)
        query, gallery = (
            side | {"shape": weigh(split_features(side["shape"], widths), stream.part_shares).numpy()}
            for side in (query, gallery)
        )
    network.shape_share = (capped_share if capped else choose_share)(data, query, gallery)


def capped_share(data: RetrievalSet, query: DescriptorsByStream, gallery: DescriptorsByStream) -> float:
    """The largest share of the shape stream, up to a half, under `capped`; the best mAP is that of any share, none
    among them."""
    found = {0.0: _same_clothes(data, query, gallery, "appearance")}
    for share in CAPPED_SHARES:
        both = [{"combined": combine(side["appearance"], side["shape"], share)} for side in (query, gallery)]
        found[share] = _same_clothes(data, *both, "combined")
    log.info(
        "%s mAP, validation people, by the shape stream's share: %s",
        *(where_clothes_stay(data.protocols), _in_percent(found)),
    )
    return largest_within(found, CAP) or CAPPED_SHARES[0]


def capped_part_shares(
    data: RetrievalSet, query: DescriptorsByStream, gallery: DescriptorsByStream, widths: list[int]
) -> list[float]:
    """Shares of the global feature and the parts under `capped`; the parts share theirs equally.

    Arguments as of `choose_part_shares`.
    """
    sides = [split_features(side["shape"], widths) for side in (query, gallery)]
    parts, found = len(widths) - 1, {}
    for tenths in range(LARGEST_PARTS + 1):
        shares = [1 - tenths / TENTHS, *[tenths / TENTHS / parts] * parts]
        both = [{"shape": weigh(features, shares).numpy()} for features in sides]
        found[tenths / TENTHS] = _same_clothes(data, *both, "shape")
    log.info(
        "%s mAP of the shape stream, validation people, by the parts' share: %s",
        *(where_clothes_stay(data.protocols), _in_percent(found)),
    )
    chosen = largest_within(found, CAP)
    each = round(chosen / parts, 4)
    return [round(1 - parts * each, 4), *[each] * parts]


def largest_within(found: dict[float, float], slack: float) -> float:
    """The largest share whose value is within `slack` of the best."""
    best = max(found.values())
    return max(share for share, value in found.items() if value >= best - slack)


def where_clothes_stay(protocols: Container[str]) -> str:
    """Of a set's protocols the one whose matches wear the query's clothes; the one of any match where clothes are
    unknown, never change or always do."""
    return "same-clothes" if "same-clothes" in protocols else "standard"


def _same_clothes(data: RetrievalSet, query, gallery, stream: str) -> float:
    """mAP of one stream under `where_clothes_stay`."""
    sides = [{stream: side[stream]} for side in (query, gallery)]
    return data.score(*sides, where_clothes_stay(data.protocols))[stream].mean_average_precision


def _in_percent(found: dict[float, float]) -> str:
    return "  ".join(f"{share} {100 * value:.1f} %" for share, value in found.items())


def choose_share(data: RetrievalSet, query: DescriptorsByStream, gallery: DescriptorsByStream) -> float:
    """The shape stream's share with the best mAP (`mean_of_best`).

    Where people change clothes, it is the mean over the protocols cloth-changing and same-clothes: a search by both
    streams does not know whether the clothes changed.
    """
    protocols, found = [name for name in data.protocols if name != "standard"] or data.protocols, {}
    for share in SHARES:
        both = [{"combined": combine(side["appearance"], side["shape"], share)} for side in (query, gallery)]
        scores = [data.score(*both, protocol)["combined"] for protocol in protocols]
        found[share] = float(np.mean([score.mean_average_precision for score in scores]))
    log.info(
        "%s, validation people, mAP by the shape stream's share: %s",
        " and ".join(protocols),
        _in_percent(found),
    )
    (chosen,) = mean_of_best({(share,): value for share, value in found.items()})
    return chosen


def choose_part_shares(
    data: RetrievalSet, query: DescriptorsByStream, gallery: DescriptorsByStream, widths: list[int]
) -> list[float]:
    """Shares of the shape descriptor's features with the best mAP under the set's first protocol (`mean_of_best`).

    Args:
        query, gallery: with "shape" as computed with every share above 0.
        widths: dimensions of the global feature and of each part's, in the descriptor's order.
    """
    protocol, found = data.protocols[0], {}
    sides = [split_features(side["shape"], widths) for side in (query, gallery)]
    for tenths in compositions(TENTHS, len(widths)):
        shares = [tenth / TENTHS for tenth in tenths]
        both = [{"shape": weigh(features, shares).numpy()} for features in sides]
        found[tuple(shares)] = data.score(*both, protocol)["shape"].mean_average_precision
    chosen = mean_of_best(found)
    log.info(
        "%s, validation people, mAP of the shape stream: %.1f %% at best, %.1f %% with the global feature alone; "
        "shares %s",
        *(protocol, 100 * max(found.values()), 100 * found[(1.0,) + (0.0,) * (len(widths) - 1)], chosen),
    )
    return list(chosen)


def mean_of_best(found: dict[tuple[float, ...], float]) -> tuple[float, ...]:
    """The mean of the choices (n numbers each) whose value is within SLACK of the best, rounded to two decimals; the
    rounding remainder goes to the largest, so that the sum is kept."""
    best = max(found.values())
    good = np.array([choice for choice, value in found.items() if value >= best - SLACK])
    mean = good.mean(0)
    rounded = mean.round(2)
    rounded[mean.argmax()] += mean.sum() - rounded.sum()
    return tuple(rounded.round(2).tolist())


def feature_widths(stream: ShapeStream) -> list[int]:
    """Dimensions of the global feature and of each part's."""
    return [neck.width for neck in (stream.shape_neck, *stream.parts.necks)]


def split_features(descriptor: NDArray[np.float32], widths: list[int]) -> list[Tensor]:
    """(N, sum of widths) -> the unit features it consists of."""
    return [F.normalize(feature, dim=1) for feature in torch.from_numpy(descriptor).split(widths, dim=1)]


def compositions(total: int, count: int) -> list[tuple[int, ...]]:
    """All ways to write `total` as an ordered sum of `count` numbers of at least 0."""
    every = itertools.product(range(total + 1), repeat=count)
    return [numbers for numbers in every if sum(numbers) == total]
