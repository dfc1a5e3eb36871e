"""Backbones against published implementations and weights."""

import numpy as np
import pytest
import torch
from torch import nn

from threedsl.errors import InputError
from threedsl.network import NetworkConfig, build_network, resnet
from threedsl.network import efficientnet as lite


def tensorflow_same(x, kernel, stride):
    """Padding as TensorFlow documents it, written out with numpy."""
    pads = []
    for side in x.shape[-2:]:
        out = int(np.ceil(side / stride))
        total = max((out - 1) * stride + kernel - side, 0)
        pads.append((total // 2, total - total // 2))
    return torch.from_numpy(np.pad(x.numpy(), ((0, 0), (0, 0), *pads)))


@pytest.mark.parametrize(
    ("kernel", "stride", "side"), [(3, 2, 8), (3, 2, 7), (5, 2, 10), (5, 1, 9), (3, 1, 4), (1, 1, 5)]
)
def test_padding_is_tensorflows(kernel, stride, side):
    torch.manual_seed(0)
    conv = lite.SameConv(4, 4, kernel, stride, groups=4, bias=False)
    x = torch.randn(2, 4, side, side + 1)
    expected = nn.functional.conv2d(tensorflow_same(x, kernel, stride), conv.weight, None, stride, 0, 1, 4)
    assert torch.allclose(conv(x), expected, atol=1e-6)


def test_lite_takes_every_published_weight():
    """Each published tensor but the classifier's lands somewhere, unchanged."""
    weights = lite.published_weights()
    encoder = build_network(NetworkConfig(shape_stream=False), "imagenet").appearance_stream.encoder
    loaded = {tuple(v.shape): [] for v in encoder.state_dict().values()}
    for value in encoder.state_dict().values():
        loaded[tuple(value.shape)].append(value)
    for name, value in weights.items():
        if name.startswith("_fc") or name.endswith("num_batches_tracked"):
            continue
        assert any(torch.equal(value, other) for other in loaded[tuple(value.shape)]), name


@pytest.mark.slow
def test_lite_with_imagenet_weights_sees_a_person(tmp_path):
    """The published classifier on our encoder names clothing or sport for a studio portrait, not noise."""
    from openpeople import __path__ as package

    from threedsl.data.images import load_image
    from threedsl.data.transforms import resize_crop, to_batch

    photo = load_image(f"{package[0]}/data/curated/P001/assets/studio_posture.jpg")
    square = photo[: photo.shape[1]]  # head to waist
    weights = lite.published_weights()
    encoder = build_network(NetworkConfig(shape_stream=False), "imagenet").appearance_stream.encoder.eval()
    with torch.inference_mode():
        pooled = encoder((to_batch([resize_crop(square, (224, 224))]) - 127 / 255) / (128 / 255)).mean((2, 3))
    probabilities = (pooled @ weights["_fc.weight"].T + weights["_fc.bias"]).softmax(1)[0]
    clothing = [
        610,
        834,
        841,
        608,
        617,
        655,
        697,
        770,
        400,
        399,
        501,
        568,
        578,
        601,
        614,
        638,
        639,
        643,
        652,
        689,
        735,
    ]
    assert (
        probabilities[clothing].sum() > 0.2
    )  # 21 of 1,000 classes: jersey, suit, sweatshirt, jean, ... ; chance 0.02


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "millions"), [(18, 11.18), (50, 23.51)])
def test_resnet_has_the_published_size_and_names(depth, millions, tmp_path):
    stages = resnet.resnet_stages(depth)
    assert round(sum(p.numel() for p in stages.parameters()) / 1e6, 2) == millions
    names = stages.state_dict()
    assert {
        "conv1.weight",
        "layer1.0.conv1.weight",
        "layer2.0.downsample.0.weight",
        "layer4.1.bn2.running_var",
    } <= set(names)
    torch.save(stages.state_dict() | {"fc.weight": torch.zeros(1000, 1)}, tmp_path / "resnet.pth")
    again = resnet.resnet_stages(depth)
    resnet.load_stages(again, tmp_path / "resnet.pth")
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in stages.state_dict().items())


def test_resnet_weights_that_do_not_fit_give_a_sentence(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        resnet.load_stages(resnet.resnet_stages(18), tmp_path / "none.pth")
    for name in ("damaged.pth", "damaged.safetensors"):
        (tmp_path / name).write_bytes(b"not weights")
        with pytest.raises(InputError, match="cannot be read"):
            resnet.load_stages(resnet.resnet_stages(18), tmp_path / name)
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "wrong.pth")
    with pytest.raises(InputError, match="do not fit"):
        resnet.load_stages(resnet.resnet_stages(18), tmp_path / "wrong.pth")


@pytest.mark.slow
def test_last_stride_one_keeps_twice_the_resolution():
    x = torch.randn(1, 3, 64, 32)
    shapes = []
    for stride in (1, 2):
        stages = resnet.resnet_stages(50, stride).eval()
        y = resnet.stem_of(stages)(x)
        for i in (1, 2, 3, 4):
            y = stages[f"layer{i}"](y)
        shapes.append(tuple(y.shape))
    assert shapes == [(1, 2048, 4, 2), (1, 2048, 2, 1)]
