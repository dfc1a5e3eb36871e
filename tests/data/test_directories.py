"""EXIF and TIFF fields that all point at the same bytes, which Pillow would copy once for each."""

import io
import struct
import tracemalloc
import zlib

import pytest
from PIL import Image, features

from tests.pictures import encoded, person_like
from threedsl.data.images import load_image
from threedsl.errors import InputError

FIELDS, SIZE = 400, 400_000  # 160 MB of copies from 400 kB


def overlapping(order: str = "<") -> bytes:
    """EXIF whose every field is the whole of it."""
    fields = b"".join(
        struct.pack(f"{order}HHII", 42000 + i, 7, SIZE - 16, 9) for i in range(FIELDS)
    )  # UNDEFINED
    mark = b"II*\0" if order == "<" else b"MM\0*"
    head = mark + struct.pack(f"{order}IH", 8, FIELDS) + fields
    return head.ljust(SIZE, b"\0")


def in_jpeg(exif: bytes) -> bytes:
    """Longer than one segment, as Pillow joins them."""
    parts = [b"Exif\0\0" + exif[at : at + 65000] for at in range(0, len(exif), 65000)]
    plain = encoded(person_like(), "JPEG")
    return plain[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(p) + 2) + p for p in parts) + plain[2:]


def png_chunk(kind: bytes, body: bytes) -> bytes:
    plain = encoded(person_like(), "PNG")
    at = plain.index(b"IDAT") - 4
    chunk = kind + body
    return (
        plain[:at] + struct.pack(">I", len(body)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + plain[at:]
    )


def in_png_text(exif: bytes) -> bytes:
    """As ImageMagick writes it."""
    text = f"\nexif\n{len(exif)}\n{exif.hex()}".encode()
    return png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))


def in_webp(exif: bytes) -> bytes:
    return encoded(person_like(), "WEBP", exif=exif)


def in_avif(exif: bytes) -> bytes:
    """Written with harmless EXIF of the same length, which is stored as it is and exchanged afterwards."""
    harmless = (b"II*\0" + struct.pack("<IH", 8, 0)).ljust(len(exif), b"\x5a")
    data = encoded(person_like(), "AVIF", exif=harmless)
    assert data.count(harmless) == 1
    return data.replace(harmless, exif)


def as_tiff(exif: bytes) -> bytes:
    """The picture's own directory, at the end, with further fields."""
    plain = encoded(person_like(), "TIFF")
    (at,) = struct.unpack_from("<I", plain, 4)
    (count,) = struct.unpack_from("<H", plain, at)
    own = plain[at + 2 : at + 2 + 12 * count]
    body = plain.ljust(SIZE, b"\0")
    more = b"".join(struct.pack("<HHII", 42000 + i, 7, SIZE - 16, 9) for i in range(FIELDS))
    moved = body[:4] + struct.pack("<I", len(body)) + body[8:]
    return moved + struct.pack("<H", count + FIELDS) + own + more + bytes(4)


AVIF = pytest.param(
    in_avif, marks=pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "hide", [in_jpeg, lambda e: png_chunk(b"eXIf", e), in_png_text, in_webp, AVIF, as_tiff]
)
def test_overlapping_fields_are_refused_before_they_are_copied(hide, order):
    data = hide(overlapping(order))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="EXIF or TIFF fields name far more data than there are"):
            load_image(data, "photo")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20e6


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_usual_exif_is_still_read(kind):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x9286] = 6, "a holiday", b"x" * 30_000
    upright = load_image(encoded(person_like(), kind, exif=exif))
    assert upright.shape == (64, 128, 3)  # turned by a quarter


def test_a_tiff_may_not_hide_its_compression_in_a_wider_number():
    """Big-endian, compression 7 as a LONG: its first two bytes are 0."""
    buffer = io.BytesIO()
    person_like().save(buffer, "TIFF", compression="jpeg")
    data = bytearray(buffer.getvalue().replace(b"\xff\xc0", b"\xff\xc2"))
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at)
    fields = []
    for i in range(count):
        place = at + 2 + 12 * i
        tag, kind, values = struct.unpack_from(f"{order}HHI", data, place)
        value = bytes(data[place + 8 : place + 12])
        fields.append((tag, 4, 1, b"\0\0\0\7") if tag == 259 else (tag, kind, values, value))
    body = b"MM\0*" + struct.pack(">I", len(data)) + bytes(data[8:])
    body += struct.pack(">H", count) + b"".join(struct.pack(">HHI", *f[:3]) + f[3] for f in fields) + bytes(4)
    with pytest.raises(InputError, match="progressive JPEG inside"):
        load_image(body, "photo")
