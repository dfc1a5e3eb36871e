"""Files of a few bytes that claim millions of pixels are refused by their header; real pictures are not."""

import io
import time
from functools import partial
from types import SimpleNamespace

import pytest
from PIL import Image

from tests.pictures import encoded, person_like
from tests.zips import zipped
from threedsl.errors import InputError
from threedsl.gallery.packed import check_packed, check_pixels_of
from threedsl.gallery.upload import open_upload
from threedsl.ui.gallery import handlers


def one_colour(kind: str, side: int, mode: str = "RGB", **options) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (side, side)).save(buffer, kind, **options)
    return buffer.getvalue()


BOMB = one_colour("WEBP", 4900, lossless=True)


def test_a_bomb_is_known_by_its_header(monkeypatch):
    assert len(BOMB) < 5000
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(InputError, match=r"bomb.webp claims 24 megapixels in [\d,]+ bytes"):
        check_packed(BOMB, "bomb.webp")


@pytest.mark.parametrize(
    "data",
    [
        one_colour("PNG", 6000, "1"),
        one_colour("PNG", 5000),
        one_colour("JPEG", 6000),
        one_colour("WEBP", 1000, lossless=True),
        encoded(person_like(), "JPEG"),
        b"no picture",
        b"",
    ],
    ids=["one-bit", "one-colour", "jpeg", "small", "photo", "junk", "nothing"],
)
def test_other_pictures_pass(data, tmp_path):
    check_packed(data, "a picture")
    path = tmp_path / "picture"
    path.write_bytes(data)
    check_packed(path, "a picture")


def test_a_zip_of_bombs_is_not_decoded(monkeypatch, tmp_path):
    monkeypatch.setattr(handlers, "load_image", lambda *_: pytest.fail("it was decoded"))
    path = tmp_path / "people.zip"
    path.write_bytes(zipped({f"anna/{i}.webp": BOMB for i in range(8)}))
    service = SimpleNamespace(model=SimpleNamespace(input_size=(256, 128)))
    with open_upload([path]) as upload:
        with pytest.raises(
            InputError, match=r"None of the 8 pictures can be read; the first: .*24 megapixels"
        ):
            handlers._describe(service, upload, "", SimpleNamespace(check=lambda: None), None)


@pytest.mark.parametrize("check", [check_packed, partial(check_pixels_of, most=10**6)])
def test_formats_that_are_not_decoded_are_not_opened(check):
    """Pillow's reader of EPS takes two minutes for 64 MB of comments, of which a zip may hold six."""
    lines = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n" + b"%%A: b\n" * 300_000
    start = time.thread_time()
    check(lines, "a picture.png")
    assert time.thread_time() - start < 0.5
