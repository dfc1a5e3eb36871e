"""The template of docs/results.md: Markdown with {{ record > key > key : format }} where a figure stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from benchmarks.results.records import Record
from threedsl.errors import InputError

PLACEHOLDER = re.compile(r"\{\{(.+?)\}\}", re.DOTALL)
Blocks = Mapping[str, Callable[[Mapping[str, Record]], str]]


def fill(template: str, records: Mapping[str, Record], blocks: Blocks) -> tuple[str, set[str]]:
    """The document, and the names of the records that the template itself names.

    blocks: what stands where a placeholder is one of these names alone, such as {{ comparisons }}.

    Raises:
        InputError: a record, a key, a format or a block is unknown, or a value does not fit its format.
    """
    used: set[str] = set()

    def figure(match: re.Match) -> str:
        words = " ".join(match[1].split())
        path, _, form = words.partition(" : ")
        name, *keys = path.split(" > ")
        if not keys and name in blocks:
            return blocks[name](records)
        if name not in records:
            raise InputError(f"{{{{ {words} }}}} names no record (there: {', '.join(records)}).")
        used.add(name)
        value = records[name].at(*keys)
        try:
            return formatted(value, form)
        except (TypeError, KeyError, ValueError):
            raise InputError(
                f"{{{{ {words} }}}} does not fit the value in {records[name].path.name}."
            ) from None

    return PLACEHOLDER.sub(figure, template), used


def formatted(value: object, form: str) -> str:
    """A value as it stands in the text.

    Args:
        value: a number, a word, or {"value": share, "interval": [low, high]}.
        form: "" as it is, with thousands set off; "percent", "interval" and "signed" of shares from 0 to 1, as
            "5.0", "5.0 (2.9 to 7.5)" and "+1.9 (+0.2 to +3.6)"; "number" of anything else, and "range" of a figure with
            an interval that is no share; each but "" may name its decimals, as in "percent.0".
    """
    kind, _, places = form.partition(".")
    if not form:
        return f"{value:,}" if isinstance(value, int) else str(value)
    scale = 1 if kind in ("number", "range") else 100
    places = int(places) if places else 1
    sign = "+" if kind == "signed" else ""
    if kind in ("percent", "number"):
        number = value["value"] if isinstance(value, dict) else value
        return f"{scale * number:,.{places}f}"
    if kind in ("interval", "signed", "range"):
        middle, low, high = (
            f"{scale * one:{sign}.{places}f}" for one in (value["value"], *value["interval"])
        )
        return f"{middle} ({low} to {high})"
    raise ValueError(form)
