"""How much memory a value keeps: pictures, bodies and texts, which is what visits leave in the server's memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

SMALL = 64  # bytes of whatever is none of the kinds below


def weight(value: Any) -> int:
    """Bytes of all arrays, texts and bytes in a value, inside lists, mappings and dataclasses as well; what occurs in
    it several times counts once."""
    total, seen, left = 0, set(), [value]
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        total += _own(one)
        left.extend(_parts(one))
    return total


def _own(value: Any) -> int:
    if isinstance(value, np.ndarray):
        whole = value
        while isinstance(whole.base, np.ndarray):  # a part of an array keeps all of it
            whole = whole.base
        return max(value.nbytes, whole.nbytes)
    return SMALL + (len(value) if isinstance(value, str | bytes | bytearray) else 0)


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield getattr(value, field.name, None)
