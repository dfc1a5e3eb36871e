"""Files of a few bytes that claim millions of pixels are refused by their header; real pictures are not."""

import io
import struct
import time
import tracemalloc
from types import SimpleNamespace

import pytest
from PIL import Image

from tests.pictures import encoded, person_like
from tests.zips import zipped
from threedsl.data.decoding.decode import Limits, decode
from threedsl.errors import InputError
from threedsl.gallery.upload import open_upload
from threedsl.ui.gallery import handlers


def one_colour(kind: str, side: int, mode: str = "RGB", **options) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (side, side)).save(buffer, kind, **options)
    return buffer.getvalue()


UNPACKED, SMALL = Limits(packed=False), Limits(pixels=2**16)
BOMB = one_colour("WEBP", 4900, lossless=True)


def test_a_bomb_is_known_by_its_header(monkeypatch):
    assert len(BOMB) < 5000
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(InputError, match=r"bomb.webp claims 24 megapixels in [\d,]+ bytes"):
        decode(BOMB, "bomb.webp", UNPACKED)


@pytest.mark.parametrize(
    "data",
    [
        one_colour("PNG", 6000, "1"),
        one_colour("JPEG", 6000),
        one_colour("WEBP", 1000, lossless=True),
        encoded(person_like(), "JPEG"),
    ],
    ids=["one-bit", "jpeg", "small", "photo"],
)
def test_other_pictures_pass(data):
    assert decode(data, "a picture", UNPACKED).shape[2] == 3


def test_a_picture_of_too_many_pixels_is_not_decoded(monkeypatch):
    data = one_colour("PNG", 257)
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(InputError, match=r"a.png has 66,049 pixels, more than 65,536; leave it out"):
        decode(data, "a.png", SMALL)


def test_a_zip_of_bombs_is_not_decoded(monkeypatch, tmp_path):
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("it was decoded"))
    path = tmp_path / "people.zip"
    path.write_bytes(zipped({f"anna/{i}.webp": BOMB for i in range(8)}))
    service = SimpleNamespace(model=SimpleNamespace(input_size=(256, 128)))
    with open_upload([path]) as upload:
        with pytest.raises(
            InputError, match=r"None of the 8 pictures can be read; the first: .*24 megapixels"
        ):
            handlers._describe(service, upload, "", SimpleNamespace(check=lambda: None), None)


@pytest.mark.parametrize("limits", [UNPACKED, SMALL])
def test_formats_that_are_not_decoded_are_not_opened(limits):
    """Pillow's reader of EPS takes two minutes for 64 MB of comments, of which a zip may hold six."""
    lines = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n" + b"%%A: b\n" * 300_000
    start = time.thread_time()
    with pytest.raises(InputError, match="is not a picture this program reads"):
        decode(lines, "a picture.png", limits)
    assert time.thread_time() - start < 0.5


def tiff(offsets: int) -> bytes:
    """The header of a small picture that claims so many strips."""
    fields = {
        256: (4, 1, 64),
        257: (4, 1, 64),
        258: (3, 1, 8),
        259: (3, 1, 1),
        262: (3, 1, 1),
        278: (4, 1, 1),
    }
    start = 8 + 2 + 12 * (len(fields) + 1) + 4
    rows = sorted((fields | {273: (4, offsets, start)}).items())
    head = b"II*\0" + struct.pack("<IH", 8, len(rows))
    head += b"".join(struct.pack("<HHII", tag, *row) for tag, row in rows) + bytes(4)
    return head + struct.pack("<I", 16) * offsets


GIF = b"GIF89a\x40\0\x40\0\0\0\0!\xfe" + (b"\xff" + b"a" * 255) * 20_000 + b"\0,\0\0\0\0\x40\0\x40\0\0\x08\0;"


@pytest.mark.slow
@pytest.mark.parametrize("data", [tiff(500_000), GIF], ids=["tiff", "gif"])
@pytest.mark.parametrize("limits", [UNPACKED, SMALL])
def test_headers_are_checked_before_pillow_reads_them(limits, data):
    """A TIFF of 64 MB took 6 GB and a minute, a GIF of that size an hour; packed, they are a third of a megabyte."""
    start = time.thread_time()
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            decode(data, "a picture.png", limits)
        assert tracemalloc.get_traced_memory()[1] < 10**7 and time.thread_time() - start < 0.5
    finally:
        tracemalloc.stop()
