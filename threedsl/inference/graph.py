"""The network's graph as ONNX, without weights: it depends on the architecture alone.

Every weight is an initializer with the name it has in the network, marked as external data of no file. onnxruntime is
given the values when it loads the graph (`threedsl.inference.session`), so one graph serves every checkpoint of an
architecture, no weight is stored twice, and none can be out of date. The graphs of the shipped checkpoint are part of
the package; those of others are made by `python -m threedsl export` and kept in the user's cache.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from threedsl.errors import InputError
from threedsl.files import cache_folder, write_whole

if TYPE_CHECKING:
    import onnx

    from threedsl.network import NetworkConfig, ThreeDSLNetwork

VERSION = 1  # raise it when the network computes something else with the same weights
OPSET = 18
IMAGES = "images"
DESCRIPTORS = ("appearance", "shape")
BODIES = ("betas", "pose", "camera", "displacement")
EVIDENCE = "evidence"  # with the bodies of a network that has a keypoint head, which runs in torch
SHIPPED = Path(__file__).parent / "graphs"
NO_FILE = "weights-are-given-by-the-program"
NEEDED = "`pip install onnx onnxscript`"


class Exported(nn.Module):
    """(B, 3, H, W) RGB in [0, 1] -> the descriptors and, with bodies, the parameters of the bodies, as a tuple."""

    def __init__(self, network: ThreeDSLNetwork, bodies: bool):
        super().__init__()
        self.network = network
        stream = network.shape_stream
        self.bodies = ()
        if bodies and stream is not None:
            self.bodies = BODIES if stream.keypoint_head is None else (*BODIES, EVIDENCE)
        # Values and not constants of the graph, because a checkpoint chooses them.
        shares = [] if stream is None else stream.part_shares
        self.register_buffer("part_scales", torch.tensor([math.sqrt(share) for share in shares]))

    @property
    def outputs(self) -> list[str]:
        """Names of what `forward` returns."""
        shape = self.network.shape_stream is not None
        return [*(DESCRIPTORS if shape else DESCRIPTORS[:1]), *self.bodies]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        out = self.network(images, bodies=bool(self.bodies))
        if self.network.shape_stream is None:
            return (out.appearance,)
        features = [out.shape_logits_input, *out.part_logits_inputs]
        units = (F.normalize(feature, dim=1) for feature in features)
        shape = torch.cat([unit * self.part_scales[i] for i, unit in enumerate(units)], dim=1)
        return (out.appearance, shape, *(getattr(out, name) for name in self.bodies))

    def values(self) -> dict[str, Tensor]:
        """Every weight and buffer by the name of its initializer."""
        return {**dict(self.named_parameters()), **dict(self.named_buffers())}


def graph_key(config: NetworkConfig) -> str:
    """16 digits that are the same for networks of the same architecture; weights and shares do not count."""
    chosen = ("shape_share", "part_shares")
    sizes = {name: value for name, value in config.to_dict().items() if name not in chosen}
    return hashlib.sha256(json.dumps([VERSION, sizes], sort_keys=True).encode()).hexdigest()[:16]


def graph_name(config: NetworkConfig, bodies: bool) -> str:
    """File name of a graph."""
    return f"{config.name}-{'bodies' if bodies else 'descriptors'}-{graph_key(config)}.graph.gz"


def find_graph(config: NetworkConfig, bodies: bool) -> Path | None:
    """The graph of an architecture, shipped or in the user's cache; None where there is none."""
    for folder in (SHIPPED, cache_folder() / "graphs"):
        path = folder / graph_name(config, bodies)
        if path.is_file():
            return path
    return None


def write_graphs(network: ThreeDSLNetwork, config: NetworkConfig, folder: Path | None = None) -> list[Path]:
    """Write the graph with and the one without bodies; returns their paths.

    folder: by default graphs/ in the user's cache.

    Raises:
        InputError: the packages onnx and onnxscript are missing, or nothing can be written there.
    """
    folder = folder or cache_folder() / "graphs"
    paths = []
    for bodies in (True, False):
        model = bare(to_onnx(Exported(network, bodies).eval(), (config.height, config.width)))
        path = folder / graph_name(config, bodies)
        write_whole(path, packed(model))
        paths.append(path)
    return paths


def packed(model: onnx.ModelProto) -> bytes:
    """A graph without weights as a file: gzip of one line of JSON, the weights' names, and the graph."""
    names = json.dumps([tensor.name for tensor in model.graph.initializer])
    return gzip.compress(names.encode() + b"\n" + model.SerializeToString(), mtime=0)


def to_onnx(exported: Exported, size: tuple[int, int]) -> onnx.ModelProto:
    """The graph with its weights, for any number of pictures of size (height, width)."""
    shapes = {IMAGES: {0: torch.export.Dim("pictures")}}
    return export(exported, torch.rand(2, 3, *size), exported.outputs, shapes)


def export(module: nn.Module, example: Tensor, outputs: list[str], shapes: dict) -> onnx.ModelProto:
    """The graph of a module with one input, with its weights.

    Args:
        shapes: the input's name -> its free dimensions, as torch.export takes them.

    Raises:
        InputError: the packages onnx and onnxscript are missing.
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError:
        raise InputError(f"Making an ONNX graph needs two more packages: {NEEDED}.") from None
    program = torch.onnx.export(
        module,
        (example,),
        input_names=list(shapes),
        output_names=outputs,
        dynamic_shapes=shapes,
        opset_version=OPSET,
        dynamo=True,
        # Otherwise values that follow from weights become constants of the graph; onnxruntime folds them as well.
        optimize=False,
        verbose=False,
    )
    model = program.model_proto
    for part in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        del part.metadata_props[:]  # where in the source each node comes from: ten times the graph
        part.doc_string = ""
    del model.graph.value_info[:]
    drop_zero_biases(model.graph)
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]
    return model


def drop_zero_biases(graph: onnx.GraphProto) -> None:
    """Remove the zeros that the exporter computes as the bias of every convolution without one: for onnxruntime such a
    bias is no constant, so that it keeps the convolution out of its fastest layout, a fifth of the time."""
    made_by = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        if node.op_type == "Conv" and len(node.input) == 3 and _is_zero(node.input[2], made_by):
            del node.input[2]
    needed, kept = {output.name for output in graph.output}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node.SerializeToString())
    del graph.node[:]
    for node in reversed(kept):
        graph.node.add().ParseFromString(node)


def _is_zero(name: str, made_by: dict[str, onnx.NodeProto]) -> bool:
    """Whether a value is the number 0, repeated and converted."""
    from onnx import numpy_helper

    while name in made_by and made_by[name].op_type in ("Expand", "CastLike", "Cast"):
        name = made_by[name].input[0]
    if name not in made_by or made_by[name].op_type != "Constant":
        return False
    (value,) = made_by[name].attribute
    return value.name == "value" and not numpy_helper.to_array(value.t).any()


def bare(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph without its weights."""
    for tensor in model.graph.initializer:
        tensor.ClearField("raw_data")
        tensor.data_location = type(tensor).EXTERNAL
        del tensor.external_data[:]
        place = tensor.external_data.add()
        place.key, place.value = "location", NO_FILE
    return model
