"""OSNet and the Open Model Zoo's files: run by OpenVINO itself, read back, and damaged in every way."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.network.openvino_ir import write_ir
from threedsl.errors import InputError
from threedsl.network import open_model_zoo
from threedsl.network.open_model_zoo import load_open_model_zoo
from threedsl.network.osnet import GRID, OSNet, OSNetConfig

SMALL = OSNetConfig(8, (16, 24, 32), (8, 12, 16), 24, (2, 3, 4), (2, 3, 4), 40)


def random_net(config: OSNetConfig = SMALL, seed: int = 0) -> OSNet:
    """A net whose every weight counts, in numbers that half precision holds."""
    generator = torch.Generator().manual_seed(seed)
    net = OSNet(config).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_((parameter + 0.1 * noise).half().float())
    return net


@pytest.fixture(scope="module")
def ir(tmp_path_factory) -> tuple[OSNet, Path]:
    net, path = random_net(), tmp_path_factory.mktemp("ir") / "net.xml"
    write_ir(net, path)
    return net, path


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """(N, 3, 256, 128) RGB from 0 to 255."""
    rough = np.random.default_rng(seed).uniform(0, 255, (count, 3, 16, 8))
    return np.kron(rough, np.ones((1, 1, 16, 16))).astype(np.float32)


def by_openvino(path: Path, images: np.ndarray) -> np.ndarray:
    """Unit descriptors by OpenVINO, which is given BGR."""
    import openvino

    model = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    rows = [next(iter(model([image[None, ::-1].copy()]).values())).reshape(-1) for image in images]
    return np.stack([row / np.linalg.norm(row) for row in rows])


def test_a_written_net_is_read_back_to_the_last_bit(ir):
    net, path = ir
    read = load_open_model_zoo(path)
    assert read.config == net.config and not read.training
    expected = net.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in read.state_dict().items())
    assert torch.equal(next(load_open_model_zoo(path.parent).parameters()), next(net.parameters()))


@pytest.mark.slow
def test_descriptors_are_openvinos(ir):
    net, path = ir
    images = pictures(3)
    with torch.inference_mode():
        ours = net(torch.from_numpy(images / 255)).numpy()
    assert (ours * by_openvino(path, images)).sum(1).min() > 0.99999
    assert np.linalg.norm(ours, axis=1) == pytest.approx(1, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("number", ["0265", "0277", "0286", "0287"])
def test_published_nets_are_openvinos(teachers, number):
    path = teachers / f"person-reidentification-retail-{number}.xml"
    images = pictures(2, seed=1)
    with torch.inference_mode():
        ours = load_open_model_zoo(path)(torch.from_numpy(images / 255)).numpy()
    assert (ours * by_openvino(path, images)).sum(1).min() > 0.99999


def test_a_batch_is_what_its_pictures_are_and_every_weight_learns(ir):
    net, _ = ir
    images = torch.from_numpy(pictures(3) / 255)
    assert torch.allclose(net(images)[1:2], net(images[1:2]), atol=1e-5)
    net(images)[:, 0].sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
    assert all(
        parameter.grad.abs().sum() > 0 for name, parameter in net.named_parameters() if "embedding" in name
    )
    net.zero_grad()
    assert net.maps(images).shape == (3, 32, *GRID)
    with pytest.raises(ValueError, match=r"takes maps of \(16, 8\)"):
        net(images[:, :, :192, :96])


def damaged(ir, tmp_path, change) -> Path:
    _, source = ir
    path = tmp_path / "bad.xml"
    text, blob = source.read_text(), source.with_suffix(".bin").read_bytes()
    text, blob = change(text, blob)
    path.write_text(text)
    path.with_suffix(".bin").write_bytes(blob)
    return path


CONSTANT = '<layer id="z%d" type="Const"><data element_type="i32" shape="%s" offset="0" size="%d"/></layer>'
NOTHING = CONSTANT % (0, "1000000000,0", 0)


def copies(blob: bytes) -> str:
    """Constants that are all the whole file."""
    return "".join(CONSTANT % (number, len(blob) // 4, len(blob) // 4 * 4) for number in range(10))


def wide(text: str, blob: bytes) -> tuple[str, bytes]:
    """A convolution of 5,000 channels before all others."""
    layers = CONSTANT % (1, "5000,1,1,1", 20_000) + '<layer id="y" type="Convolution"/>'
    edge = '<edge from-layer="z1" from-port="0" to-layer="y" to-port="1"/>'
    return text.replace("<layers>", "<layers>" + layers).replace("<edges>", "<edges>" + edge), blob


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text, blob: (text, blob[:-8]), "the .bin file is too short"),
        (lambda text, blob: (text[:-40], blob), "damaged or not an OpenVINO IR"),
        (lambda text, blob: ("<!DOCTYPE a [<!ENTITY b 'c'>]>" + text, blob), "declares entities"),
        (lambda text, blob: ("<net><layers/><edges/></net>", blob), "not a person re-identification net"),
        (lambda text, blob: (text.replace('size="', 'size="9'), blob), "does not match its shape"),
        (lambda text, blob: (text.replace('type="MVN"', 'type="Other"'), blob), "not a person re-identif"),
        (
            lambda text, blob: (text.replace('type="MatMul"', 'type="Convolution"'), blob),
            "not a person re-id",
        ),
        (
            lambda text, blob: (text.replace("<layers>", "<layers>" + copies(blob)), blob),
            "far more than there are",
        ),
        (
            lambda text, blob: (text.replace("<layers>", "<layers>" + NOTHING), blob),
            "does not match its shape",
        ),
        (
            lambda text, blob: (text.replace("<layers>", '<layers><layer id="c" type="Convolution"/>'), blob),
            "not a p",
        ),
        (lambda text, blob: wide(text, blob), "more than 4,096 channels"),
        (lambda text, blob: (text.replace('type="PReLU"', 'type="Elu"', 1), blob), None),
        (lambda text, blob: (text, np.full(len(blob) // 2, np.nan, np.float16).tobytes()), "not finite"),
        (lambda text, blob: (text.replace('type="Multiply"', 'type="Other"', 1), blob), None),
    ],
)
def test_damage_is_a_sentence(ir, tmp_path, change, reason):
    path = damaged(ir, tmp_path, change)
    if reason is None:  # names of operations that carry no weights of their own may differ
        load_open_model_zoo(path)
        return
    with pytest.raises(InputError, match=reason):
        load_open_model_zoo(path)


def test_what_is_not_there_is_a_sentence(ir, tmp_path):
    _, path = ir
    alone = tmp_path / "alone.xml"
    alone.write_text(path.read_text())
    with pytest.raises(InputError, match=r"alone\.bin is missing"):
        load_open_model_zoo(alone)
    with pytest.raises(
        InputError, match=r"give an OpenVINO IR .* or one of person-reidentification-retail-0277"
    ):
        load_open_model_zoo("person-reidentification-retail-9999")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"contains 0 \.xml files"):
        load_open_model_zoo(tmp_path / "empty")
    with pytest.raises(InputError, match=r"is not a \.xml file"):
        load_open_model_zoo(path.with_suffix(".bin"))


def test_a_published_net_is_fetched_once_checked_and_kept(ir, tmp_path, monkeypatch):
    _, path = ir
    blob = path.with_suffix(".bin").read_bytes()
    asked = []

    def answer(address):
        asked.append(address)
        return path.read_bytes() if address.endswith(".xml") else blob

    monkeypatch.setenv("THREEDSL_CACHE", str(tmp_path))
    monkeypatch.setattr(open_model_zoo, "download", answer)
    name = "person-reidentification-retail-0277"
    with pytest.raises(InputError, match="is not the published file"):
        load_open_model_zoo(name)
    monkeypatch.setitem(open_model_zoo.PUBLISHED, name, open_model_zoo.digest(blob))
    asked.clear()
    assert load_open_model_zoo(name).config == SMALL
    assert load_open_model_zoo(name).config == SMALL
    assert sorted(address[-4:] for address in asked) == [".bin", ".xml"]
