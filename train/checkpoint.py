"""The state of a run on disk: safetensors and JSON, written atomically, enough to go on as if nothing had happened."""

import json
import os
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.optim import Optimizer

from threedsl.errors import InputError

STATE = "state.json"


def save_state(
    folder: Path,
    modules: dict[str, nn.Module],
    optimizers: dict[str, Optimizer],
    generator: torch.Generator,
    info: dict,
) -> None:
    """Write `folder` so that a crash leaves either the old state or the new one.

    `info` is plain data; it must hold the step and the configuration.
    """
    folder = Path(folder)
    fresh, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, module in modules.items():
        state = {key: value.contiguous() for key, value in module.state_dict().items()}
        save_file(state, fresh / f"{name}.safetensors")
    for name, optimizer in optimizers.items():
        tensors = {
            f"{index}.{key}": value.contiguous()
            for index, values in optimizer.state_dict()["state"].items()
            for key, value in values.items()
        }
        save_file(tensors, fresh / f"{name}.safetensors")
    save_file({"torch": torch.get_rng_state(), "prior": generator.get_state()}, fresh / "random.safetensors")
    (fresh / STATE).write_text(json.dumps(info, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.replace(folder, old)
    os.replace(fresh, folder)
    shutil.rmtree(old, ignore_errors=True)


def read_info(folder: Path) -> dict:
    """The plain data of a saved state.

    Raises:
        InputError: there is none, or it is damaged.
    """
    folder = Path(folder)
    old = folder.with_name(folder.name + ".old")
    if not folder.exists() and old.exists():  # stopped between the two renames
        os.replace(old, folder)
    try:
        return json.loads((folder / STATE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no run to resume in {folder}; start without --resume.") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{folder / STATE} is damaged ({error}); start without --resume.") from None


def load_state(
    folder: Path, modules: dict[str, nn.Module], optimizers: dict[str, Optimizer], generator: torch.Generator
) -> None:
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
        random = load_file(folder / "random.safetensors")
    except (FileNotFoundError, SafetensorError, RuntimeError, KeyError, ValueError) as error:
        raise InputError(
            f"The state in {folder} does not fit this configuration or is damaged ({str(error).splitlines()[0]})."
        ) from None
    torch.set_rng_state(random["torch"])
    generator.set_state(random["prior"])
