"""Checkpoints as a folder: config.json and safetensors, in pieces small enough for git and a Space."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, float64, isfinite
from torch import device as on_device

from threedsl.body import DEFAULT_BODY
from threedsl.checkpoint.folder import CONFIG, WEIGHTS
from threedsl.errors import InputError
from threedsl.files import reason_of
from threedsl.locks import is_abandoned, locked
from threedsl.network import NetworkConfig, ThreeDSLNetwork, build_network
from threedsl.reading import read_file, read_object

AGAIN = "copy the checkpoint again"
CHECKSUMS = "sha256"  # in the index's metadata: of every piece, by its name
MOST_WEIGHT_BYTES = 4 * 2**30  # of one file
MOST_PIECES = 1000
SAVING = ".saving-"
SHARD_SIZE = 9_000_000  # bytes; git and a Space ask for LFS above 10 MB
INDEX = "model.safetensors.index.json"


def save_checkpoint(
    network: ThreeDSLNetwork, config: NetworkConfig, folder: str | Path, half: bool = False
) -> None:
    """Write config.json and the weights into folder; other files there, such as README.md, stay.

    Weights are stored in files named by their contents, and a small index of the current ones is replaced last: a
    program killed on the way leaves the old weights or the new ones, never a mixture. If the configuration changes as
    well, it is replaced just before; a kill between the two leaves weights that do not fit it.

    half keeps vectors (biases, batch-norm statistics) in float32: a variance below 6e-8 would become zero.

    Raises:
        InputError: nothing can be written there, or the disk is full.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            for left in folder.glob(f"{SAVING}*"):
                if is_abandoned(left):
                    shutil.rmtree(left, ignore_errors=True)
            made = tempfile.TemporaryDirectory(prefix=SAVING, dir=folder)
            scratch = Path(made.name)
        with made, locked(scratch):
            _write(network, config, folder, scratch, half)
    except (OSError, SafetensorError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else str(error).splitlines()[0]
        raise InputError(
            f"Checkpoint {folder} cannot be written ({reason}); free some space or choose another place."
        ) from None


def _write(network: ThreeDSLNetwork, config: NetworkConfig, folder: Path, scratch: Path, half: bool) -> None:
    from huggingface_hub import save_torch_state_dict

    state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    if half:
        state = {name: value.half() if value.ndim > 1 else value for name, value in state.items()}
    name = f"model-{fingerprint_of(network, config)[:12]}{'-half' if half else ''}"
    pattern = name + "{suffix}.safetensors"
    save_torch_state_dict(state, scratch, filename_pattern=pattern, max_shard_size=SHARD_SIZE)
    index = scratch / f"{name}.safetensors.index.json"  # only written for weights that need several files
    last, target = (index, INDEX) if index.is_file() else (scratch / f"{name}.safetensors", WEIGHTS)
    shards = [path.name for path in scratch.iterdir() if path != last]
    if last == index:
        _record_checksums(index, shards)
    (scratch / CONFIG).write_text(json.dumps(config.to_dict(), indent=2) + "\n", encoding="utf-8")
    for path in scratch.iterdir():
        path.chmod(0o644)  # safetensors makes files readable by the owner only
    with locked(folder):  # otherwise another writer may take these pieces for old ones
        for part in [*shards, CONFIG]:
            (scratch / part).replace(folder / part)
        last.replace(folder / target)
        stale = {path.name for path in folder.glob("model*.safetensors*")} - {target, *shards}
        for part in sorted(
            stale, key=lambda part: part != WEIGHTS
        ):  # a whole file takes precedence over an index
            (folder / part).unlink()


def load_checkpoint(folder: Path) -> tuple[NetworkConfig, ThreeDSLNetwork]:
    """The configuration and the network, float32 on the CPU, of a folder that `find_checkpoint` found.

    Raises:
        InputError: the folder is damaged or incomplete.
    """
    config = read_config(folder)
    state = _read_weights(folder)
    with on_device("meta"):  # shapes without memory: config.json could request any amount of it
        network = build_network(config)
    expected = network.state_dict()
    _check_fit(state, expected, folder)
    # A copy has memory of its own, aligned as PyTorch's kernels want it.
    weights = {name: value.to(expected[name].dtype, copy=True) for name, value in state.items()}
    network.load_state_dict(weights, strict=True, assign=True)
    return config, network


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


def _record_checksums(index: Path, pieces: list[str]) -> None:
    """Add the sha256 of the pieces, which are next to the index, to its metadata."""
    content = json.loads(index.read_text(encoding="utf-8"))
    content["metadata"][CHECKSUMS] = {
        name: hashlib.sha256((index.parent / name).read_bytes()).hexdigest() for name in sorted(pieces)
    }
    index.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_config(folder: Path) -> NetworkConfig:
    """The configuration alone.

    Raises:
        InputError: config.json is missing, or describes no network of this program.
    """
    path = folder / CONFIG
    if not path.exists():
        raise InputError(f"Checkpoint {path.parent} has no {path.name}; copy the whole folder again.")
    values = read_object(path, AGAIN)
    try:
        return NetworkConfig.from_dict(values)
    except (InputError, TypeError) as error:
        raise InputError(f"{path} does not describe a network of this program: {error}") from None


def _read_weights(folder: Path) -> dict[str, Tensor]:
    """The weights as stored, checked against the checksums in the index, if any."""
    if (folder / WEIGHTS).exists():
        checksums: dict[str, str | None] = {WEIGHTS: None}
    elif (folder / INDEX).exists():
        checksums = _pieces(folder / INDEX)
    else:
        raise InputError(f"Checkpoint {folder} has no {WEIGHTS}; copy the whole folder again.")
    state: dict[str, Tensor] = {}
    for name, checksum in checksums.items():
        path = folder / Path(name).name
        if not path.exists():
            raise InputError(f"Checkpoint {folder} lacks {name[:200]}; copy the whole folder again.")
        data = read_file(path, MOST_WEIGHT_BYTES)
        if checksum is not None and hashlib.sha256(data).hexdigest() != checksum:
            raise InputError(f"{path} is damaged (its sha256 is not the one in {INDEX}); {AGAIN}.")
        try:
            state |= load(data)
        except (SafetensorError, ValueError, RuntimeError, KeyError) as error:
            raise InputError(f"{path} is damaged ({str(error)[:200]}); {AGAIN}.") from None
    for name, value in state.items():
        # A sum is several times faster than checking every number, and cannot overflow in float64.
        if value.is_floating_point() and not isfinite(value.sum(dtype=float64)):
            raise InputError(
                f"The weights in {folder} are damaged ({name} contains NaN or infinity); copy the checkpoint again, or "
                "go back to an earlier state of the training."
            )
    return state


def _pieces(index: Path) -> dict[str, str | None]:
    """The index's files and their sha256 in hexadecimal; None for an index that records none."""
    content = read_object(index, AGAIN)
    files, metadata = content.get("weight_map"), content.get("metadata", {})
    if not isinstance(files, dict) or not all(isinstance(name, str) and name for name in files.values()):
        raise InputError(f"{index} is damaged (no weight_map); {AGAIN}.")
    names = sorted(set(files.values()))
    recorded = metadata.get(CHECKSUMS) if isinstance(metadata, dict) else None
    if recorded is None:
        recorded = dict.fromkeys(names)
    elif not isinstance(recorded, dict) or not all(isinstance(recorded.get(name), str) for name in names):
        raise InputError(f"{index} is damaged (not every piece has its sha256); {AGAIN}.")
    if len(names) > MOST_PIECES:
        raise InputError(f"{index} is damaged (more than {MOST_PIECES} pieces); {AGAIN}.")
    return {name: recorded[name] for name in names}


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
