"""The finder's weights: read once, when the first photo comes, and checked."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from threading import Lock

import torch

from threedsl.errors import InputError
from threedsl.people.network import MoveNet
from threedsl.shipped import shipped

FINDER = shipped("checkpoints/finder")
WEIGHTS = "movenet-multipose.safetensors"
SHA256 = "c51e1262cb993c1e0d907a6090b230e5833c7bfd9e6daea8774346fbe6cca1e0"
REMEDY = "copy checkpoints/finder again, or re-create it with `python -m train finder`"

_LOADING = Lock()


def load_network() -> MoveNet:
    """The finder's network with its weights, in float32 on the CPU; later calls return the same one.

    Raises:
        InputError: the file is missing or is not the shipped one, with the remedy.
    """
    with _LOADING:
        return _load(FINDER / WEIGHTS)


@lru_cache(maxsize=1)
def _load(path: Path) -> MoveNet:
    from safetensors.torch import load

    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"The people finder {path} cannot be read ({error.strerror}); {REMEDY}.") from None
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise InputError(f"The people finder {path} is damaged or another version; {REMEDY}.")
    with torch.device("meta"):
        network = MoveNet()
    weights = {name: value.float() for name, value in load(content).items()}
    network.load_state_dict(weights, strict=True, assign=True)
    # Depthwise convolutions, half of the work, are faster on this layout.
    return network.requires_grad_(False).eval().to(memory_format=torch.channels_last)
