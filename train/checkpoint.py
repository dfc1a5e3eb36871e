"""The state of a run on disk: safetensors and JSON, written atomically, enough to go on as if nothing had happened.

No random state is among it: whatever is drawn in a step is a function of the seed and the step's number.
"""

import json
import os
import shutil
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.optim import Optimizer

from threedsl.errors import InputError

STATE = "state.json"


def save_state(
    folder: Path, modules: dict[str, nn.Module], optimizers: dict[str, Optimizer], info: dict
) -> None:
    """Write `folder` so that a crash leaves either the old state or the new one; `info` is plain data."""
    folder = Path(folder)
    fresh, old = _beside(folder, "new"), _beside(folder, "old")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, module in modules.items():
        save_file(
            {key: value.contiguous() for key, value in module.state_dict().items()},
            fresh / f"{name}.safetensors",
        )
    for name, optimizer in optimizers.items():
        tensors = {
            f"{index}.{key}": value.contiguous()
            for index, values in optimizer.state_dict()["state"].items()
            for key, value in values.items()
        }
        save_file(tensors, fresh / f"{name}.safetensors")
    (fresh / STATE).write_text(json.dumps(info, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.replace(folder, old)
    os.replace(fresh, folder)
    shutil.rmtree(old, ignore_errors=True)


def has_state(folder: Path) -> bool:
    """Whether there is a run to resume, also one stopped in the middle of saving."""
    return Path(folder).exists() or _beside(Path(folder), "old").exists()


def read_info(folder: Path) -> dict:
    """The plain data of a saved state.

    Raises:
        InputError: there is none, or it is damaged.
    """
    folder = Path(folder)
    if not folder.exists() and _beside(folder, "old").exists():  # stopped between the two renames
        os.replace(_beside(folder, "old"), folder)
    try:
        return json.loads((folder / STATE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no run to resume in {folder}; start without --resume.") from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"{folder / STATE} is damaged ({error}); delete {folder.parent} and start again."
        ) from None


def load_state(folder: Path, modules: dict[str, nn.Module], optimizers: dict[str, Optimizer]) -> None:
    """Restore what `save_state` wrote into modules and optimisers built from the same configuration."""
    folder = Path(folder)
    try:
        for name, module in modules.items():
            module.load_state_dict(load_file(folder / f"{name}.safetensors"))
        for name, optimizer in optimizers.items():
            state: dict[int, dict] = {}
            for key, value in load_file(folder / f"{name}.safetensors").items():
                index, _, field = key.partition(".")
                state.setdefault(int(index), {})[field] = value
            optimizer.load_state_dict(
                {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
            )
    except (FileNotFoundError, SafetensorError, RuntimeError, KeyError, ValueError) as error:
        raise InputError(
            f"The state in {folder} does not fit this configuration or is damaged ({str(error).splitlines()[0]})."
        ) from None


def _beside(folder: Path, suffix: str) -> Path:
    return folder.with_name(f"{folder.name}.{suffix}")
