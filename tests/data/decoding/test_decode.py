"""What reading a picture may cost: scans, pixels by format, pixels at once, and what lies around the pixels."""

import io
import os
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from tests.pictures import encoded, person_like
from threedsl.data.budget import Budget
from threedsl.data.decoding import decode
from threedsl.data.images import load_image
from threedsl.errors import InputError


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def many_scans(width: int, height: int, scans: int) -> bytes:
    """A grey progressive JPEG whose every scan but the first says that all blocks hold nothing more."""
    blocks = -(-width // 8) * -(-height // 8)
    assert blocks < 2**14
    head = b"\xff\xd8" + segment(0xDB, bytes([0]) + bytes([1] * 64))
    head += segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0]))
    head += segment(0xC4, bytes([0x00, 1] + [0] * 15 + [0]))  # DC: the code 0 is a difference of 0
    head += segment(0xC4, bytes([0x10, 1] + [0] * 15 + [0x00]))  # AC: the code 0 ends a block
    zeros = bytes(-(-blocks // 8))
    one = segment(0xDA, bytes([1, 1, 0x00, 1, 63, 0x0D])) + zeros
    return head + segment(0xDA, bytes([1, 1, 0x00, 0, 0, 0x00])) + zeros + one * (scans - 1) + b"\xff\xd9"


def refused(data: bytes, words: str) -> None:
    start = time.process_time()
    with pytest.raises(InputError) as error:
        load_image(data, "photo")
    assert time.process_time() - start < 2
    assert str(error.value).startswith("photo ") and words in str(error.value)


def test_a_progressive_jpeg_of_too_many_scans_is_refused():
    assert load_image(many_scans(800, 400, decode.MAX_SCANS)).shape == (400, 800, 3)
    refused(many_scans(800, 400, 1500), "a JPEG of 1,500 scans")


def test_scans_count_for_more_in_larger_pictures(monkeypatch):
    monkeypatch.setattr(decode, "MAX_SCANNED_PIXELS", 800 * 400 * 20)
    assert load_image(many_scans(800, 400, 20)).shape == (400, 800, 3)
    refused(many_scans(800, 400, 21), "a JPEG of 21 scans")


@pytest.mark.parametrize("hidden", ["in a thumbnail", "after the end", "before restarts"])
def test_scans_are_counted_as_the_decoder_reads_them(hidden):
    """A thumbnail's scans and those of a second picture are no scans; those between restart markers are."""
    photo, scans = encoded(person_like(400, 200), "JPEG", progressive=True), segment(0xDA, bytes(8)) * 500
    if hidden == "in a thumbnail":
        data = photo[:2] + segment(0xE1, b"Exif\0\0" + scans) + photo[2:]
    elif hidden == "after the end":
        data = photo + scans
    else:
        refused(
            many_scans(800, 400, 1500).replace(b"\xff\xda", b"\xff\xd0\xff\xd1\xff\xff\xff\xda"),
            "1,500 scans",
        )
        return
    assert np.array_equal(load_image(data), load_image(photo))


@pytest.mark.parametrize("options", [{"progressive": True}, {"optimize": True}, {"restart_marker_blocks": 1}])
def test_what_encoders_write_passes(options):
    photo = person_like(400, 300)
    read = load_image(encoded(photo, "JPEG", quality=95, **options))
    assert np.abs(read.astype(int) - np.asarray(photo)).mean() < 3


@pytest.mark.slow
def test_photos_above_the_limit_are_decoded_smaller():
    """60 megapixels, of which JPEG decodes a quarter of each side; a progressive one must be held whole."""
    left_red = Image.new("RGB", (10_000, 6_000), (20, 30, 200))
    left_red.paste((200, 30, 20), (0, 0, 5_000, 6_000))
    turned = Image.Exif()
    turned[0x0112] = 6
    data = encoded(left_red, "JPEG", quality=90, exif=turned)
    read = load_image(data)
    assert read.shape == (2000, 1200, 3)
    assert np.abs(read[100, 600].astype(int) - [200, 30, 20]).max() < 6  # left is above after the turn
    assert np.abs(read[-100, 600].astype(int) - [20, 30, 200]).max() < 6
    refused(encoded(left_red, "JPEG", progressive=True), "10000 x 6000 pixels, more than 50 megapixels")


def test_photos_beyond_any_camera_are_refused():
    data = encoded(Image.new("L", (64, 64)), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    refused(data[:at] + struct.pack(">HH", 20_000, 20_000) + data[at + 4 :], "more than 250 megapixels")


def test_a_webp_may_have_half_the_pixels():
    data = encoded(Image.new("RGB", (5_200, 5_200)), "WEBP", lossless=True, quality=0, method=0)
    assert len(data) < 200
    refused(data, "5200 x 5200 pixels, more than 25 megapixels")


def chunked_png() -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    plain = encoded(person_like())
    return plain[:33] + chunk(b"abCd", b"") * 1_000_000 + plain[33:]


def commented_gif(before: bytes = b"") -> bytes:
    plain = encoded(person_like().quantize(16), "GIF")
    at = 13 + 3 * 2 ** ((plain[10] & 7) + 1)
    return plain[:at] + before + b"!\xfe" + (b"\xff" + bytes(255)) * 40_000 + b"\0" + plain[at:]


def strips_tiff() -> bytes:
    """A TIFF of 64 x 64 pixels in a million strips."""
    fields = [
        (256, 3, 1, 64),
        (257, 3, 1, 64),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (278, 3, 1, 1),
    ]
    end = 8 + 2 + 12 * (len(fields) + 2) + 4
    fields += [(273, 4, 10**6, end), (279, 4, 10**6, end)]
    body = struct.pack("<H", len(fields)) + b"".join(struct.pack("<HHII", *field) for field in sorted(fields))
    return b"II*\0" + struct.pack("<I", 8) + body + bytes(4) + struct.pack("<I", 8) * 10**6


def rle_bmp() -> bytes:
    body = bytes([2, 1]) * 3_000_000 + b"\0\1"
    head = struct.pack("<IiiHHIIiiII", 40, 3000, 2000, 1, 8, 1, len(body), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1078 + len(body), 0, 0, 1078) + head + bytes(1024) + body


def segmented_jpeg() -> bytes:
    plain = encoded(person_like(), "JPEG")
    return plain[:2] + segment(0xFE, b"") * 1_000_000 + plain[2:]


def junk_jpeg() -> bytes:
    plain = encoded(person_like(), "JPEG")
    return plain[:20] + bytes(5_000_000) + plain[20:]  # after the JFIF segment


def progressive_tiff() -> bytes:
    """JPEG of a colour picture inside a TIFF, with the marker of a progressive frame."""
    return encoded(person_like(), "TIFF", compression="jpeg").replace(b"\xff\xc0", b"\xff\xc2")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (chunked_png, "with far more data than its pixels need"),
        (commented_gif, "with far more data than its pixels need"),
        (lambda: commented_gif(b"\1!\xf9\0\0"), "with far more data than its pixels need"),
        (lambda: commented_gif(bytes(100)), "with far more data than its pixels need"),
        (strips_tiff, "with far more data than its pixels need"),
        (rle_bmp, "run-length"),
        (segmented_jpeg, "with far more data than its pixels need"),
        (junk_jpeg, "with far more data than its pixels need"),
        (progressive_tiff, "progressive JPEG inside"),
    ],
)
def test_what_costs_far_more_than_its_pixels_is_refused_unread(make, words):
    refused(make(), words)


@pytest.mark.parametrize("kind", ["tiff_lzw", "jpeg", "packbits", "tiff_adobe_deflate", None])
def test_usual_tiffs_pass(kind):
    read = load_image(encoded(person_like(), "TIFF", compression=kind))
    assert np.abs(read.astype(int) - np.asarray(person_like())).mean() < 4


def test_a_commented_gif_passes():
    buffer = io.BytesIO()
    person_like().quantize(16).save(buffer, "GIF", comment=b"holiday " * 1000)
    assert load_image(buffer.getvalue()).shape == (128, 64, 3)


def test_pixels_at_once_are_bounded_over_all_threads(monkeypatch):
    """A budget of two and a half pictures: of eight threads two decode at a time."""
    monkeypatch.setattr(decode, "DECODING", Budget(128 * 64 * 5 // 2))
    turned, lock, now, most = decode._upright_rgb, threading.Lock(), [0], [0]

    def watched(image):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.05)
        try:
            return turned(image)
        finally:
            with lock:
                now[0] -= 1

    monkeypatch.setattr(decode, "_upright_rgb", watched)
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(load_image, [encoded(person_like())] * 16))) == 16
    assert most[0] == 2 and decode.DECODING.held == 0


def test_a_budget_lets_large_ones_in_their_turn_and_survives_errors():
    budget, order = Budget(10), []
    first_in, go = threading.Event(), threading.Event()

    def first():
        with budget.hold(6):
            first_in.set()
            go.wait(60)

    def take(name, amount):
        with budget.hold(amount):
            order.append(name)

    threads = [threading.Thread(target=first)]
    threads[0].start()
    assert first_in.wait(60)
    for place, (name, amount) in enumerate((("more than all", 50), ("small", 1)), 1):
        threads.append(threading.Thread(target=take, args=(name, amount)))
        threads[-1].start()
        while len(budget._waiting) < place:
            time.sleep(0.001)
    go.set()
    for thread in threads:
        thread.join(60)
    assert order == ["more than all", "small"]
    with pytest.raises(ZeroDivisionError), budget.hold(3):
        raise ZeroDivisionError
    assert budget.held == 0


def test_pipes_and_devices_are_no_pictures(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    for name in ("pipe.jpg", "device.jpg"):
        with pytest.raises(InputError, match="not an ordinary file"):
            load_image(tmp_path / name)


def test_a_git_lfs_pointer_is_called_that(tmp_path):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"1" * 64 + b"\nsize 3000000\n"
    (tmp_path / "a.jpg").write_bytes(pointer)
    for source in (pointer, tmp_path / "a.jpg"):
        with pytest.raises(InputError, match=r"Git LFS pointer.*`git lfs pull`"):
            load_image(source)
