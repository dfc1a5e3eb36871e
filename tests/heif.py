"""HEIF files box by box; their pictures hold no pixels."""

import struct
from collections.abc import Sequence

Item = tuple[int, bytes, Sequence[int], tuple[int, int]]
"""number, type, the items it is made of, (width, height)"""


def box(kind: bytes, *content: bytes) -> bytes:
    data = b"".join(content)
    return struct.pack(">I", 8 + len(data)) + kind + data


def full(kind: bytes, *content: bytes) -> bytes:
    return box(kind, bytes(4), *content)


def heif(
    items: Sequence[Item], primary: int, extra: bytes = b"", masks: Sequence[tuple[int, int]] = ()
) -> bytes:
    """extra: further boxes. masks: (item, the item whose transparency it is)."""
    references = [
        box(b"dimg", struct.pack(f">HH{len(parts)}H", number, len(parts), *parts))
        for number, _, parts, _ in items
        if parts
    ]
    references += [box(b"auxl", struct.pack(">HHH", item, 1, whole)) for item, whole in masks]
    entries = [full(b"infe", struct.pack(">HH", number, 0), kind, b"\0") for number, kind, _, _ in items]
    sizes = [full(b"ispe", struct.pack(">II", *size)) for *_, size in items]
    places = [struct.pack(">HBB", number, 1, place) for place, (number, *_) in enumerate(items, 1)]
    meta = full(
        b"meta",
        full(b"hdlr", bytes(4), b"pict", bytes(13)),
        full(b"pitm", struct.pack(">H", primary)),
        full(b"iinf", struct.pack(">H", len(items)), *entries),
        full(b"iref", *references),
        box(b"iprp", box(b"ipco", *sizes), full(b"ipma", struct.pack(">I", len(items)), *places)),
        extra,
    )
    return box(b"ftyp", b"heic", bytes(4), b"mif1heic") + meta + box(b"mdat", bytes(8))
