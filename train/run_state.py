"""The state of a run on disk: safetensors and JSON, written atomically and sufficient to resume exactly.

It contains no random state: whatever is drawn in a step is a function of the seed and the step number.
"""

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from threedsl.errors import InputError
from threedsl.files import check_folder, recover_folder, whole_folder
from threedsl.locks import held_alone
from threedsl.reading import read_object
from train.config import TrainConfig
from train.configs.upgrade import upgrade

STATE = "state.json"

OLD_NAMES = {"discriminator_optimizer": "judge"}
"""File names used by earlier versions."""

MACHINE_FIELDS = {"graph", "log_every", "save_every", "evaluate_every", "data", "more_data", "out"}
"""Fields that do not affect a step and may differ when a run is resumed: a folder may move, but its content must stay
the same (`TrainingSet.fingerprint`)."""


EVERYONE = {"validation": 0.0}
"""What runs did before there were validation people: they trained on everyone."""


LOG = "log"
"""The folder of TensorBoard's curves below a run's."""


@contextmanager
def only_run(out: Path, since: int | None) -> Iterator[None]:
    """Keep other processes from training in the same folder within the block: they would overwrite each other's states.

    since: the step of the state that was loaded from there; None: there was none.

    Raises:
        InputError: another process does, or did after the state was looked for; or nothing can be written there.
    """
    check_folder(out / LOG, out)
    with held_alone(out / LOG) as alone:
        found = read_info(out / "last")["step"] if alone and has_state(out / "last") else None
        if not alone or found != since:
            raise InputError(
                f"Another process trains in {out}; wait for it, or choose another `out`: they would overwrite each "
                "other's states."
            )
        yield


def save_state(
    folder: Path, modules: dict[str, nn.Module], optimizers: dict[str, Optimizer], info: dict
) -> None:
    """Write `folder`; a crash leaves either the old state or the new one. `info` is plain data.

    Raises:
        InputError: the disk is full or cannot be written; the earlier state is kept and nothing of the new one.
    """
    kept = "the one saved before is whole" if folder.exists() else "nothing of it is left behind"
    again = "with" if folder.exists() else "without"
    with whole_folder(folder) as fresh:
        try:
            for name, tensors in _tensors(modules, optimizers).items():
                save_file(tensors, fresh / f"{name}.safetensors")
            text = json.dumps(info, indent=2, sort_keys=True) + "\n"
            (fresh / STATE).write_text(text, encoding="utf-8")
        except (OSError, SafetensorError) as error:
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise InputError(
                f"The state of the run cannot be written to {folder} ({reason}); {kept}: free some space, then "
                f"continue {again} --resume."
            ) from None


def _tensors(modules: dict[str, nn.Module], optimizers: dict[str, Optimizer]) -> dict[str, dict[str, Tensor]]:
    """File name without ending -> its tensors."""
    weights = {
        name: {key: value.contiguous() for key, value in module.state_dict().items()}
        for name, module in modules.items()
    }
    moments = {
        name: {
            f"{index}.{key}": value.contiguous()
            for index, values in optimizer.state_dict()["state"].items()
            for key, value in values.items()
        }
        for name, optimizer in optimizers.items()
    }
    return weights | moments


def has_state(folder: Path) -> bool:
    """Whether there is a run to resume, even one interrupted while saving."""
    recover_folder(folder, STATE)
    return Path(folder).exists()


def read_info(folder: Path) -> dict:
    """The plain data of a saved state.

    Raises:
        InputError: there is none, or it is damaged.
    """
    folder = Path(folder)
    recover_folder(folder, STATE)
    remedy = f"delete {folder.parent} and start over"
    if not (folder / STATE).exists():
        raise InputError(f"There is no run to resume in {folder}; start without --resume.")
    info = read_object(folder / STATE, remedy)
    kinds = {"step": int, "config": dict, "processes": int}
    if not all(type(info.get(name)) is kind for name, kind in kinds.items()) or info["step"] < 0:
        raise InputError(f"{folder / STATE} is damaged (it lacks what is needed to resume); {remedy}.")
    return info


def load_state(folder: Path, modules: dict[str, nn.Module], optimizers: dict[str, Optimizer]) -> None:
    """Restore what `save_state` wrote into modules and optimisers built from the same configuration."""
    folder = Path(folder)
    try:
        for name, module in modules.items():
            module.load_state_dict(load_file(folder / f"{name}.safetensors"))
        for name, optimizer in optimizers.items():
            state: dict[int, dict] = {}
            file = folder / f"{name}.safetensors"
            if not file.exists() and name in OLD_NAMES:
                file = folder / f"{OLD_NAMES[name]}.safetensors"
            parameters = [one for group in optimizer.param_groups for one in group["params"]]
            for key, value in load_file(file).items():
                index, _, field = key.partition(".")
                if value.ndim and value.shape != parameters[int(index)].shape:
                    raise ValueError(f"{key} of {name} has another shape")
                state.setdefault(int(index), {})[field] = value
            optimizer.load_state_dict(
                {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
            )
    except (FileNotFoundError, SafetensorError, RuntimeError, LookupError, ValueError) as error:
        raise InputError(
            f"The state in {folder} does not match this configuration or is damaged ({str(error).splitlines()[0]}); "
            f"resume with the configuration it was saved with, or delete {folder.parent} and start over."
        ) from None


def whole_settings(recorded: dict) -> dict:
    """A run's recorded settings in today's names. Fields added since had their defaults, here and in the network; new
    fields of `augment` change pictures by default."""
    defaults = TrainConfig().to_dict()
    settings = defaults | EVERYONE | upgrade(recorded)
    settings["network"] = defaults["network"] | settings["network"]
    return settings


def other_values(before: dict, now: dict, aside: Collection[str]) -> list[str]:
    """Names of the fields, but those set `aside`, in which two `whole_settings` differ."""
    return sorted(key for key in now if key not in aside and before.get(key) != now[key])


def refuse_changes(info: dict, config: TrainConfig, processes: int, fingerprints: dict[str, str]) -> None:
    """InputError if the run would resume with other settings or data; `fingerprints` are the data's, by their names in
    the state."""
    now = whole_settings(config.to_dict()) | {"processes": processes}
    before = whole_settings(info["config"]) | {"processes": info["processes"]}
    for values in (before, now):
        values["cycle"] = values["cycle"] or values["steps"]
    # Whole cycles of one length: a longer run begins as the shorter one did.
    if before["cycle"] == now["cycle"] and info["step"] <= now["steps"]:
        before["steps"] = now["steps"]
    changed = other_values(before, now, MACHINE_FIELDS)
    if not changed and info["step"] > now["steps"]:
        changed = ["steps"]
    if changed:
        raise InputError(
            f"The run in {config.out} was started with other values of {', '.join(changed)}; resume it with "
            "those, or choose another `out`."
        )
    # States of earlier versions lack fingerprints to compare.
    if any(info.get(name, value) != value for name, value in fingerprints.items()):
        raise InputError(
            f"The training data of {config.out} have changed: pictures, identities, clothes or keypoints in "
            f"{config.data} are not those the run was started with; restore them to resume."
        )
