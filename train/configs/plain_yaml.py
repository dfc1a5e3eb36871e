"""Untrusted YAML as plain values: no aliases, no deep nesting, limited in bytes."""

from pathlib import Path
from typing import Any

import yaml

from threedsl.errors import InputError

MOST_BYTES = 100_000
DEEPEST = 20
SHOWN = 60


class PlainLoader(yaml.SafeLoader):
    """Plain tables, lists, numbers and words; a few lines of aliases could expand to billions."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.YAMLError(f"the alias *{event.anchor} stands for other lines; write them out")
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.YAMLError(f"more than {DEEPEST} tables or lists inside each other")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read_yaml(path: Path, name: str) -> Any:
    """The values of a YAML file.

    Args:
        name: what the file is, for sentences, such as "Configuration c.yaml".

    Raises:
        InputError: not an ordinary file, too large, not UTF-8 text, or as `parse_yaml`; or FileNotFoundError.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{name} is not an ordinary file; name a YAML file.")
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise InputError(f"{name} is {size:,} bytes, more than any configuration ({MOST_BYTES:,}).")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text in UTF-8"
        raise InputError(f"{name} cannot be read ({reason}).") from None
    return parse_yaml(text, name)


def parse_yaml(text: str, name: str) -> Any:
    """The values of YAML text.

    Raises:
        InputError: it is malformed, uses aliases, is nested deeper than `DEEPEST`, or contains a number or date that
            Python cannot represent.
    """
    try:
        return yaml.load(text, PlainLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{name} is not valid YAML: {reason}.") from None


def shown(value: Any) -> str:
    """A value as Python writes it, shortened for a sentence."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write out integers of more than 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
