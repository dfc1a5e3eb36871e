"""What opening and decoding an AVIF costs, by its boxes and by the streams in them.

libavif looks through all pictures for each one that a list names, with everything else in the process standing still:
a list of sixty thousand in a megabyte takes it seven seconds. And it decodes a stream of any size, and scales it
down to what the file says.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from threedsl.data.av1 import frame_pixels
from threedsl.data.heif import each_box, only, primary_in, sizes_in

# Bytes of all lists of a file's pictures, in which one takes six or more; grids have some hundreds of pictures.
MOST_LISTED = 3 * 2**14
LIST_ENTRY = 12  # of these, for each property, such as a size or a colour profile
MOST_MOVIE = 2**16  # bytes of what describes an animation: some thousands of frames
MOST_DECODED = 100_000_000  # pixels of all pictures in a file, transparency and previews among them
# The same for each pixel of the picture that is shown: with transparency, both again as the first frame of an
# animation, and sizes of which only the number of bits is known.
MOST_FOR_EACH, FREE_PIXELS = 16, 2**20
_INSIDE = (b"trak", b"mdia", b"minf", b"stbl")  # from an animation to the places of its frames


def is_cheap(data: bytes) -> bool:
    """Whether the lists of an AVIF are as short, and the pictures in it as small, as those of pictures are.

    Raises:
        ValueError: its boxes or streams are invalid.
    """
    try:
        return _is_cheap(memoryview(data))
    except (struct.error, IndexError, KeyError) as error:
        raise ValueError("its boxes are invalid") from error


def _is_cheap(data: memoryview) -> bool:
    total, metas, movies = 0, [], []
    for kind, content in each_box(data):
        if kind == b"meta":
            total += _listed(content[4:])
            metas.append(content[4:])
        elif kind == b"moov":
            movies.append(content)
        if total > MOST_LISTED or (kind == b"moov" and len(content) > MOST_MOVIE):
            return False
    read = pixels = 0
    most = min(MOST_DECODED, FREE_PIXELS + MOST_FOR_EACH * max(map(_shown, metas), default=0))
    for streams in (
        *(_pictures(meta, data) for meta in metas),
        *(_first_frames(movie, data) for movie in movies),
    ):
        for stream in streams:
            read += len(stream)
            if read > 2 * len(data):
                return False
            pixels += frame_pixels(stream)
            if pixels > most:
                return False
    return True


def _listed(meta: memoryview) -> int:
    """Bytes of its lists: colour profiles, and small pictures, are in other boxes."""
    total = 0
    for kind, content in each_box(meta):
        if kind == b"iprp":
            for inner, properties in each_box(content):
                profiles = inner == b"ipco"
                total += LIST_ENTRY * sum(1 for _ in each_box(properties)) if profiles else len(properties)
        else:
            total += LIST_ENTRY + (0 if kind == b"idat" else len(content))
    return total


def _shown(meta: memoryview) -> int:
    """Pixels of the picture that is shown, as the file says."""
    found = only(meta, b"pitm", b"iprp")
    return sizes_in(found[b"iprp"], min).get(primary_in(found[b"pitm"]), 0) if len(found) == 2 else 0


def _pictures(meta: memoryview, data: memoryview) -> Iterator[memoryview]:
    """The stream of each picture that a list names."""
    found = only(meta, b"iinf", b"iloc", b"idat")
    kinds = {}
    if b"iinf" in found:
        infos = found[b"iinf"]
        for kind, info in each_box(infos[8 if infos[0] else 6 :]):
            if kind == b"infe" and info[0] in (2, 3):
                number = ">H" if info[0] == 2 else ">I"
                after = 4 + struct.calcsize(number) + 2
                kinds[struct.unpack_from(number, info, 4)[0]] = bytes(info[after : after + 4])
    for item, inside, extents in _places(found.get(b"iloc", memoryview(bytes(8)))):
        if kinds.get(item) == b"av01":
            source = found.get(b"idat", memoryview(b"")) if inside else data
            parts = [source[start : start + length] for start, length in extents]
            yield parts[0] if len(parts) == 1 else memoryview(b"".join(parts))


def _places(iloc: memoryview) -> Iterator[tuple[int, bool, list[tuple[int, int]]]]:
    """Each picture's number, whether it is in the list's own box, and the starts and lengths of its parts."""
    at, version = 6, iloc[0]

    def number(width: int) -> int:
        nonlocal at
        at += width
        if at > len(iloc):
            raise ValueError("its boxes are invalid")
        return int.from_bytes(iloc[at - width : at], "big")

    offset, length, base, index = iloc[4] >> 4, iloc[4] & 15, iloc[5] >> 4, iloc[5] & 15
    for _ in range(number(4 if version == 2 else 2)):
        item, inside = number(4 if version == 2 else 2), version > 0 and number(2) & 15 == 1
        number(2)
        start, extents = number(base), []
        for _ in range(number(2)):
            number(index if version else 0)
            extents.append((start + number(offset), number(length)))
        yield item, inside, extents


def _first_frames(boxes: memoryview, data: memoryview) -> Iterator[memoryview]:
    """The stream of the first frame of each track, as only that one is decoded."""
    for kind, content in each_box(boxes):
        if kind in _INSIDE:
            yield from _first_frames(content, data)
        elif kind == b"meta":
            yield from _pictures(content[4:], data)
    found = only(boxes, b"stco", b"co64", b"stsz")
    if b"stco" in found and b"co64" in found:
        raise ValueError("its frames are in two places")
    place = next((name for name in (b"stco", b"co64") if name in found), None)
    if place and b"stsz" in found:
        same, count = struct.unpack_from(">II", found[b"stsz"], 4)
        size = same if same or not count else struct.unpack_from(">I", found[b"stsz"], 12)[0]
        if struct.unpack_from(">I", found[place], 4)[0]:
            (start,) = struct.unpack_from(">I" if place == b"stco" else ">Q", found[place], 8)
            yield data[start : start + size]
