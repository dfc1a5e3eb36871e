"""Time and memory of the costliest pictures that threedsl.data.images lets through, each read in a process of its own.

    python -m benchmarks.decoding

Prints for each file its bytes, the seconds of processor time of reading it, and the peak of resident memory above that
of the imports.
"""

import io
import multiprocessing
import struct
import time
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from threedsl.data import images
from threedsl.data.headers import MOST_RLE
from threedsl.errors import InputError

SIDE = 7070  # pixels; its square is just below 50 megapixels


def jpeg(width: int, height: int, scans: int) -> bytes:
    """A grey progressive JPEG: one scan of DC, then scans of which each says of runs of 32,767 blocks that they hold
    nothing more, in half a bit a thousand blocks; the last refine, which visits every coefficient."""
    blocks = -(-width // 8) * -(-height // 8)

    def segment(marker: int, body: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body

    head = b"\xff\xd8" + segment(0xDB, bytes([0]) + bytes([1] * 64))
    head += segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0]))
    head += segment(0xC4, bytes([0x00, 1] + [0] * 15 + [0]))
    head += segment(0xC4, bytes([0x10, 1, 1] + [0] * 14 + [0xE0, 0x00]))
    head += segment(0xDA, bytes([1, 1, 0x00, 0, 0, 0x00])) + bytes((blocks + 7) // 8)
    bits = ("0" + "1" * 14) * -(-blocks // 32767)
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
    first = segment(0xDA, bytes([1, 1, 0x00, 1, 63, 0x0D])) + data
    refine = segment(0xDA, bytes([1, 1, 0x00, 1, 63, 0xDC])) + data
    return head + first + refine * (scans - 2) + b"\xff\xd9"


def png(width: int, height: int, kind: int, depth: int, samples: int) -> bytes:
    """All zeros, in the fewest bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    row = bytes(1 + width * samples * depth // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def written(kind: str, width: int, height: int, noise: bool, **options) -> bytes:
    if noise:
        small = np.random.default_rng(0).integers(0, 256, (height // 4, width // 4, 3), dtype=np.uint8)
        image = Image.fromarray(small).resize((width, height), Image.Resampling.NEAREST)
    else:
        image = Image.new("RGB", (width, height))
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def run_length_bmp(side: int) -> bytes:
    """Runs of two pixels, as many as the limits let through."""
    body = bytes([2, 1]) * (MOST_RLE // 2 - 1000) + b"\0\1"
    head = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(body), 0, 0, 256, 0)
    offset = 14 + len(head) + 1024
    return b"BM" + struct.pack("<IHHI", offset + len(body), 0, 0, offset) + head + bytes(1024) + body


CASES = {
    "photo of 12 megapixels": lambda: written("JPEG", 4000, 3000, True, quality=85),
    "JPEG, 200 megapixels": lambda: written("JPEG", 16320, 12240, True, quality=50),
    "JPEG, 250 megapixels, empty": lambda: written("JPEG", 15800, 15800, False),
    "progressive JPEG, 50 megapixels": lambda: written(
        "JPEG", SIDE, SIDE, True, quality=75, progressive=True, subsampling=0
    ),
    "progressive JPEG, 30 scans": lambda: jpeg(SIDE, SIDE, 30),
    "progressive JPEG, 15 megapixels, 100 scans": lambda: jpeg(3872, 3872, 100),
    "PNG of 16 bits with transparency": lambda: png(SIDE, SIDE, 6, 16, 4),
    "PNG, noise": lambda: written("PNG", 7000, 5600, True),
    "WebP, lossless": lambda: written("WEBP", 5000, 5000, False, lossless=True),
    "WebP, noise": lambda: written("WEBP", 5000, 5000, True, quality=80),
    "TIFF, LZMA": lambda: written("TIFF", SIDE, SIDE, False, compression="lzma"),
    "TIFF, JPEG": lambda: written("TIFF", SIDE, SIDE, True, compression="jpeg"),
    "GIF": lambda: written("GIF", SIDE, SIDE, False),
    "BMP, run lengths": lambda: run_length_bmp(2000),
}


def measure(data: bytes) -> tuple[float, float, str]:
    """(seconds, peak in MB above what was there, what came of it)."""
    before = peak_memory()
    start = time.process_time()
    try:
        said = str(images.load_image(data).shape)
    except InputError as error:
        said = str(error)
    return time.process_time() - start, peak_memory() - before, said


def peak_memory() -> float:
    """Most resident memory of this process so far in MB; Linux only."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    return int(line.split()[1]) / 2**10


def main() -> None:
    context = multiprocessing.get_context("spawn")
    for name, make in CASES.items():
        data = make()
        with context.Pool(1) as pool:
            spent, peak, said = pool.apply(measure, (data,))
        print(f"{name}: {len(data) / 2**20:.2f} MB, {spent:.2f} s, {peak:.0f} MB; {said}", flush=True)


if __name__ == "__main__":
    main()
