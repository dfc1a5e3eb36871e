"""Retrieval scores of a network on query and gallery pictures."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from threedsl.data.listfile import Record, read_list
from threedsl.data.transforms import to_batch
from threedsl.descriptors import combine
from threedsl.evaluation.labels import labels_of, match_counts
from threedsl.evaluation.metrics import REMOVALS, Scores, bootstrap_interval
from threedsl.evaluation.protocols import find_protocol
from threedsl.evaluation.scoring import score_descriptors
from threedsl.network import ThreeDSLNetwork
from train.data.dataset import load_crops

CMC_RANKS = 50  # of the curve in metrics.json
DescriptorsByStream = dict[str, NDArray[np.float32]]
"""Unit descriptors (N, D) by stream: appearance, and shape and combined where the network has a shape stream."""


class RetrievalSet:
    """Query and gallery crops, decoded once."""

    def __init__(self, query: Sequence[Record], gallery: Sequence[Record], size: tuple[int, int]):
        self.records = [*query, *gallery]
        self.query_labels, self.gallery_labels = labels_of(query), labels_of(gallery)
        self.labels = labels_of(self.records)
        self.query, self.gallery = load_crops(query, size), load_crops(gallery, size)

    @classmethod
    def read(cls, root: str | Path, size: tuple[int, int]) -> "RetrievalSet":
        """Those of a dataset folder's query and gallery lists."""
        root = Path(root)
        query, gallery = (read_list(root / "list" / f"{name}.txt", root) for name in ("query", "gallery"))
        return cls(query, gallery, size)

    @property
    def people(self) -> int:
        return len({record.pid for record in self.records})

    @cached_property
    def protocols(self) -> tuple[str, ...]:
        """The protocols these lists can be scored under, "standard" last; only that one where clothes are unknown or no
        one changes them."""
        outfits = {(record.pid, record.clothes) for record in self.records}
        if "" in self.labels.clothes or len(outfits) == self.people:
            return ("standard",)
        # Where every camera sees its own outfit, no match wears the query's clothes.
        by_clothes = ("cloth-changing", "same-clothes")
        return (*(name for name in by_clothes if self.matches(name)[0].any()), "standard")

    def describe(
        self, network: ThreeDSLNetwork, device: torch.device | str = "cpu"
    ) -> tuple[DescriptorsByStream, DescriptorsByStream]:
        return describe(network, self.query, device), describe(network, self.gallery, device)

    def score(
        self, query: DescriptorsByStream, gallery: DescriptorsByStream, protocol: str
    ) -> dict[str, Scores]:
        """Scores by stream under one protocol."""
        labels = self.query_labels, self.gallery_labels
        return {
            stream: score_descriptors(query[stream], gallery[stream], *labels, REMOVALS[protocol], protocol)
            for stream in query
        }

    def matches(self, protocol: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(Q,) true matches of each query under one protocol, and (Q,) gallery pictures it is ranked against."""
        return match_counts(self.query_labels, self.gallery_labels, find_protocol(protocol))


def joined(query: DescriptorsByStream, gallery: DescriptorsByStream) -> DescriptorsByStream:
    """DescriptorsByStream of all records, queries first, as `RetrievalSet.records` lists them."""
    return {stream: np.concatenate([query[stream], gallery[stream]]) for stream in query}


@torch.inference_mode()
def describe(
    network: ThreeDSLNetwork, crops: NDArray[np.uint8], device: torch.device | str = "cpu", batch: int = 128
) -> DescriptorsByStream:
    """DescriptorsByStream of (N, H, W, 3) RGB crops of the network's input size; the network's mode is restored."""
    was_training = network.training
    network.eval()
    appearance, shape = [], []
    for start in range(0, len(crops), batch):
        output = network(to_batch(crops[start : start + batch]).to(device))
        appearance.append(output.appearance.float().cpu())
        if output.shape is not None:
            shape.append(output.shape.float().cpu())
    network.train(was_training)
    described = {"appearance": torch.cat(appearance).numpy()}
    if shape:
        described["shape"] = torch.cat(shape).numpy()
        described["combined"] = combine(described["appearance"], described["shape"], network.shape_share)
    return described


def per_query(scores: Scores) -> dict[str, NDArray]:
    """The contribution of every scored query to rank-1, rank-5 and mAP."""
    return {
        "rank-1": (scores.first_rank <= 1) * 1.0,
        "rank-5": (scores.first_rank <= 5) * 1.0,
        "mAP": scores.average_precision,
    }


def summary(scores: Scores, pids: NDArray, seed: int) -> dict:
    """Rank-1, rank-5 and mAP with 95 % intervals from resampling people, and the CMC; pids (Q,) of all queries."""
    figures = {"queries": len(scores.query)} | means(per_query(scores), pids[scores.query], seed)
    return figures | {"cmc": curve(scores.cmc(range(1, CMC_RANKS + 1)))}


def curve(shares: Iterable[float]) -> list[float]:
    """Shares at rank 1, 2, … as metrics.json has them."""
    return [round(float(share), 6) for share in shares]


def means(values: dict[str, NDArray], pids: NDArray, seed: int) -> dict[str, dict]:
    """{name: (N,)} -> their means with 95 % intervals from resampling people (N,)."""
    return {
        name: {"value": float(np.mean(value)), "interval": bootstrap_interval(value, pids, seed)}
        for name, value in values.items()
    }
