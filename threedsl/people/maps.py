"""The finder's raw maps of a picture: by onnxruntime where it and the graph are there, otherwise by torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from threedsl.inference.session import load_session
from threedsl.people.network import HEADS, MoveNet
from threedsl.people.weights import FINDER, REMEDY, load_network

GRAPH = "movenet-multipose.graph.gz"
CANVAS = "canvas"  # the graph's input

_LOADING = Lock()


class Exported(nn.Module):
    """(H, W, 3) uint8 RGB, both sides multiples of 32 -> the raw maps in the order of HEADS."""

    def __init__(self, network: MoveNet):
        super().__init__()
        self.network = network

    def forward(self, canvas: Tensor) -> tuple[Tensor, ...]:
        # Before the conversion to float the picture is channels-last in memory, and it stays so.
        return tuple(self.network.maps(canvas.permute(2, 0, 1).float()).values())

    def values(self) -> dict[str, Tensor]:
        """Every weight by the name of its initializer."""
        return dict(self.named_parameters())


def raw_maps(canvas: NDArray[np.uint8]) -> dict[str, Tensor]:
    """The maps that `MoveNet.maps` returns, of an RGB picture (H, W, 3) whose sides are multiples of 32.

    Raises:
        InputError: the finder's files are missing or damaged.
    """
    with _LOADING:
        run = _runtime()
    return dict(zip(HEADS, run(canvas), strict=True))


@lru_cache(maxsize=1)
def _runtime() -> Callable[[NDArray[np.uint8]], list[Tensor]]:
    exported = Exported(load_network()).eval()
    if find_spec("onnxruntime") is None or not (FINDER / GRAPH).is_file():
        return lambda canvas: list(exported(torch.from_numpy(canvas)))
    session = load_session(FINDER / GRAPH, exported.values(), torch.get_num_threads(), REMEDY)
    return lambda canvas: [torch.from_numpy(value) for value in session.run(None, {CANVAS: canvas})]
