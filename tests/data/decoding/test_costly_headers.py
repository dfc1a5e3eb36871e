"""Pictures whose headers make Pillow work for minutes or take gigabytes, each read in another way than it seems."""

import struct
import time
import tracemalloc
import zlib

import pytest
from PIL import Image

from tests.data.decoding.test_decode import segment
from tests.data.test_directories import in_webp, png_chunk
from tests.pictures import encoded, person_like
from threedsl.annotations.dataset import picture_size
from threedsl.annotations.preview import read_mask
from threedsl.data.headers import FREE_TILE, MOST_EXIF, MOST_PACKED
from threedsl.data.images import load_image
from threedsl.errors import InputError

FULL, DAMAGED = "far more data than its pixels need", "damaged or cut off"


def directory(*fields: tuple, after: bytes = b"") -> bytes:
    """A TIFF or EXIF directory of (tag, type, count, number or bytes), and what follows it."""
    start, head, body = 8 + 2 + 12 * len(fields) + 4, b"", b""
    for tag, kind, count, value in sorted(fields, key=lambda field: field[0]):
        if isinstance(value, bytes):
            said, body = struct.pack("<I", start + len(body)), body + value
        else:
            said = struct.pack("<HH" if kind == 3 else "<I", *((value, 0) if kind == 3 else (value,)))
        head += struct.pack("<HHI", tag, kind, count) + said
    return b"II*\0" + struct.pack("<IH", 8, len(fields)) + head + bytes(4) + body + after


def tiff(*fields: tuple, after: bytes = b"") -> bytes:
    """A grey picture of 100 x 100."""
    return directory((256, 3, 1, 100), (257, 3, 1, 100), (258, 3, 1, 8), (262, 3, 1, 1), *fields, after=after)


def tiled(side: int) -> bytes:
    """One tile of zeros."""
    packer = zlib.compressobj(9)
    row = bytes(side)
    tile = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    start = 8 + 2 + 12 * 9 + 4
    return tiff(
        (259, 3, 1, 8),
        (322, 4, 1, side),
        (323, 4, 1, side),
        (324, 4, 1, start),
        (325, 4, 1, len(tile)),
        after=tile,
    )


def strips_as(kind: int) -> bytes:
    """A million strips, whose places are bytes or text."""
    return tiff((259, 3, 1, 1), (273, kind, 10**6, b"\x10" * 10**6), (278, 3, 1, 1), (279, 4, 1, 100))


def before_scan(more: bytes) -> bytes:
    """A JPEG with more segments before its scan."""
    plain = encoded(person_like(), "JPEG")
    at = plain.index(b"\xff\xda")
    return plain[:at] + more + plain[at:]


def comments(count: int) -> bytes:
    return b"\xff\xfe\0\2" * count


def frames(count: int, marker: int = 0xC0) -> bytes:
    """Frame headers of 21,000 colours each."""
    return segment(marker, struct.pack(">BHHB", 8, 128, 64, 3) + b"\1\x11\0" * 21_000) * count


def orientation(count: int) -> bytes:
    return directory((0x0112, 3, count, struct.pack("<H", 3333) * count))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: strips_as(1), FULL),
        (lambda: strips_as(2), FULL),
        (lambda: strips_as(6), FULL),
        (lambda: tiled(8192), FULL),
        (lambda: tiff((322, 3, 1, 16), (322, 3, 1, 60_000)), DAMAGED),
        (lambda: tiff((322, 1, 1, 16)), DAMAGED),
        (lambda: tiff((277, 3, 1, 60_000), (277, 3, 1, 1)), DAMAGED),
        (lambda: before_scan(b"\xff\xd9" + comments(500_000)), DAMAGED),
        (lambda: before_scan(segment(0xF0, comments(16_000)) * 30), DAMAGED),
        (lambda: before_scan(segment(0xC8, comments(16_000)) * 30), DAMAGED),
        (lambda: before_scan(frames(50)), DAMAGED),
        (lambda: before_scan(frames(50, 0xDE)), DAMAGED),
        (lambda: before_scan(segment(0xDB, (b"\0" + b"\1" * 64) * 1000) * 200), FULL),
        (
            lambda: before_scan(segment(0xED, b"Photoshop 3.0\0" + (b"8BIM\4\4" + bytes(6)) * 5000) * 200),
            FULL,
        ),
        (lambda: before_scan(segment(0xE1, b"Exif\0\0" + bytes(16_000)) * 2000), FULL),
        (lambda: many_profiles(2000), FULL),
        (lambda: png_chunk(b"tEXt", b"Raw profile type exif\0" + b"\n" * 10**7), FULL),
        (lambda: png_chunk(b"eXIf", orientation(2_000_000)), "too many numbers"),
        (lambda: in_webp(orientation(2_000_000)), "too many numbers"),
        (lambda: in_webp(orientation(1)) + b"ABCD\0\0\0\0" * 100_000, FULL),
    ],
)
def test_what_its_reader_would_take_long_for_is_refused_at_once(make, words):
    """One of 64 MB took three minutes, one of 1 MB a gigabyte."""
    data = make()
    start = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as error:
            load_image(data, "photo")
        assert time.process_time() - start < 1 and tracemalloc.get_traced_memory()[1] < 5 * len(data) + 2**20
    finally:
        tracemalloc.stop()
    assert str(error.value).startswith("photo ") and words in str(error.value)


def many_profiles(count: int) -> bytes:
    """A PNG with so many colour profiles of a megabyte."""
    plain = png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2**20 - 1), 9))
    at = plain.index(b"iCCP") - 4
    one = plain[at : at + 12 + int.from_bytes(plain[at : at + 4], "big")]
    return plain[:at] + one * count + plain[at:]


@pytest.mark.parametrize("make", [lambda: strips_as(1), lambda: png_chunk(b"eXIf", orientation(2_000_000))])
@pytest.mark.parametrize("read", [picture_size, read_mask])
def test_annotations_ask_no_other_reader(make, read, tmp_path):
    """The first took twelve seconds, the second ended in a traceback."""
    path, start = tmp_path / "a.png", time.process_time()
    path.write_bytes(make())
    if read is picture_size or make()[:2] == b"II":
        with pytest.raises(InputError):
            read(path)
    assert time.process_time() - start < 0.5


def test_usual_ones_are_read():
    assert load_image(tiled(1024)).shape == (100, 100, 3)
    assert 2048 * 2048 <= FREE_TILE
    assert load_image(before_scan(segment(0xE1, b"Exif\0\0" + bytes(16_000)) * MOST_EXIF)).shape == (
        128,
        64,
        3,
    )
    assert load_image(many_profiles(MOST_PACKED // 4)).shape == (128, 64, 3)
    assert load_image(png_chunk(b"eXIf", directory((0x0112, 3, 1, 6)))).shape == (64, 128, 3)
    maker_note = directory((0x927C, 7, 3 * 10**6, bytes(3 * 10**6)), (0x0112, 3, 1, 6))
    assert load_image(png_chunk(b"eXIf", maker_note)).shape == (64, 128, 3)
    text = encoded(Image.new("L", (100, 100)), "TIFF", tiffinfo={270: "a" * 10**6})
    assert load_image(text).shape == (100, 100, 3)
