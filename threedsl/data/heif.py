"""What decoding a HEIF picture costs, by its boxes.

A picture may be put together from others, and these again: a few kilobytes may name a hundred pictures of 50 megapixels
for a result of 64 by 64.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

# In a row, and entries of a list; a phone's photo of 48 megapixels has some hundreds of tiles.
MOST_BOXES = 20_000
MOST_NESTED = 8  # pictures made from pictures

Boxes = dict[bytes, memoryview]


@dataclass(frozen=True)
class Heif:
    """A file that pillow_heif has opened, with the pixels that decoding it takes."""

    file: Any
    pixels: int

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the result."""
        return self.file.size

    def to_pillow(self) -> Image.Image:
        """Decode it."""
        return self.file.to_pillow()


def decoded_pixels(data: bytes) -> int:
    """Pixels of all pictures that the primary one is made of, each as often as it is used.

    Raises:
        ValueError: the boxes are not those of one HEIF picture, or say no size.
    """
    try:
        return _decoded_pixels(memoryview(data))
    except (struct.error, KeyError, IndexError) as error:
        raise ValueError("its boxes are invalid") from error


def _decoded_pixels(data: memoryview) -> int:
    meta = only(only(each_box(data), b"meta")[b"meta"][4:], b"pitm", b"iprp", b"iref")
    primary = primary_in(meta[b"pitm"])
    sizes = sizes_in(meta[b"iprp"])
    parts = _parts(meta[b"iref"]) if b"iref" in meta else {}

    @cache
    def cost(item: int, depth: int = 0) -> int:
        if depth > MOST_NESTED:
            raise ValueError("it is made from pictures made from others, too often")
        return sizes[item] + sum(cost(part, depth + 1) for part in parts.get(item, ()))

    return cost(primary)


def each_box(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """The type and the content of each box in a row of them."""
    at, count = 0, 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", data, at + 8), 16
        elif size == 0:
            size = len(data) - at
        count = _few(count + 1)
        if size < head or at + size > len(data):
            raise ValueError("its boxes are invalid")
        yield kind, data[at + head : at + size]
        at += size


def only(boxes: memoryview | Iterator[tuple[bytes, memoryview]], *kinds: bytes) -> Boxes:
    """The boxes of these kinds, of which programs would read another one each if there were two."""
    found: Boxes = {}
    for kind, content in each_box(boxes) if isinstance(boxes, memoryview) else boxes:
        if kind in kinds:
            if kind in found:
                raise ValueError(f"it has more than one {kind.decode()}")
            found[kind] = content
    return found


def number_at(data: memoryview, width: int) -> int:
    """The number of so many bytes at the start."""
    if len(data) < width:
        raise ValueError("its boxes are invalid")
    return int.from_bytes(data[:width], "big")


def primary_in(pitm: memoryview) -> int:
    """The number of the picture that is shown."""
    return number_at(pitm[4:], 4 if pitm[0] else 2)


def sizes_in(iprp: memoryview, of_several: Callable[[int, int], int] = max) -> Mapping[int, int]:
    """Pixels of each picture, by its number; where it is said to have several sizes, of the largest one, or what
    `of_several` says."""
    properties = list(each_box(only(iprp, b"ipco")[b"ipco"]))
    pixels: dict[int, int] = {}
    for content in (content for kind, content in each_box(iprp) if kind == b"ipma"):
        version, wide, at = content[0], content[3] & 1, 8
        for _ in range(_few(number_at(content[4:], 4))):
            width = 4 if version else 2
            item, count = number_at(content[at:], width), content[at + width]
            at += width + 1
            for _ in range(count):
                index = number_at(content[at:], 1 + wide) & (0x7FFF if wide else 0x7F)
                at += 1 + wide
                if 0 < index <= len(properties) and properties[index - 1][0] == b"ispe":
                    size = struct.unpack_from(">II", properties[index - 1][1], 4)
                    area = size[0] * size[1]
                    pixels[item] = of_several(pixels.get(item, area), area)
    return pixels


def _parts(iref: memoryview) -> Mapping[int, list[int]]:
    """The pictures that each is made of, its transparency among them."""
    width, total = 4 if iref[0] else 2, 0
    parts: dict[int, list[int]] = {}
    for kind, content in each_box(iref[4:]):
        if kind not in (b"dimg", b"auxl"):
            continue
        item, count = number_at(content, width), number_at(content[width:], 2)
        total = _few(total + count)
        for at in range(width + 2, width + 2 + width * count, width):
            other = number_at(content[at:], width)
            whole, part = (item, other) if kind == b"dimg" else (other, item)
            parts.setdefault(whole, []).append(part)
    return parts


def _few(count: int) -> int:
    if count > MOST_BOXES:
        raise ValueError("it is made from too many pictures")
    return count
