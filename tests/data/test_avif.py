"""What opening and decoding an AVIF costs, in which libavif lets nothing else run."""

import struct
import time

import pytest
from PIL import Image, ImageCms, features

from tests.data.test_costly_headers import FULL, directory
from tests.pictures import encoded, person_like
from threedsl.data import avif, images
from threedsl.data.av1 import MOST_UNITS, frame_pixels
from threedsl.data.avif import MOST_MOVIE, is_cheap
from threedsl.data.budget import Budget
from threedsl.data.images import load_image
from threedsl.errors import InputError
from threedsl.gallery.packed import check_packed

pytestmark = pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def listed(count: int) -> bytes:
    """An AVIF that names so many pictures."""
    plain = encoded(person_like(), "AVIF")
    at = plain.index(b"meta") - 4
    end = at + int.from_bytes(plain[at : at + 4], "big")
    # each says that it is the transparency of another one
    parts = b"".join(box(b"auxl", struct.pack(">HHH", 100 + i, 1, 60_000)) for i in range(count))
    lists = box(b"iref", bytes(4) + parts)
    return plain[:at] + box(b"meta", plain[at + 8 : end] + lists) + plain[end:]


@pytest.mark.parametrize("brand", [b"avif", b"avis"])
def test_an_avif_that_lists_very_many_pictures_is_refused(brand):
    """One of 0.8 MB stopped everything for 17 s, and the time grew with the square of their number."""
    data = listed(30_000).replace(b"ftypavif", b"ftyp" + brand)
    start = time.process_time()
    with pytest.raises(InputError, match=FULL):
        load_image(data, "photo")
    check_packed(data, "photo")
    check_packed(data.replace(b"ftyp" + brand, b"ftypmif1"), "photo")
    assert time.process_time() - start < 0.3


def test_a_movie_of_an_avif_is_short():
    movie = encoded(person_like(), "AVIF", save_all=True, append_images=[person_like()] * 20)
    assert load_image(movie).shape == (128, 64, 3)
    at = movie.index(b"moov") - 4
    end = at + int.from_bytes(movie[at : at + 4], "big")
    with pytest.raises(InputError, match=FULL):
        load_image(
            movie[:at] + box(b"moov", movie[at + 8 : end] + box(b"stsc", bytes(MOST_MOVIE))) + movie[end:]
        )


def test_usual_avifs_are_read():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    more = {"icc_profile": profile, "exif": directory((0x927C, 7, 10**5, bytes(10**5)), (0x0112, 3, 1, 6))}
    assert load_image(encoded(person_like(), "AVIF", **more)).shape == (64, 128, 3)


def said(width: int, height: int, data: bytes) -> bytes:
    """An AVIF that says that it has this size."""
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


def test_pixels_are_those_of_the_streams_and_not_those_that_the_file_says(monkeypatch):
    """A kilobyte took a quarter of a gigabyte and half a second for 64 by 64 pixels, and could take four times that."""
    data = encoded(Image.new("RGB", (1280, 960), "red"), "AVIF")
    with pytest.raises(InputError, match=FULL):
        load_image(said(64, 64, data))
    assert load_image(said(640, 480, data)).shape == (480, 640, 3)
    monkeypatch.setattr(avif, "MOST_DECODED", 1280 * 960 - 1)
    with pytest.raises(InputError, match=FULL):
        load_image(data)


def test_one_is_decoded_at_a_time(monkeypatch):
    held = []

    class Noted(Budget):
        def hold(self, amount):
            held.append(amount)
            return super().hold(amount)

    monkeypatch.setattr(images, "DECODING", Noted(images.DECODED_AT_ONCE))
    load_image(encoded(person_like(), "AVIF"))
    assert held == [images.DECODED_AT_ONCE]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("count", [1, 3])
def test_pictures_and_transparency_are_counted(mode, count, monkeypatch):
    """Of an animation the first frame is, which is in it twice: as a picture, and as a frame."""
    one = Image.effect_noise((300, 200), 50).convert(mode)
    if mode == "RGBA":
        one.putalpha(Image.effect_noise((300, 200), 50))
    data = encoded(one, "AVIF", save_all=count > 1, append_images=[one] * (count - 1))
    most = 512 * 256 if count > 1 else 300 * 200  # only the header of a still picture says how large it is
    pixels = most * (2 if mode == "RGBA" else 1) * (2 if count > 1 else 1)
    monkeypatch.setattr(avif, "MOST_DECODED", pixels)
    assert is_cheap(data)
    monkeypatch.setattr(avif, "MOST_DECODED", pixels - 1)
    assert not is_cheap(data)


def unit(kind: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes([kind << 3 | 2, len(content)]) + content


def sequence(width: int, height: int) -> bytes:
    """The header of a stream, of a still picture."""
    bits = "000" + "1" + "1" + "00000" + "1111" + "1111" + f"{width - 1:016b}" + f"{height - 1:016b}"
    return unit(1, int(bits.ljust(64, "0"), 2).to_bytes(8, "big"))


def test_the_size_of_a_frame_may_have_as_many_bits_as_its_header_says():
    bits = "000" + "1" + "0" + "0" + "0" + "00000" + "0" * 12 + "00001" + "1111" + "1110" + "0" * 31
    stream = unit(1, int(bits.ljust(96, "0"), 2).to_bytes(12, "big")) + unit(6, b"a")
    assert frame_pixels(memoryview(stream)) == 2**31


def test_frames_that_are_never_shown_count():
    stream = sequence(16384, 16384)
    assert frame_pixels(memoryview(stream)) == 0
    assert frame_pixels(memoryview(stream + unit(6, b"a") * 3 + unit(3, b"b"))) == 4 * 16384**2
    assert frame_pixels(memoryview(sequence(10, 10) + unit(6, b"") + stream)) == 16384**2
    assert frame_pixels(memoryview(unit(2, b"") + stream + bytes([6 << 3]) + b"the rest")) == 16384**2


@pytest.mark.parametrize(
    "stream", [b"\x0a", b"\x0a\x05a", b"\x0a" + b"\xff" * 20, unit(1, b"\0"), unit(2, b"") * (MOST_UNITS + 1)]
)
def test_what_is_no_stream_is_damaged(stream):
    with pytest.raises(ValueError, match="its stream"):
        frame_pixels(memoryview(stream))


def test_changed_boxes_end_in_a_picture_or_a_sentence():
    data = encoded(person_like(), "AVIF")
    for at in range(0, min(len(data), 400)):
        for value in (0, 1, 127, 255):
            try:
                load_image(data[:at] + bytes([value]) + data[at + 1 :], "photo")
            except InputError as error:
                assert str(error).startswith("photo ")
