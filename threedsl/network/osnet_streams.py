"""Both streams on OSNet: two person re-identification nets of the Open Model Zoo as starts, no batch norm in either.

The appearance stream is 0277 as it is. The 3D stream is 0286: its first stages are the trunk, its last stage and
pooling the shape encoder, and a copy of its last stage the pose encoder.
"""

import copy
from pathlib import Path

from torch import Tensor, nn

from threedsl.errors import InputError
from threedsl.network.heads import PoseHead, ShapeHead, SpatialPool
from threedsl.network.open_model_zoo import load_open_model_zoo
from threedsl.network.osnet import GRID, HEIGHT, WIDTH, OSNet, OSNetConfig
from threedsl.network.parts import PartFeatures
from threedsl.network.streams import AppearanceStream, ShapeStream, ThreeDSLNetwork

APPEARANCE, SHAPE = (
    OSNetConfig(),
    OSNetConfig(
        stem=48, stages=(192, 288, 384), middle=(48, 72, 96), groups=(16, 8, 16), squeezed=(3, 4, 6), last=384
    ),
)
"""Sizes of 0277 (2.1 million parameters) and 0286 (1.2 million)."""

STARTS = {"appearance": "person-reidentification-retail-0277", "shape": "person-reidentification-retail-0286"}
"""Names of the nets in the Open Model Zoo."""

PUBLISHED = "open-model-zoo"
"""As `pretrained`: both nets are fetched from their makers' address, once."""


class PlainNeck(nn.Module):
    """The feature as it is, for the triplet loss and the classifier alike: the starts have no norm before a
    comparison."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        return pooled, pooled


def build_osnet(config, pretrained: str | None) -> ThreeDSLNetwork:
    """The network of a NetworkConfig; `pretrained` is None, PUBLISHED, or a folder with both nets as OpenVINO IRs.

    Raises:
        InputError: sizes that the nets do not have, or no such nets in `pretrained`.
    """
    check_sizes(config)
    appearance, shape = OSNet(APPEARANCE), OSNet(SHAPE)
    if pretrained is not None:
        load_start(appearance, "appearance", pretrained)
        if config.shape_stream:
            load_start(shape, "shape", pretrained)
    return ThreeDSLNetwork(
        appearance=appearance_stream(appearance),
        shape=shape_stream(shape, config) if config.shape_stream else None,
        mean=(0, 0, 0),  # the nets normalise their input themselves
        std=(1, 1, 1),
    )


def check_sizes(config) -> None:
    """Raises InputError for crops or descriptors of another size than the nets'."""
    if (config.height, config.width) != (HEIGHT, WIDTH) or config.descriptor != APPEARANCE.embedding:
        raise InputError(
            f"network osnet takes crops of {HEIGHT} x {WIDTH} and gives descriptors of {APPEARANCE.embedding}, not "
            f"{config.height} x {config.width} and {config.descriptor}."
        )


def load_start(net: OSNet, stream: str, pretrained: str) -> None:
    """Copy the start of a stream into `net`; raises InputError."""
    if pretrained == "imagenet":
        raise InputError(
            f"network osnet starts from person re-identification nets: set `pretrained` to {PUBLISHED}, which fetches "
            f"them, or to a folder with {' and '.join(f'{name}.xml' for name in STARTS.values())} and their .bin."
        )
    name = STARTS[stream]
    found = load_open_model_zoo(name if pretrained == PUBLISHED else Path(pretrained) / f"{name}.xml")
    if found.config != net.config:
        raise InputError(f"{name} in {pretrained} has other sizes than the {stream} stream.")
    net.load_state_dict(found.state_dict())


def appearance_stream(net: OSNet) -> AppearanceStream:
    """The whole net: its first stages, its last stage, its pooling and embedding."""
    early = nn.Sequential(net.conv1, net.conv2, net.conv3)
    return AppearanceStream(
        encoder=nn.Sequential(early, net.conv4, net.conv5),
        pool=net.embedding,
        neck=PlainNeck(net.config.embedding),
    )


def shape_stream(net: OSNet, config) -> ShapeStream:
    """The net's first stages once, its last stage twice: for shape, and for pose."""
    late = nn.Sequential(net.conv4, net.conv5)
    parts = PartFeatures(net.config.last, config.part_width, config.coarse_vertices) if config.parts else None
    return ShapeStream(
        trunk=nn.Sequential(net.conv1, net.conv2, net.conv3),
        shape_encoder=late,
        shape_pool=net.embedding,
        shape_neck=PlainNeck(net.config.embedding),
        shape_head=ShapeHead(config.descriptor, config.coarse_vertices, config.hidden),
        pose_encoder=copy.deepcopy(late),
        pose_pool=SpatialPool(net.config.last, GRID[0] * GRID[1], config.hidden),
        pose_head=PoseHead(config.hidden, config.hidden),
        parts=parts,
    )
