"""Writes an OSNet as OpenVINO IR 11, half precision, operation by operation as the published nets are written."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
from torch import nn

from threedsl.network.osnet import ContextGate, Conv1x1, LightConv3x3, OSBlock, OSNet

TYPES = {"FP32": "f32", "FP16": "f16", "I64": "i64", "I32": "i32"}


class Graph:
    """Layers, edges and constants, filled from the input to the result."""

    def __init__(self):
        self.root = ElementTree.Element("net", name="test", version="11")
        self.layers = ElementTree.SubElement(self.root, "layers")
        self.edges = ElementTree.SubElement(self.root, "edges")
        self.blob = b""
        self.shapes: dict[str, tuple[tuple[int, ...], str]] = {}

    def layer(self, kind, inputs, out, /, precision="FP32", version="opset1", outputs=1, **data):
        number = str(len(self.layers))
        layer = ElementTree.SubElement(
            self.layers, "layer", id=number, name=f"{kind}_{number}", type=kind, version=version
        )
        if data:
            ElementTree.SubElement(layer, "data", {key: str(value) for key, value in data.items()})
        port = 0
        if inputs:
            element = ElementTree.SubElement(layer, "input")
            for source in inputs:
                self.port(element, port, *self.shapes[source])
                output = sum(1 for _ in self.layers[int(source)].iterfind("input/port"))
                ElementTree.SubElement(
                    self.edges,
                    "edge",
                    {
                        "from-layer": source,
                        "from-port": str(output),
                        "to-layer": number,
                        "to-port": str(port),
                    },
                )
                port += 1
        if outputs:
            element = ElementTree.SubElement(layer, "output")
            self.port(element, port, out, precision)
            if outputs == 2:  # MaxPool's indices, which nothing reads
                self.port(element, port + 1, out, "I64")
        self.shapes[number] = tuple(out), precision
        return number

    @staticmethod
    def port(element, number, shape, precision):
        port = ElementTree.SubElement(element, "port", id=str(number), precision=precision)
        for size in shape:
            ElementTree.SubElement(port, "dim").text = str(size)

    def constant(self, values, precision="FP16"):
        kind = {"FP16": np.float16, "I64": np.int64, "I32": np.int32}[precision]
        values = np.asarray(values, kind)
        number = self.layer(
            "Const",
            [],
            values.shape,
            precision=precision,
            element_type=TYPES[precision],
            shape=", ".join(map(str, values.shape)),
            offset=len(self.blob),
            size=values.nbytes,
        )
        self.blob += values.tobytes()
        if precision != "FP16":
            return number
        return self.layer("Convert", [number], values.shape, destination_type="f32")

    def binary(self, kind, x, values):
        return self.layer(kind, [x, self.constant(values)], self.shapes[x][0], auto_broadcast="numpy")

    def plain(self, kind, x):
        return self.layer(kind, [x], self.shapes[x][0])

    def sum(self, kind, first, second):
        return self.layer(kind, [first, second], self.shapes[first][0], auto_broadcast="numpy")

    def convolution(self, x, conv: nn.Conv2d):
        weight = conv.weight.detach().numpy()
        grouped = conv.groups > 1
        _, _, height, width = self.shapes[x][0]
        side = [
            (size + 2 * pad - kernel) // stride + 1
            for size, pad, kernel, stride in zip(
                (height, width), conv.padding, conv.kernel_size, conv.stride, strict=True
            )
        ]
        found = self.layer(
            "GroupConvolution" if grouped else "Convolution",
            [x, self.constant(weight[:, None] if grouped else weight)],
            (1, conv.out_channels, *side),
            strides=f"{conv.stride[0]}, {conv.stride[1]}",
            dilations="1, 1",
            pads_begin=f"{conv.padding[0]}, {conv.padding[1]}",
            pads_end=f"{conv.padding[0]}, {conv.padding[1]}",
            auto_pad="explicit",
        )
        if conv.bias is None:
            return found
        return self.binary("Add", found, conv.bias.detach().numpy().reshape(1, -1, 1, 1))

    def instance_norm(self, x, norm: nn.InstanceNorm2d):
        x = self.normalised(x, [2, 3], norm.eps)
        x = self.binary("Multiply", x, norm.weight.detach().numpy().reshape(1, -1, 1, 1))
        return self.binary("Add", x, norm.bias.detach().numpy().reshape(1, -1, 1, 1))

    def normalised(self, x, axes, eps):
        return self.layer(
            "MVN",
            [x, self.constant(axes, "I64")],
            self.shapes[x][0],
            version="opset6",
            eps=eps,
            normalize_variance="true",
            eps_mode="INSIDE_SQRT",
        )

    def means(self, x):
        channels = self.shapes[x][0][1]
        return self.layer(
            "ReduceMean", [x, self.constant([2, 3], "I64")], (1, channels, 1, 1), keep_dims="true"
        )

    def reshaped(self, x, to, shape):
        return self.layer("Reshape", [x, self.constant(to, "I64")], shape, special_zero="true")

    def module(self, x, module: nn.Module):
        if isinstance(module, Conv1x1):
            x = self.convolution(x, module.conv)
            return x if module.linear else self.plain("ReLU", x)
        if isinstance(module, LightConv3x3):
            return self.plain("ReLU", self.convolution(self.convolution(x, module.conv1), module.conv2))
        if isinstance(module, nn.AvgPool2d):
            shape = self.shapes[x][0]
            return self.layer(
                "AvgPool",
                [x],
                (1, shape[1], shape[2] // 2, shape[3] // 2),
                kernel="2, 2",
                strides="2, 2",
                pads_begin="0, 0",
                pads_end="0, 0",
                rounding_type="floor",
                auto_pad="explicit",
                **{"exclude-pad": "true"},
            )
        if isinstance(module, OSBlock):
            return self.block(x, module)
        for child in module.children():
            x = self.module(x, child)
        return x

    def gated(self, x, gate):
        means = self.means(x)
        shape = self.shapes[means][0]
        if isinstance(gate, ContextGate):
            grouped = (1, gate.groups, shape[1] // gate.groups)
            found = self.normalised(self.reshaped(means, [0, gate.groups, -1], grouped), [2], 1e-5)
            found = self.layer(
                "Reshape",
                [
                    found,
                    self.layer(
                        "ShapeOf", [means], (4,), precision="I64", version="opset3", output_type="i64"
                    ),
                ],
                shape,
                special_zero="true",
            )
            found = self.binary("Multiply", found, gate.weight.detach().numpy().reshape(1, -1, 1, 1))
            found = self.binary("Add", found, gate.bias.detach().numpy().reshape(1, -1, 1, 1))
        else:
            found = self.convolution(self.plain("ReLU", self.convolution(means, gate.fc1)), gate.fc2)
        return self.sum("Multiply", x, self.plain("Sigmoid", found))

    def block(self, x, block: OSBlock):
        reduced, mixed = self.module(x, block.conv1), None
        for branch in (block.conv2a, block.conv2b, block.conv2c, block.conv2d):
            scale = self.gated(self.module(reduced, branch), block.gate)
            mixed = scale if mixed is None else self.sum("Add", mixed, scale)
        out = self.module(mixed, block.conv3)
        kept = x if block.downsample is None else self.module(x, block.downsample)
        return self.plain("ReLU", self.sum("Add", out, kept))


def write_ir(net: OSNet, path: Path) -> None:
    """`path` (.xml) and the .bin beside it; takes BGR from 0 to 255, as the published nets do."""
    graph, stem = Graph(), net.conv1
    x = graph.layer("Parameter", [], (1, 3, 256, 128), shape="1,3,256,128", element_type="f32")
    x = graph.layer(
        "Gather",
        [x, graph.constant([2, 1, 0], "I32"), graph.constant([1], "I32")],
        (1, 3, 256, 128),
        version="opset8",
        batch_dims=0,
    )
    x = graph.binary("Subtract", x, stem.mean.numpy()[None])
    x = graph.binary("Multiply", x, stem.scale.numpy()[None])
    x = graph.convolution(graph.instance_norm(x, stem.input_norm), stem.conv)
    x = graph.plain("ReLU", graph.instance_norm(x, stem.norm))
    x = graph.layer(
        "MaxPool",
        [x],
        (1, net.config.stem, 64, 32),
        version="opset8",
        outputs=2,
        strides="2, 2",
        dilations="1, 1",
        pads_begin="1, 1",
        pads_end="1, 1",
        kernel="3, 3",
        rounding_type="floor",
        auto_pad="explicit",
        index_element_type="i64",
        axis=0,
    )
    for stage in (net.conv2, net.conv3, net.conv4, net.conv5):
        x = graph.module(x, stage)
    head, size = net.embedding, net.config.embedding
    x = graph.reshaped(graph.convolution(x, head.pool), [-1, net.config.last], (1, net.config.last))
    x = graph.layer(
        "MatMul",
        [x, graph.constant(head.fc.weight.detach().numpy())],
        (1, size),
        transpose_a="false",
        transpose_b="true",
    )
    x = graph.binary("Add", x, head.fc.bias.detach().numpy()[None])
    x = graph.reshaped(x, [1, -1, 1], (1, size, 1))
    x = graph.binary("Multiply", x, head.scale.detach().numpy().reshape(1, -1, 1))
    x = graph.binary("Add", x, head.shift.detach().numpy().reshape(1, -1, 1))
    slope = graph.constant(head.prelu.weight.detach().numpy()[None])
    x = graph.layer("PReLU", [x, slope], (1, size, 1))
    graph.layer("Result", [graph.reshaped(x, [0, -1], (1, size))], (), outputs=0)
    path.write_bytes(ElementTree.tostring(graph.root))
    path.with_suffix(".bin").write_bytes(graph.blob)
