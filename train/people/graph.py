"""The finder's network as an ONNX graph without weights, for pictures of any size."""

from __future__ import annotations

from pathlib import Path

import torch

from threedsl.files import write_whole
from threedsl.inference.graph import bare, export, packed
from threedsl.people.maps import CANVAS, GRAPH, Exported
from threedsl.people.network import HEADS, STRIDE, MoveNet

MOST = 64  # sides are this many times STRIDE at most: 2048 pixels


def write_graph(out: Path) -> Path:
    """Write the graph into a folder; returns its path.

    Raises:
        InputError: the packages onnx and onnxscript are missing, or nothing can be written there.
    """
    height, width = (torch.export.Dim(side, min=1, max=MOST) for side in ("rows", "columns"))
    network = Exported(MoveNet()).eval()
    example = torch.zeros(256, 192, 3, dtype=torch.uint8)
    model = export(network, example, list(HEADS), {CANVAS: {0: STRIDE * height, 1: STRIDE * width}})
    path = out / GRAPH
    write_whole(path, packed(bare(model)))
    return path
