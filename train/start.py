"""Training in stages: a trained appearance stream stays as it is and the 3D stream starts from its encoder; after that
both streams' descriptors may stay as they are while what predicts bodies from them learns on."""

from dataclasses import replace

from torch import nn

from threedsl.checkpoint import load_checkpoint
from threedsl.errors import InputError
from threedsl.network import ThreeDSLNetwork
from train.config import TrainConfig

FIRST_STAGE = "training-first-stage.json"
"""The first stage's settings, beside `training.json` in the exported checkpoint."""

SECOND_STAGE = "training-second-stage.json"

EARLY_BLOCKS = 5  # of the 3D trunk, up to stride 8: edges and textures, which serve both streams alike


def start_from(network: ThreeDSLNetwork, config: TrainConfig) -> list[nn.Module]:
    """Copy the checkpoint `config.start` into the network and freeze what stays.

    The trunk, both late encoders and the neck of the 3D stream start as copies of the appearance stream's. A checkpoint
    with a 3D stream of its own serves as well: only its appearance stream is taken. Crops may be of another size, which
    convolutions do not mind and descriptors do: they are then those of the smaller or larger picture.

    Returns:
        the frozen modules, to be kept in evaluation mode: the appearance stream and the first blocks of the trunk.

    Raises:
        InputError: the checkpoint is of another backbone or width.
    """
    folder, other, trained = load_checkpoint(config.start)
    for field in ("name", "descriptor"):
        if getattr(other, field) != getattr(config.network, field):
            raise InputError(
                f"{folder} has {field} {getattr(other, field)!r} and cannot start a network with "
                f"{getattr(config.network, field)!r}."
            )
    source = trained.appearance_stream
    network.appearance_stream.load_state_dict(source.state_dict())
    stem, blocks, head = source.encoder
    stream = network.shape_stream
    shared = len(stream.trunk[1])
    late = list(blocks[shared:])
    for target, copied in (
        (stream.trunk[0], stem),
        *zip(stream.trunk[1], blocks[:shared], strict=True),
        *zip(stream.shape_encoder[0], late, strict=True),
        (stream.shape_encoder[1], head),
        (stream.shape_neck, source.neck),
        *zip(stream.pose_encoder, late, strict=True),
    ):
        target.load_state_dict(copied.state_dict())
    frozen = [network.appearance_stream, stream.trunk[0], *stream.trunk[1][:EARLY_BLOCKS]]
    for module in frozen:
        module.requires_grad_(False)
    return frozen


def refine_from(network: ThreeDSLNetwork, config: TrainConfig) -> list[nn.Module]:
    """Load the checkpoint `config.refine` into the network and freeze whatever the descriptors depend on.

    Returns:
        the frozen modules: all but the pose encoder and what regresses bodies.

    Raises:
        InputError: the checkpoint is of another network.
    """
    folder, other, trained = load_checkpoint(config.refine)
    asked = config.network
    if replace(other, shape_share=asked.shape_share, part_shares=asked.part_shares) != asked:
        raise InputError(
            f"{folder} is of another network than `network` in the configuration; make them equal."
        )
    network.load_state_dict(trained.state_dict())
    network.shape_share = trained.shape_share
    stream = network.shape_stream
    stream.part_shares = trained.shape_stream.part_shares
    frozen = [
        network.appearance_stream,
        stream.trunk,
        stream.shape_encoder,
        stream.shape_neck,
    ]
    if stream.parts is not None:
        frozen.append(stream.parts.necks)
    for module in frozen:
        module.requires_grad_(False)
    return frozen
