"""Training in stages: the 3D stream starts from a trained appearance stream, which is frozen; in a last stage both
streams' descriptors may be frozen while pose encoder and body regression keep training. Or fine-tuning: a whole
checkpoint keeps training."""

from dataclasses import replace
from pathlib import Path

from torch import nn

from threedsl.checkpoint.folder import find_checkpoint
from threedsl.checkpoint.weights import load_checkpoint, read_config
from threedsl.errors import InputError
from threedsl.network import NetworkConfig, ThreeDSLNetwork
from threedsl.reading import read_object
from train.config import TrainConfig

FIRST_STAGE = "training-first-stage.json"
"""The first stage's settings, next to `training.json` in the exported checkpoint."""

SECOND_STAGE = "training-second-stage.json"

EARLY_BLOCKS = 5  # of the 3D trunk, up to stride 8: edges and textures, which serve both streams alike


def start_from(network: ThreeDSLNetwork, config: TrainConfig) -> list[nn.Module]:
    """Copy the checkpoint `config.start` into the network and freeze what is kept.

    The trunk, both late encoders and the neck of the 3D stream start as copies of the appearance stream's. A checkpoint
    with a 3D stream may be used as well: only its appearance stream is taken. The crop size may differ; convolutions
    accept any, but the descriptors are then those of a smaller or larger picture.

    Returns:
        the frozen modules, to be kept in evaluation mode: the appearance stream and the first blocks of the trunk.

    Raises:
        InputError: the checkpoint has another backbone or width.
    """
    folder = find_checkpoint(config.start)
    other, trained = load_checkpoint(folder)
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
    return frozen


def refine_from(network: ThreeDSLNetwork, config: TrainConfig) -> list[nn.Module]:
    """Load the checkpoint `config.refine` into the network and freeze everything that the descriptors depend on; where
    identity losses have a weight, the features of the parts learn on.

    Returns:
        the frozen modules: all but the pose encoder, the body regression and, maybe, the parts.

    Raises:
        InputError: the checkpoint has another network.
    """
    folder = find_checkpoint(config.refine)
    other, trained = load_checkpoint(folder)
    wanted = config.network
    same = replace(other, shape_share=wanted.shape_share, part_shares=wanted.part_shares, keypoint_head=0)
    if same != wanted:
        raise InputError(
            f"The network of {folder} differs from `network` in the configuration; make them equal."
        )
    load_without_keypoint_head(network, trained)
    network.shape_share = trained.shape_share
    stream = network.shape_stream
    stream.part_shares = trained.shape_stream.part_shares
    frozen = [
        network.appearance_stream,
        stream.trunk,
        stream.shape_encoder,
        stream.shape_pool,
        stream.shape_neck,
    ]
    if stream.parts is not None and not config.refines_parts:
        frozen.append(stream.parts.necks)
    return frozen


def with_its_network(config: TrainConfig) -> TrainConfig:
    """A configuration with `finetune` gets the network of that checkpoint; every other one stays as it is.

    Raises:
        InputError: the configuration asks for another network.
    """
    if not config.finetune:
        return config
    folder = find_checkpoint(config.finetune)
    whole = read_config(folder)
    theirs = replace(whole, keypoint_head=0)
    if config.network not in (NetworkConfig(), theirs, whole):
        raise InputError(
            f"finetune takes the network of {folder}; leave `network` out of the configuration and the overrides."
        )
    own = folder / "body.npz"
    return replace(config, network=theirs, body=config.body or (str(own) if own.is_file() else None))


def finetune_from(network: ThreeDSLNetwork, config: TrainConfig) -> None:
    """Load the checkpoint `config.finetune` into its own network, shares included; nothing is frozen."""
    _, trained = load_checkpoint(find_checkpoint(config.finetune))
    load_without_keypoint_head(network, trained)


def load_without_keypoint_head(network: ThreeDSLNetwork, trained: ThreeDSLNetwork) -> None:
    """A run changes what the head goes by, so `train keypoints` makes a new one afterwards."""
    if trained.shape_stream is not None:
        trained.shape_stream.keypoint_head = None
    network.load_state_dict(trained.state_dict())


def first_stages(network: ThreeDSLNetwork) -> list[nn.Module]:
    """What makes the early maps of both streams."""
    found = [network.appearance_stream.encoder[0]]
    return found if network.shape_stream is None else [*found, network.shape_stream.trunk]


def seen_before(config: TrainConfig) -> list[str]:
    """Sentences about earlier stages that trained on people who are validation people now."""
    found = []
    for source in filter(None, (config.start, config.refine, config.finetune)):
        for path in sorted(find_checkpoint(source).glob("training*.json")):
            before = read_object(path)
            same = Path(before.get("data") or "").resolve() == Path(config.data).resolve()
            draw = (before.get("validation", 0.0), before.get("validation_seed", 0))
            if same and draw != (config.validation, config.validation_seed):
                found.append(
                    f"{source} was itself trained on {config.data} ({path.name}), on people who are validation people "
                    "now: their scores are too good, and choices lean to what was trained then."
                )
                break
    return found
