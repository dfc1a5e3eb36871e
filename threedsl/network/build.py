"""The network configurations, each built by a function."""

import copy
from dataclasses import asdict, dataclass, fields

from torch import nn

from threedsl.errors import InputError
from threedsl.network import efficientnet as lite
from threedsl.network import resnet
from threedsl.network.heads import (
    AverageMaxPool,
    AveragePool,
    BNNeck,
    PoseHead,
    ShapeHead,
    SpatialPool,
)
from threedsl.network.keypoint_head import KeypointHead
from threedsl.network.osnet_streams import build_osnet
from threedsl.network.parts import BANDS, PartFeatures
from threedsl.network.streams import AppearanceStream, ShapeStream, ThreeDSLNetwork

# Far beyond any network of this kind; an untrusted configuration could otherwise request any amount of memory.
LARGEST = {"height": 1024, "width": 1024, "descriptor": 8192, "hidden": 8192, "coarse_vertices": 100_000}


@dataclass(frozen=True)
class NetworkConfig:
    """Everything needed to build the network; saved with the weights."""

    # "osnet" (two person re-identification nets), "lite" (EfficientNet-Lite0) or "r50" (the paper's ResNet-50 and -18)
    name: str = "lite"
    height: int = 128  # pixels of the person crop
    width: int = 64
    descriptor: int = 512  # dimensions of F_rgb and of F_shape
    hidden: int = 512  # width of the regression heads
    coarse_vertices: int = 615  # of the body model's coarse topology
    shape_stream: bool = True  # False: the appearance-only baseline
    # 3: the multi-granularity shape feature (MGS) of as many bands; 0: the global feature alone
    parts: int = 0
    # weights in F_shape's similarity of the global feature and each part's, chosen after training
    part_shares: list | None = None
    # weight of the shape stream's similarity in the combined one, chosen after training
    shape_share: float = 0.5
    keypoint_head: int = 0  # width of the layers that correct bodies by found keypoints; 0: there are none

    def __post_init__(self):
        if self.name not in BUILDERS:
            raise InputError(
                f"network name {short(self.name)} is unknown; it is one of {', '.join(sorted(BUILDERS))}."
            )
        for field in LARGEST:
            value = getattr(self, field)
            if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
                raise InputError(f"network {field} must be a positive integer, not {short(value)}.")
            if value > LARGEST[field]:
                raise InputError(f"network {field} must be {LARGEST[field]:,} or less, not {short(value)}.")
        if type(self.parts) is not int or self.parts not in (0, len(BANDS)):
            raise InputError(f"network parts must be 0 or {len(BANDS)}, not {short(self.parts)}.")
        if self.parts and not self.part_width:
            raise InputError(
                f"network descriptor must be at least 4 where there are parts, not {self.descriptor}."
            )
        if self.part_shares is not None:
            check_part_shares(self.part_shares, self.parts)
        head = self.keypoint_head
        if isinstance(head, bool) or not isinstance(head, int) or not 0 <= head <= LARGEST["hidden"]:
            raise InputError(
                f"network keypoint_head must be an integer from 0 to {LARGEST['hidden']:,}, not {short(head)}."
            )
        if head and not self.shape_stream:
            raise InputError("network keypoint_head needs the shape stream; set it to 0.")
        if isinstance(self.shape_share, bool) or not 0 < self.shape_share < 1:
            raise InputError(f"network shape_share must be between 0 and 1, not {short(self.shape_share)}.")
        if self.height % 32 or self.width % 32:
            raise InputError(
                f"network height and width must be multiples of 32, not {self.height} x {self.width}."
            )

    @property
    def part_width(self) -> int:
        """Dimensions of the feature of one band of MGS: a quarter of the descriptor's."""
        return self.descriptor // 4

    @property
    def shape_width(self) -> int:
        """Dimensions of the shape descriptor, the parts' among them; 0 without the shape stream."""
        return self.descriptor + self.parts * self.part_width if self.shape_stream else 0

    def to_dict(self) -> dict:
        """Without fields that say no more than older versions did, so that fingerprints stay as they were."""
        return {name: value for name, value in asdict(self).items() if name != "keypoint_head" or value}

    @classmethod
    def from_dict(cls, values: dict) -> "NetworkConfig":
        """Raises InputError on unknown fields or values that do not fit."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise InputError(f"network configuration has unknown fields {short(', '.join(sorted(unknown)))}.")
        return cls(**values)


def short(value: object) -> str:
    """A value from an untrusted file, shortened for a sentence."""
    text = (
        repr(value)
        if not isinstance(value, int) or abs(value) < 10**30
        else "a number of more than 30 digits"
    )
    return text if len(text) <= 80 else f"{text[:79]}…"


def check_part_shares(shares: list, parts: int) -> None:
    """InputError unless there is a weight for the global feature and each part, none negative, with sum 1."""
    numbers = isinstance(shares, list) and all(type(share) in (int, float) for share in shares)
    if not (numbers and len(shares) == 1 + parts and min(shares) >= 0 and abs(sum(shares) - 1) < 1e-6):
        raise InputError(
            f"network part_shares must be {1 + parts} numbers that add up to 1, of the global feature and the "
            f"parts, not {short(shares)}."
        )


def build_network(config: NetworkConfig, pretrained: str | None = None) -> ThreeDSLNetwork:
    """Build the network of a configuration.

    pretrained: None (weights come later), "imagenet" for lite, a folder with torchvision's two files for r50
    (`threedsl.network.resnet.find_weights`), "open-model-zoo" or a folder with both nets for osnet.
    """
    network = BUILDERS[config.name](config, pretrained)
    network.shape_share = config.shape_share
    if network.shape_stream is not None and config.part_shares is not None:
        network.shape_stream.part_shares = config.part_shares
    if config.keypoint_head:
        attach_keypoint_head(network, config)
    return network


def attach_keypoint_head(network: ThreeDSLNetwork, config: NetworkConfig) -> None:
    """Give a network a head that changes nothing yet."""
    posture = network.shape_stream.pose_pool.mix.out_features
    network.shape_stream.keypoint_head = KeypointHead(
        posture + config.descriptor, config.keypoint_head, config.coarse_vertices
    )


def build_lite(config: NetworkConfig, pretrained: str | None) -> ThreeDSLNetwork:
    """EfficientNet-Lite0 twice: stem to block 10 (stride 16) is the 3D trunk, blocks 11-15 are doubled for
    shape and pose."""
    cells = (config.height // 32) * (config.width // 32)
    encoder = nn.Sequential(lite.stem(), lite.blocks(0, 15), lite.head())
    appearance = AppearanceStream(
        encoder=encoder, pool=AveragePool(), neck=BNNeck(lite.HEAD_CHANNELS, config.descriptor)
    )
    shape = None
    if config.shape_stream:
        shape = ShapeStream(
            trunk=nn.Sequential(lite.stem(), lite.blocks(0, 10)),
            shape_encoder=nn.Sequential(lite.blocks(11, 15), lite.head()),
            shape_pool=AveragePool(),
            shape_neck=BNNeck(lite.HEAD_CHANNELS, config.descriptor),
            shape_head=ShapeHead(config.descriptor, config.coarse_vertices, config.hidden),
            pose_encoder=lite.blocks(11, 15),
            pose_pool=SpatialPool(320, cells, config.descriptor),
            pose_head=PoseHead(config.descriptor, config.hidden),
            parts=part_features(config, lite.HEAD_CHANNELS),
        )
    if pretrained is not None:
        weights = lite.published_weights()
        lite.load_stem(encoder[0], weights)
        lite.load_blocks(encoder[1], 0, weights)
        lite.load_head(encoder[2], weights)
        if shape is not None:
            lite.load_stem(shape.trunk[0], weights)
            lite.load_blocks(shape.trunk[1], 0, weights)
            lite.load_blocks(shape.shape_encoder[0], 11, weights)
            lite.load_head(shape.shape_encoder[1], weights)
            lite.load_blocks(shape.pose_encoder, 11, weights)
    return ThreeDSLNetwork(appearance=appearance, shape=shape, mean=(127 / 255,) * 3, std=(128 / 255,) * 3)


def part_features(config: NetworkConfig, channels: int) -> PartFeatures | None:
    """The bands of MGS; None where the configuration has no parts."""
    if not config.parts:
        return None
    return PartFeatures(channels, config.part_width, config.coarse_vertices)


def build_r50(config: NetworkConfig, pretrained: str | None) -> ThreeDSLNetwork:
    """The paper's backbones: ResNet-50 (last stride 1) for appearance; ResNet-18 with layers 3 and 4 doubled."""
    rgb, body = resnet.resnet_stages(50, last_stride=1), resnet.resnet_stages(18, last_stride=2)
    if pretrained is not None:
        if pretrained == "imagenet":
            raise InputError(
                "r50 starts from ImageNet files you give: set `pretrained` to a folder with "
                f"{resnet.PUBLISHED[50]} and {resnet.PUBLISHED[18]} of https://download.pytorch.org/models/."
            )
        used = {50: rgb, 18: body} if config.shape_stream else {50: rgb}
        files = {depth: resnet.find_weights(pretrained, depth) for depth in used}
        for depth, path in files.items():
            resnet.load_stages(used[depth], path)
    cells = (config.height // 32) * (config.width // 32)
    encoder = nn.Sequential(resnet.stem_of(rgb), *(rgb[f"layer{i}"] for i in (1, 2, 3, 4)))
    appearance = AppearanceStream(
        encoder=encoder, pool=AverageMaxPool(), neck=BNNeck(4096, config.descriptor)
    )
    shape = None
    if config.shape_stream:
        late = nn.Sequential(body["layer3"], body["layer4"])
        shape = ShapeStream(
            trunk=nn.Sequential(resnet.stem_of(body), body["layer1"], body["layer2"]),
            shape_encoder=late,
            shape_pool=AverageMaxPool(),
            shape_neck=BNNeck(1024, config.descriptor),
            shape_head=ShapeHead(config.descriptor, config.coarse_vertices, config.hidden),
            pose_encoder=copy.deepcopy(late),
            pose_pool=SpatialPool(512, cells, config.descriptor),
            pose_head=PoseHead(config.descriptor, config.hidden),
            parts=part_features(config, 512),
        )
    return ThreeDSLNetwork(
        appearance=appearance, shape=shape, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
    )


BUILDERS = {"lite": build_lite, "osnet": build_osnet, "r50": build_r50}
