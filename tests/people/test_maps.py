"""The finder by onnxruntime against the same network in torch."""

import gzip

import numpy as np
import pytest
import torch

from threedsl.data.images import load_image
from threedsl.errors import InputError
from threedsl.gallery.demo import demo_galleries
from threedsl.people import find_people, finder, maps
from threedsl.people.weights import FINDER, REMEDY, load_network

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


@pytest.mark.parametrize("size", [(32, 32), (256, 192), (224, 320), (640, 32)])
def test_equals_torch_at_any_size(size):
    canvas = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    with torch.inference_mode():
        expected = load_network().maps(torch.from_numpy(canvas).permute(2, 0, 1).float())
    found = maps.raw_maps(canvas)
    assert list(found) == list(expected)
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], atol=1e-3, rtol=1e-4, msg=name)


@pytest.mark.slow
def test_the_same_people_without_onnxruntime(monkeypatch):
    """In ten photos: as many people, at the same places."""
    photos = [load_image(record.path) for record in demo_galleries()["openpeople"].records[::5][:10]]
    ours = [find_people(photo) for photo in photos]
    assert sum(map(len, ours)) >= 8
    monkeypatch.setattr(maps, "find_spec", lambda name: None)
    in_torch = maps._runtime.__wrapped__()
    monkeypatch.setattr(maps, "_runtime", lambda: in_torch)
    for people, photo in zip(ours, photos, strict=True):
        theirs = finder.find_people(photo)
        assert len(people) == len(theirs)
        for one, other in zip(people, theirs, strict=True):
            np.testing.assert_allclose(one.keypoints, other.keypoints, atol=0.05)
            np.testing.assert_allclose(one.box, other.box, atol=0.05)


def test_a_damaged_graph_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / maps.GRAPH).write_bytes(gzip.compress(b'["network.stem.weight"]\nno graph'))
    monkeypatch.setattr(maps, "FINDER", tmp_path)
    with pytest.raises(InputError) as caught:
        maps._runtime.__wrapped__()
    assert str(caught.value).startswith(f"The ONNX graph {tmp_path / maps.GRAPH} cannot be used (")
    assert str(caught.value).endswith(f"; {REMEDY}.")


@pytest.mark.slow
def test_the_shipped_graph_is_the_one_the_command_writes(tmp_path):
    """Names and operations; that it computes the same is tested above."""
    pytest.importorskip("onnxscript", reason="onnx and onnxscript are not installed")
    import onnx

    from train.people.graph import write_graph

    def operations(path):
        names, _, graph = gzip.decompress(path.read_bytes()).partition(b"\n")
        return names, [node.op_type for node in onnx.load_from_string(graph).graph.node]

    assert operations(write_graph(tmp_path)) == operations(FINDER / maps.GRAPH)
