"""Person re-identification nets of Intel's Open Model Zoo (Apache-2.0), read from their OpenVINO IR without OpenVINO.

An IR is a graph as XML with its constants as raw numbers. The graph's convolutions are in the order in which the
net runs them, so the weights are copied in that order to the same layers of `threedsl.network.osnet`; every
shape is checked. IR versions 10 and 11 differ in whether half-precision constants pass a Convert, which is followed.
"""

from __future__ import annotations

import hashlib
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from threedsl.errors import InputError
from threedsl.files import cache_folder, write_whole
from threedsl.network.osnet import Embedding, OSBlock, OSNet, OSNetConfig

ADDRESS = "https://download.01.org/opencv/2021/openvinotoolkit/2021.1/open_model_zoo/models_bin/2/{name}/FP16/{name}"
PUBLISHED = {
    "person-reidentification-retail-0277": "105f5897019274c6373c00ecaee2f2cbbb6f7e9cc8e371796536fc95bd1a1167",
    "person-reidentification-retail-0286": "b505697b2cae65ed09025193ec04c61c9fba9f9e4f558a32ef326cd60bf923ed",
}
"""sha256 of the .bin file of half precision at ADDRESS."""
TYPES = {
    name: np.dtype(kind) for name, kind in {"f16": "<f2", "f32": "<f4", "i32": "<i4", "i64": "<i8"}.items()
}
LARGEST = 64_000_000  # bytes of a .bin, and of an .xml
MOST_COPIED = 4  # times the bytes of a .bin that its constants may have: equal ones may share their place
# channels of a layer; a net that claims more would take all memory before its weights are looked at
WIDEST = 4096
TIMEOUT = 60  # seconds without an answer


@dataclass(frozen=True)
class Operation:
    """One operation of the graph and its constant, if any: weights as float32, whole numbers as int64."""

    kind: str
    constant: np.ndarray | None


def load_open_model_zoo(source: str | Path) -> OSNet:
    """The net of an IR, float32, in evaluation mode.

    Args:
        source: a .xml file with its .bin next to it, a folder with one such pair, or the name of a net in
            PUBLISHED, which is fetched once into the user's cache and checked.

    Raises:
        InputError: nothing there, it cannot be fetched, is damaged, or is another kind of net.
    """
    xml = find_ir(source)
    operations = list(read_operations(xml))
    try:
        net = OSNet(config_of(operations, xml))
        fill(net, operations, xml)
    except InputError:
        raise
    except (
        ValueError,
        IndexError,
        AttributeError,
        TypeError,
        RuntimeError,
    ):  # operations without their constants
        raise InputError(f"{xml} is not a person re-identification net of this kind.") from None
    return net.eval()


def find_ir(source: str | Path) -> Path:
    """The .xml file of a source as `load_open_model_zoo` takes it."""
    path = Path(source)
    if path.is_dir():
        found = sorted(path.glob("*.xml"))
        if len(found) != 1:
            raise InputError(f"{path} contains {len(found)} .xml files; name the one to read.")
        path = found[0]
    if path.is_file():
        if path.suffix.lower() != ".xml":
            raise InputError(
                f"{path} is not a .xml file; give the graph of an OpenVINO IR, with its .bin next to it."
            )
        return path
    if str(source) in PUBLISHED:
        return fetch(str(source))
    names = ", ".join(PUBLISHED)
    raise InputError(f"{source} does not exist; give an OpenVINO IR (.xml with its .bin) or one of {names}.")


def fetch(name: str) -> Path:
    """The published net `name` in the user's cache, downloaded if it is not there; raises InputError."""
    folder = cache_folder() / "open_model_zoo"
    xml, blob = folder / f"{name}.xml", folder / f"{name}.bin"
    expected = PUBLISHED[name]
    if not (xml.is_file() and blob.is_file() and digest(blob.read_bytes()) == expected):
        for path in (blob, xml):
            write_whole(path, download(f"{ADDRESS.format(name=name)}{path.suffix}"))
        if digest(blob.read_bytes()) != expected:
            blob.unlink()
            raise InputError(f"{name} as downloaded is not the published file (sha256); try again later.")
    return xml


def download(address: str) -> bytes:
    """At most LARGEST bytes; raises InputError."""
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:
            content = answer.read(LARGEST + 1)
    except OSError as error:
        raise InputError(
            f"{address} cannot be fetched ({error}); download it by hand and give the file."
        ) from None
    if len(content) > LARGEST:
        raise InputError(f"{address} is larger than {LARGEST // 10**6} MB and was not downloaded.")
    return content


def digest(content: bytes) -> str:
    """sha256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_operations(xml: Path) -> Iterator[Operation]:
    """The operations of a graph in the order of its file, which is the order in which they run."""
    blob = xml.with_suffix(".bin")
    for path in (xml, blob):
        if not path.is_file():
            raise InputError(f"{path} is missing; an OpenVINO IR is a .xml and a .bin of the same name.")
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path} is larger than {LARGEST // 10**6} MB; it is not a net of this kind.")
    content = blob.read_bytes()
    try:
        text = xml.read_bytes()
        plain = text.replace(b"\0", b"")  # it may be in UTF-16
        if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
            raise ValueError("it declares entities")
        root = ElementTree.fromstring(text)
        sources: dict[str, list[str]] = {}
        for edge in root.iterfind("edges/edge"):
            sources.setdefault(edge.attrib["to-layer"], []).append(edge.attrib["from-layer"])
        constants: dict[str, np.ndarray] = {}
        copied = 0
        for layer in root.iterfind("layers/layer"):
            number, kind = layer.attrib["id"], layer.attrib["type"]
            if kind == "Const":
                data = layer.find("data").attrib
                if data["element_type"] in TYPES:
                    copied += int(data["size"])
                    if copied > MOST_COPIED * len(content):
                        raise ValueError("its constants are far more than there are")
                    constants[number] = read_constant(content, data)
                continue
            inputs = sources.get(number, [])
            if kind == "Convert" and inputs and inputs[0] in constants:
                constants[number] = constants[inputs[0]]
                continue
            known = [constants[other] for other in inputs if other in constants]
            yield Operation(kind, known[0] if known else None)
    except (ElementTree.ParseError, KeyError, ValueError, AttributeError) as error:
        raise InputError(f"{xml} is damaged or not an OpenVINO IR ({error}); fetch it again.") from None


def read_constant(content: bytes, data: dict[str, str]) -> np.ndarray:
    """One constant as float32 or int64, checked against the file's length; raises ValueError."""
    shape = [int(size) for size in data.get("shape", "").split(",") if size.strip()]
    kind, offset, size = TYPES[data["element_type"]], int(data["offset"]), int(data["size"])
    if (
        min([*shape, 1]) < (len(shape) > 1)
        or offset < 0
        or int(np.prod(shape, dtype=np.int64)) * kind.itemsize != size
    ):
        raise ValueError("a constant's size does not match its shape")
    if offset + size > len(content):
        raise ValueError("the .bin file is too short")
    values = np.frombuffer(content, kind, size // kind.itemsize, offset).reshape(shape)
    values = values.astype(np.float32 if kind.kind == "f" else np.int64)
    if not np.isfinite(values).all():
        raise ValueError("a weight is not finite")
    return values


def config_of(operations: list[Operation], xml: Path) -> OSNetConfig:
    """The sizes of the net, read off its weights; raises InputError for another kind of net."""
    convolutions = [one.constant.shape[:2] for one in operations if one.kind == "Convolution"]
    # Each of a stage's four branches passes the first block's gate, which squeezes and widens again.
    gates = [
        row
        for row, (first, second) in enumerate(zip(convolutions, convolutions[1:], strict=False))
        if first == second[::-1] and first[0] < first[1]
    ]
    shapes = [one.constant for one in operations if one.kind == "Reshape" and one.constant is not None]
    grouped = [int(shape[1]) for shape in shapes if shape.size >= 3 and shape[0] == 0 and shape[2] == -1]
    matrices = [one.constant for one in operations if one.kind == "MatMul"]
    if len(gates) != 12 or len(grouped) != 12 or len(matrices) != 1:
        raise InputError(f"{xml} is not a person re-identification net of this kind.")
    widths = [width for shape in (*convolutions, *(one.shape for one in matrices)) for width in shape]
    if max(*widths, *grouped) > WIDEST:
        raise InputError(f"{xml} claims layers of more than {WIDEST:,} channels.")
    return OSNetConfig(
        stem=convolutions[0][0],
        stages=tuple(convolutions[row + 2][0] for row in gates[3::4]),
        middle=tuple(convolutions[row][1] for row in gates[::4]),
        embedding=matrices[0].shape[0],
        groups=tuple(grouped[::4]),
        squeezed=tuple(convolutions[row][0] for row in gates[::4]),
        last=convolutions[-1][0],
    )


def fill(net: OSNet, operations: list[Operation], xml: Path) -> None:
    """Copy the weights of a graph into a net of the same sizes; raises InputError if one does not fit."""
    kinds = [one.kind for one in operations]
    weights = iter(
        one.constant
        for one in operations[kinds.index("MVN") + 1 :]  # before it, only the input's mean and scale
        if one.constant is not None and one.constant.dtype == np.float32
    )
    with torch.no_grad():
        for number, parameter in enumerate(in_running_order(net)):
            values = next(weights, None)
            if values is None or values.size != parameter.numel():
                raise InputError(f"{xml} is not a net of this kind: weight {number + 1} does not fit.")
            parameter.copy_(torch.from_numpy(values).reshape(parameter.shape))
    if next(weights, None) is not None:
        raise InputError(f"{xml} is not a net of this kind: it has more weights.")


def in_running_order(module: nn.Module) -> Iterator[nn.Parameter]:
    """A net's parameters as the graph names them: a gate shared by four branches is listed four times."""
    if isinstance(module, OSBlock):
        yield from in_running_order(module.conv1)
        for branch in (module.conv2a, module.conv2b, module.conv2c, module.conv2d):
            yield from in_running_order(branch)
            yield from in_running_order(module.gate)
        yield from in_running_order(module.conv3)
        if module.downsample is not None:
            yield from in_running_order(module.downsample)
    elif isinstance(module, Embedding):
        yield from (module.pool.weight, module.pool.bias, module.fc.weight, module.fc.bias)
        yield from (module.scale, module.shift, module.prelu.weight)
    elif children := list(module.children()):
        for child in children:
            yield from in_running_order(child)
    else:
        yield from module.parameters()
