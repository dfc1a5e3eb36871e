"""onnxruntime against torch, with the shipped graphs and the shipped weights."""

import gzip

import numpy as np
import pytest

from threedsl.errors import InputError
from threedsl.gallery import Gallery
from threedsl.gallery.demo import demo_galleries
from threedsl.inference import graph as graphs
from threedsl.inference import session
from threedsl.pipeline import ThreeDSL

onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


@pytest.fixture(scope="module")
def torch_model():
    return ThreeDSL.from_pretrained(device="cpu")


@pytest.fixture(scope="module")
def onnx_model():
    return ThreeDSL.from_pretrained(device="cpu", backend="onnx")


def noise(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(3).integers(0, 256, (count, 256, 128, 3), np.uint8))


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 7, 9])
def test_equals_torch(torch_model, onnx_model, count):
    ours, theirs = torch_model(noise(count)), onnx_model(noise(count))
    for name in ("appearance", "shape"):
        np.testing.assert_allclose(getattr(theirs, name), getattr(ours, name), atol=1e-4)
    for name in ("betas", "pose", "camera", "displacement"):
        np.testing.assert_allclose(getattr(theirs.bodies, name), getattr(ours.bodies, name), atol=1e-4)


@pytest.mark.slow
def test_without_bodies_and_mirrored(torch_model, onnx_model):
    for options in ({"bodies": False}, {"bodies": False, "mirror": True}, {"mirror": True}):
        ours, theirs = torch_model(noise(2), **options), onnx_model(noise(2), **options)
        np.testing.assert_allclose(theirs.combined, ours.combined, atol=1e-4)
        assert (theirs.bodies is None) == (not options.get("bodies", True))


@pytest.mark.slow
def test_torch_without_bodies_has_the_same_bits(torch_model):
    with_bodies, without = torch_model(noise(3)), torch_model(noise(3), bodies=False)
    assert np.array_equal(with_bodies.appearance, without.appearance)
    assert np.array_equal(with_bodies.shape, without.shape)


@pytest.mark.slow
def test_rankings_of_a_demo_gallery_are_the_same(torch_model, onnx_model):
    records = demo_galleries()["openpeople"].records[:100]
    ours, theirs = (Gallery.build(model, records, progress=False) for model in (torch_model, onnx_model))
    np.testing.assert_allclose(theirs.appearance, ours.appearance, atol=1e-4)
    np.testing.assert_allclose(theirs.shape, ours.shape, atol=1e-4)
    for stream in ("appearance", "shape"):
        scores, others = (getattr(one, stream) @ getattr(one, stream).T for one in (ours, theirs))
        order = np.argsort(-others, axis=1, kind="stable")
        steps = np.diff(np.take_along_axis(scores, order, axis=1))
        # Of scores as near as float32 can tell them apart, each may come first.
        assert steps.max() < 5e-6 and (steps > 0).mean() < 0.01, stream


@pytest.mark.slow
def test_other_shares_need_no_other_graph(torch_model):
    config = torch_model.config.to_dict() | {"shape_share": 0.125, "part_shares": [0.7, 0.1, 0.1, 0.1]}
    assert graphs.graph_key(type(torch_model.config).from_dict(config)) == graphs.graph_key(
        torch_model.config
    )


@pytest.mark.slow
def test_auto_takes_onnx_on_a_cpu_and_torch_without_a_graph(monkeypatch, tmp_path):
    assert ThreeDSL.from_pretrained(device="cpu", backend="auto").backend == "onnx"
    assert ThreeDSL.from_pretrained(device="cpu").backend == "torch"
    monkeypatch.setattr(graphs, "SHIPPED", tmp_path)
    monkeypatch.setenv("THREEDSL_CACHE", str(tmp_path))
    assert ThreeDSL.from_pretrained(device="cpu", backend="auto").backend == "torch"
    with pytest.raises(InputError, match=r"python -m threedsl export"):
        ThreeDSL.from_pretrained(device="cpu", backend="onnx")


@pytest.mark.slow
def test_what_cannot_be_had_is_said(monkeypatch):
    with pytest.raises(InputError, match=r"one of auto, torch, onnx, not 'tensorrt'"):
        ThreeDSL.from_pretrained(device="cpu", backend="tensorrt")
    monkeypatch.setattr(session, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install onnxruntime"):
        ThreeDSL.from_pretrained(device="cpu", backend="onnx")
    assert ThreeDSL.from_pretrained(device="cpu", backend="auto").backend == "torch"


@pytest.mark.parametrize(
    "damage",
    [b"", b"no gzip", gzip.compress(b"[]\nno graph", mtime=0), gzip.compress(b"", mtime=0)],
    ids=["empty", "no gzip", "no graph", "no names"],
)
def test_a_damaged_graph_is_refused(torch_model, tmp_path, damage):
    path = tmp_path / "x.graph.gz"
    path.write_bytes(damage)
    with pytest.raises(InputError, match=r"cannot be used .*choose the backend torch"):
        session.load_session(path, graphs.Exported(torch_model.network, False).values(), 1, session.REMEDY)


def test_weights_of_another_architecture_are_refused(torch_model):
    values = graphs.Exported(torch_model.network, False).values()
    values.pop("network.appearance_stream.pool.fc.weight")
    path = graphs.find_graph(torch_model.config, False)
    with pytest.raises(InputError, match="cannot be used"):
        session.load_session(path, values, 1, session.REMEDY)
