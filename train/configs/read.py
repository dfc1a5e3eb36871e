"""Reading a configuration: a YAML file, merged over the one it names as `base`, then overrides.

OmegaConf would merge as well, but its messages name neither the file nor the known fields.
"""

import dataclasses
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from threedsl.errors import InputError
from train.config import TrainConfig
from train.configs.plain_yaml import parse_yaml, read_yaml, shown
from train.configs.upgrade import upgrade

LONGEST_WORD = 4096


def load_config(
    path: str | Path, overrides: list[str] | None = None, changes: Sequence[str | Path] = ()
) -> TrainConfig:
    """Read a YAML file; overrides are `field=value` or `section.field=value`.

    changes: further YAML files whose fields replace those of the first, such as train/configs/lite.yaml; overrides come
    last.

    `base: FILE`, relative to the file itself, is read first; the file has only what differs from it. A checkpoint's
    training.json can be read too, including one of an earlier version.

    Raises:
        InputError: naming the file and the field.
    """
    values = read_values(Path(path))
    for change in changes:
        values = merged(values, read_values(Path(change)))
    for override in overrides or []:
        values = merged(values, read_override(override))
    return build(TrainConfig, values)


def read_values(path: Path, above: tuple[Path, ...] = ()) -> dict:
    """The fields set by a file and its bases, each file checked on its own; `above` are the files based on it."""
    try:
        values = read_yaml(path, f"Configuration {path}") or {}
    except FileNotFoundError:
        role = f", the base of {above[-1]}," if above else ""
        raise InputError(
            f"Configuration {path}{role} does not exist; the shipped ones are in train/configs/."
        ) from None
    if not isinstance(values, dict):
        raise InputError(f"Configuration {path} must be a table of fields.")
    base = values.pop("base", None)
    values = checked(TrainConfig, upgrade(values), str(path))
    if base is None:
        return values
    if not isinstance(base, str):
        raise InputError(f"{path}, field base: expected the path of a configuration, not {shown(base)}.")
    above = (*above, path)
    below = path.parent / base
    if below.resolve() in [one.resolve() for one in above]:
        raise InputError(f"{path}, field base: {base} is based on this file itself.")
    return merged(read_values(below, above), values)


def read_override(override: str) -> dict:
    """`section.field=value` as the table it stands for."""
    key, equals, text = override.partition("=")
    if not equals:
        raise InputError(f"override {shown(override)} must look like field=value.")
    value = parse_yaml(text, f"override {shown(override)}: {shown(text)}")
    for name in reversed(key.split(".")):
        value = {name: value}
    return checked(TrainConfig, upgrade(value), f"override {shown(override)}")


def merged(below: dict, above: dict) -> dict:
    """Two tables merged, section by section; `above` takes precedence."""
    sections = {
        name: merged(below[name], value)
        for name, value in above.items()
        if isinstance(value, dict) and isinstance(below.get(name), dict)
    }
    return below | above | sections


def checked(kind: type, values: Any, where: str) -> dict:
    """Plain values for a (nested) dataclass, with names and types checked and numbers converted.

    Raises:
        InputError: beginning with `where`.
    """
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}
    if not isinstance(values, dict):
        raise InputError(f"{where}: expected a table of {', '.join(sorted(known))}, not {shown(values)}.")
    unknown = [name for name in values if name not in known]
    if unknown:
        raise InputError(f"{where}: unknown field {shown(unknown[0])}; known are {', '.join(sorted(known))}.")
    return {
        name: checked(hints[name], value, f"{where}, {name}")
        if dataclasses.is_dataclass(hints[name])
        else _scalar(hints[name], value, f"{where}, field {name}")
        for name, value in values.items()
    }


def build(kind: type, values: dict):
    """The (nested) dataclass of checked values."""
    hints = get_type_hints(kind)
    return kind(
        **{
            name: build(hints[name], value) if dataclasses.is_dataclass(hints[name]) else value
            for name, value in values.items()
        }
    )


def _scalar(hint, value, where: str):
    allowed = getattr(hint, "__args__", (hint,))
    if hint is str and value is False:  # YAML reads the word no as false
        return "no"
    if float in allowed and isinstance(value, str):  # YAML reads 6e-4 as text
        with suppress(ValueError):
            value = float(value)
    if float in allowed and isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 2**53:
        return float(value)
    if (isinstance(value, bool) and bool not in allowed) or not isinstance(value, allowed):
        names = " or ".join("nothing" if kind is type(None) else kind.__name__ for kind in allowed)
        raise InputError(f"{where}: expected {names}, not {shown(value)}.")
    if isinstance(value, str) and len(value) > LONGEST_WORD:
        raise InputError(
            f"{where}: {len(value):,} characters are more than any name or path ({LONGEST_WORD:,})."
        )
    if isinstance(value, float) and not 0 <= value < math.inf:
        raise InputError(f"{where}: expected a number of 0 or more, not {value}.")
    return value
