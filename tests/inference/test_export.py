"""The command that writes ONNX files for other programs."""

import numpy as np
import pytest
import torch

from threedsl.cli import main
from threedsl.errors import InputError
from threedsl.inference import graph as graphs
from threedsl.inference import standalone
from threedsl.network import NetworkConfig, build_network
from threedsl.pipeline import ThreeDSL

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnxscript", reason="onnx and onnxscript are not installed")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "onnx"
    assert main(["export", "--out", str(folder), "--json"]) == 0
    return folder


def test_files_are_small_and_another_runtime_agrees(exported):
    import openvino

    names = sorted(path.name for path in exported.iterdir())
    assert names[0] == "network.onnx" and names[1] == "weights-00.bin"
    assert max(path.stat().st_size for path in exported.iterdir()) < 10_000_000
    images = np.random.default_rng(5).random((3, 3, 256, 128), np.float32)
    run = openvino.Core().compile_model(
        str(exported / "network.onnx"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    found = run(images)
    model = ThreeDSL.from_pretrained(device="cpu")
    with torch.inference_mode():
        expected = model.network(torch.from_numpy(images))
    for name in ("appearance", "shape", "betas", "pose", "camera", "displacement"):
        np.testing.assert_allclose(found[name], getattr(expected, name).numpy(), atol=1e-4, err_msg=name)


def test_a_graph_that_differs_is_refused(exported):
    model = ThreeDSL.from_pretrained(device="cpu")
    with torch.no_grad():
        model.network.shape_stream.shape_head.betas.correction.bias += 0.01
    with pytest.raises(InputError, match="betas differs from torch's by"):
        standalone.check(
            exported / "network.onnx", graphs.Exported(model.network, True).eval(), model.input_size
        )


def test_another_folder_is_left_alone(tmp_path, capsys):
    (tmp_path / "letter.txt").write_text("mine")
    assert main(["export", "--out", str(tmp_path)]) == 2
    assert "holds something else" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("shape_stream, parts, head", [(True, 3, 16), (False, 0, 0)])
def test_other_architectures(tmp_path, monkeypatch, shape_stream, parts, head):
    monkeypatch.setenv("THREEDSL_CACHE", str(tmp_path))
    torch.manual_seed(4)
    config = NetworkConfig(name="lite", shape_stream=shape_stream, parts=parts, keypoint_head=head)
    network = build_network(config).eval()
    graphs.write_graphs(network, config)
    crops = list(np.random.default_rng(6).integers(0, 256, (3, 128, 64, 3), np.uint8))
    ours = ThreeDSL(network, config, device="cpu")(crops)
    theirs = ThreeDSL(network, config, device="cpu", backend="onnx")(crops)
    np.testing.assert_allclose(theirs.combined, ours.combined, atol=1e-4)
    if shape_stream:
        np.testing.assert_allclose(theirs.bodies.pose, ours.bodies.pose, atol=1e-4)
        seen = np.random.default_rng(7).uniform(0, 64, (17, 3)) * [1, 2, 1 / 64]
        ours, theirs = (
            ThreeDSL(network, config, device="cpu", backend=backend)(crops[:1], keypoints=[seen])
            for backend in ("torch", "onnx")
        )
        np.testing.assert_allclose(theirs.bodies.betas, ours.bodies.betas, atol=1e-3)
    else:
        assert theirs.bodies is None
