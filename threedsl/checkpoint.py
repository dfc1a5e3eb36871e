"""Checkpoints as a folder: config.json and safetensors, in pieces small enough for git and a Space."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from threedsl.body import DEFAULT_BODY
from threedsl.checkpoint_folder import CONFIG, WEIGHTS, find_checkpoint
from threedsl.errors import InputError
from threedsl.network import NetworkConfig, ThreeDSLNetwork, build_network

SHARD_SIZE = 9_000_000  # bytes; git and a Space ask for LFS above 10 MB
INDEX = "model.safetensors.index.json"


def save_checkpoint(
    network: ThreeDSLNetwork, config: NetworkConfig, folder: str | Path, half: bool = False
) -> None:
    """Write config.json and the weights into folder; other files there, such as README.md, stay.

    Weights lie in files named by their contents, and a small file that says which of them count is replaced last: a
    program killed on the way leaves the old weights or the new ones, never some of both. Where the configuration
    changes as well, it is replaced just before; a kill between the two leaves weights that do not fit it.

    half keeps vectors (biases, batch-norm statistics) in float32: a variance below 6e-8 would become zero.
    """
    from huggingface_hub import save_torch_state_dict

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    if half:
        state = {name: value.half() if value.ndim > 1 else value for name, value in state.items()}
    name = f"model-{fingerprint_of(network, config)[:12]}{'-half' if half else ''}"
    with tempfile.TemporaryDirectory(prefix=".saving-", dir=folder) as made:
        scratch, pattern = Path(made), name + "{suffix}.safetensors"
        save_torch_state_dict(state, scratch, filename_pattern=pattern, max_shard_size=SHARD_SIZE)
        index = scratch / f"{name}.safetensors.index.json"  # not written for weights that fit into one file
        last, target = (index, INDEX) if index.is_file() else (scratch / f"{name}.safetensors", WEIGHTS)
        shards = [path.name for path in scratch.iterdir() if path != last]
        (scratch / CONFIG).write_text(json.dumps(config.to_dict(), indent=2) + "\n", encoding="utf-8")
        for path in scratch.iterdir():
            path.chmod(0o644)  # safetensors lets only the owner read
        for part in [*shards, CONFIG]:
            (scratch / part).replace(folder / part)
        last.replace(folder / target)
    stale = {path.name for path in folder.glob("model*.safetensors*")} - {target, *shards}
    for part in sorted(stale, key=lambda part: part != WEIGHTS):  # a whole file is read rather than an index
        (folder / part).unlink()


def load_checkpoint(source: str | Path) -> tuple[Path, NetworkConfig, ThreeDSLNetwork]:
    """Find a checkpoint and build its network: (its folder, configuration, network in float32 on the CPU).

    Raises:
        InputError: one sentence for whatever is wrong.
    """
    folder = find_checkpoint(source)
    config = _read_config(folder / CONFIG)
    network, state = build_network(config), _read_weights(folder)
    _check_fit(state, network.state_dict(), folder)
    network.load_state_dict(state, strict=True)
    return folder, config, network


def body_of(folder: Path) -> Path:
    """The body file a checkpoint was trained with: its own body.npz, else the shipped one."""
    own = folder / "body.npz"
    return own if own.is_file() else DEFAULT_BODY


def fingerprint_of(network: ThreeDSLNetwork, config: NetworkConfig) -> str:
    """sha256 in hexadecimal over the configuration and every weight's name, shape and float32 values."""
    digest = hashlib.sha256(json.dumps(config.to_dict(), sort_keys=True).encode())
    for name, value in sorted(network.state_dict().items()):
        if value.is_floating_point():
            digest.update(f"{name}{tuple(value.shape)}".encode())
            digest.update(value.detach().float().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def _read_json(path: Path) -> dict:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"Checkpoint {path.parent} has no {path.name}; copy the whole folder again."
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is damaged ({error}); copy the checkpoint again.") from None
    if not isinstance(values, dict):
        raise InputError(f"{path} is damaged (no JSON object); copy the checkpoint again.")
    return values


def _read_config(path: Path) -> NetworkConfig:
    values = _read_json(path)
    try:
        return NetworkConfig.from_dict(values)
    except (InputError, TypeError) as error:
        raise InputError(f"{path} does not describe a network of this program: {error}") from None


def _read_weights(folder: Path) -> dict[str, Tensor]:
    if (folder / WEIGHTS).is_file():
        names = [WEIGHTS]
    elif (folder / INDEX).is_file():
        shards = _read_json(folder / INDEX).get("weight_map")
        if not isinstance(shards, dict) or not all(isinstance(name, str) for name in shards.values()):
            raise InputError(f"{folder / INDEX} is damaged (no weight_map); copy the checkpoint again.")
        names = sorted(set(shards.values()))
    else:
        raise InputError(f"Checkpoint {folder} has no {WEIGHTS}; copy the whole folder again.")
    state: dict[str, Tensor] = {}
    for name in names:
        path = folder / Path(name).name
        if not path.is_file():
            raise InputError(f"Checkpoint {folder} lacks {name}; copy the whole folder again.")
        try:
            state |= load_file(path)
        except (SafetensorError, OSError, ValueError) as error:
            raise InputError(f"{path} is damaged ({error}); copy the checkpoint again.") from None
    return state


def _check_fit(state: dict[str, Tensor], expected: dict[str, Tensor], folder: Path) -> None:
    missing, extra = sorted(set(expected) - set(state)), sorted(set(state) - set(expected))
    wrong = sorted(
        name for name in expected.keys() & state.keys() if expected[name].shape != state[name].shape
    )
    if wrong:
        name = wrong[0]
        example = f"{name} has shape {list(state[name].shape)} instead of {list(expected[name].shape)}"
    elif missing or extra:
        example = f"{missing[0]} is missing" if missing else f"{extra[0]} is not part of the network"
    else:
        return
    raise InputError(
        f"The weights in {folder} do not fit its {CONFIG}: {example}; copy the whole folder again."
    )
