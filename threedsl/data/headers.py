"""Header checks before anything is decoded, which refuse what no real picture needs.

Pillow and its libraries do whatever a file asks for: a thousand passes over a progressive JPEG, a Python object for
each of millions of empty chunks, a comment that is copied for each of its blocks. This module estimates what reading
would cost, in time linear in the bytes and without copying them. Each check steps through a file as its decoder does.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from threedsl.errors import InputError

JPEG = b"\xff\xd8\xff"
MOST_SEGMENTS = 4096  # of a JPEG; a camera's has some twenty, a colour profile and a depth map some hundreds
MOST_JUNK = 2**16  # bytes between the segments before the first scan of a JPEG
MOST_EXIF = 64  # segments of a JPEG with EXIF, which is copied for each of them; cameras write one
MOST_CHUNKS = 2**15  # of a PNG or WebP; encoders write 8 kB of pixels, or a frame, to a chunk
MOST_PACKED = 256  # chunks of a PNG that are unpacked, to up to a megabyte each: profiles and texts
MOST_TEXT = (
    2**22
)  # bytes of a PNG's texts, of which EXIF may be one: each of its lines becomes a Python object
MOST_EXTENSION = 2**20  # bytes of comments and profiles before the first frame of a GIF
MOST_RLE = 4_000_000  # pixels and bytes of a run-length BMP, which Pillow decodes in Python
MOST_TIFF_VALUES = 2**17  # of one field; the strips of a picture of one row each are as many as its rows
FREE_TILE = 2**22  # pixels of a TIFF's tile; a larger one has at most twice those of the picture

_MARKER = re.compile(
    rb"\xff[^\x00\xd0-\xd7\xff]"
)  # what ends entropy-coded data: restarts and stuffed bytes do not
_ALONE = frozenset((*range(0x01, 0xC0), 0xD8))  # markers without a length; libjpeg knows none of the first
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# The end, and segments that libjpeg does not read: before the first scan Pillow looks for more segments after the one
# and inside the others, and reads DHP as another frame.
_UNREAD = frozenset((0xD9, 0xDE, 0xC8, *range(0xF0, 0xFE)))
# Bytes of all segments of a kind before the first scan, which Pillow takes apart: tables, and what Photoshop says.
_MOST_OF = {0xDB: 2**16, 0xED: 2**23}
_SEQUENTIAL = frozenset((0xC0, 0xC1))
# BYTE, ASCII, UNDEFINED: maker notes, profiles and descriptions, never interpreted
_TIFF_BYTES = frozenset((1, 2, 7))
# What says where the pixels are, which Pillow goes through one by one whatever its type is: samples, strips, tiles and
# colours.
_TIFF_LAYOUT = frozenset((258, 273, 277, 278, 279, 320, 322, 323, 324, 325, 338, 339))
_TIFF_SIZES = {256: "width", 257: "height", 322: "tile_width", 323: "tile_height"}
_TIFF_NUMBERS = {3: "H", 4: "I"}  # SHORT, LONG
_TIFF_COMPRESSION, _JPEG_IN_TIFF = 0x0103, frozenset((6, 7))
_PACKED, _TEXTS = frozenset((b"iCCP", b"zTXt", b"iTXt")), frozenset((b"tEXt", b"zTXt", b"iTXt"))


@dataclass(frozen=True)
class Jpeg:
    """The first picture of a JPEG file.

    whole: all coefficients must be kept until the last scan, so that memory and time are those of the full size
        whatever size is decoded; true of progressive files and of those with a scan for each colour.
    """

    width: int
    height: int
    scans: int
    whole: bool


def read_jpeg(data: bytes, name: str) -> Jpeg:
    """Count the scans up to the end of the first picture, stepping over segments as libjpeg does, so that neither a
    thumbnail in EXIF nor a second picture after the first counts.

    Raises:
        InputError: no frame header was found, or more than one, or far more segments than a picture has.
    """
    size, components, sequential, scans, in_first = None, 0, True, 0, 0
    at, junk, segments, exif = 2, 0, 0, 0
    left = dict(_MOST_OF)
    while match := _MARKER.search(data, at):
        marker, segments = data[match.start() + 1], segments + 1
        junk += 0 if scans else match.start() - at
        if junk > MOST_JUNK or segments > MOST_SEGMENTS:
            raise _overfull(name, "JPEG")
        at = match.end()
        if marker in _ALONE:
            continue
        if not scans and marker in _UNREAD:
            raise _damaged(name)
        if marker == 0xD9 or at + 2 > len(data):
            break
        body, at = at + 2, at + int.from_bytes(data[at : at + 2], "big")
        if marker in left and not scans:
            left[marker] -= at - body
            if left[marker] < 0:
                raise _overfull(name, "JPEG")
        if marker in _FRAMES and not scans:
            if size is not None or body + 6 > len(data) or at != body + 6 + 3 * data[body + 5]:
                raise _damaged(name)
            height, width = struct.unpack_from(">HH", data, body + 1)
            size, components, sequential = (width, height), data[body + 5], marker in _SEQUENTIAL
        elif marker == 0xE1 and data.startswith(b"Exif\0\0", body):
            exif += 1
            if exif > MOST_EXIF:
                raise _overfull(name, "JPEG")
        elif marker == 0xDA:
            scans += 1
            if scans == 1 and body < len(data):
                in_first = data[body]
    if size is None:
        raise _damaged(name)
    return Jpeg(*size, scans, not sequential or in_first < components)


def check_header(data: bytes, name: str) -> None:
    """Scan a JPEG, PNG, WebP, GIF, BMP or TIFF for what costs far more than its pixels; other bytes pass.

    Raises:
        InputError: one was found, or a header points beyond the end.
    """
    try:
        if data.startswith(JPEG):
            read_jpeg(data, name)
        elif data.startswith(b"\x89PNG\r\n\x1a\n"):
            _check_png(data, name)
        elif data.startswith((b"GIF87a", b"GIF89a")):
            _check_gif(data, name)
        elif data.startswith(b"RIFF"):
            _check_webp(data, name)
        elif data.startswith(b"BM"):
            _check_bmp(data, name)
        elif data.startswith((b"II", b"MM")):
            _check_tiff(data, name)
    except InputError:
        raise
    except (struct.error, IndexError, ValueError):
        raise _damaged(name) from None


def _check_png(data: bytes, name: str) -> None:
    at, chunks, packed, text = 8, 0, 0, 0
    while at + 8 <= len(data):
        kind = data[at + 4 : at + 8]
        chunks, packed = chunks + 1, packed + (kind in _PACKED)
        length = int.from_bytes(data[at : at + 4], "big")
        text += length if kind in _TEXTS else 0
        if chunks > MOST_CHUNKS or packed > MOST_PACKED or text > MOST_TEXT:
            raise _overfull(name, "PNG")
        if kind == b"IEND":
            return
        at += 12 + length


def _check_webp(data: bytes, name: str) -> None:
    """libwebp keeps each of its chunks, while nothing else runs."""
    at, chunks = 12, 0
    while at + 8 <= len(data):
        chunks += 1
        if chunks > MOST_CHUNKS:
            raise _overfull(name, "WebP")
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2


def _check_gif(data: bytes, name: str) -> None:
    """Up to the first frame, as Pillow steps: it appends the blocks of a comment one by one, each time copying what it
    has, and looks for the next extension byte by byte."""
    at = start = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)

    def block() -> bool:
        nonlocal at
        length = data[at]
        at += 1 + length
        if at - start > MOST_EXTENSION:
            raise _overfull(name, "GIF")
        return length > 0

    while data[at] not in (0x2C, 0x3B):  # the first frame, the end
        at += 1
        if data[at - 1] == 0x21:
            label, first = data[at], data[at + 2 : at + 13]
            at += 1
            more = block()
            if label == 0xFE and not more:
                continue
            if label == 0xFF and more and first == b"NETSCAPE2.0":
                block()
            while block():
                pass
        elif at - start > MOST_EXTENSION:
            raise _overfull(name, "GIF")


def _check_bmp(data: bytes, name: str) -> None:
    (header,) = struct.unpack_from("<I", data, 14)
    if header < 40:
        return
    width, height, _, _, compression = struct.unpack_from("<iiHHI", data, 18)
    if compression in (1, 2) and max(abs(width) * abs(height), len(data)) > MOST_RLE:
        raise InputError(f"{name} is a large run-length coded BMP; export it as PNG or JPEG.")


def _check_tiff(data: bytes, name: str) -> None:
    """Of the first directory. Pillow turns the numbers of a field into Python objects one by one, and a strip or tile
    is one more object; a tile is decoded whole, however little of it is in the picture; progressive JPEG inside is
    beyond counting."""
    if data[:4] not in (b"II*\0", b"MM\0*"):
        raise InputError(f"{name} is an unusual kind of TIFF; export it as PNG or JPEG.")
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at)
    sizes: dict[str, int] = {}
    before: set[int] = set()
    for i in range(count):
        tag, kind, values, value = struct.unpack_from(f"{order}HHI4s", data, at + 2 + 12 * i)
        if values > MOST_TIFF_VALUES and (kind not in _TIFF_BYTES or tag in _TIFF_LAYOUT):
            raise _overfull(name, "TIFF")
        # Of two values of one name every library takes another one.
        if tag in before and (tag in _TIFF_SIZES or tag in _TIFF_LAYOUT):
            raise _damaged(name)
        before.add(tag)
        if tag in _TIFF_SIZES:
            if kind not in _TIFF_NUMBERS or values != 1:
                raise _damaged(name)
            (sizes[_TIFF_SIZES[tag]],) = struct.unpack_from(f"{order}{_TIFF_NUMBERS[kind]}", value)
        inside = tag == _TIFF_COMPRESSION and _JPEG_IN_TIFF & set(
            value
        )  # a number of any width, in any order
        if inside and (b"\xff\xc2" in data or b"\xff\xca" in data):
            raise InputError(f"{name} is a TIFF with progressive JPEG inside; export it as JPEG.")
    tile = sizes.get("tile_width", 0) * sizes.get("tile_height", 0)
    if tile > max(FREE_TILE, 2 * sizes.get("width", 0) * sizes.get("height", 0)):
        raise _overfull(name, "TIFF")


def _overfull(name: str, kind: str) -> InputError:
    return InputError(
        f"{name} is a {kind} with far more data than its pixels need; open it in an "
        "image editor and export it again."
    )


def _damaged(name: str) -> InputError:
    return InputError(f"{name} is damaged or cut off; export or copy it again.")
