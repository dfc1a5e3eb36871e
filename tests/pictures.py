"""Picture files that people really upload, and broken ones, as bytes: shared by several tests."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    """An image in a file format."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def person_like(height: int = 128, width: int = 64) -> Image.Image:
    """A smooth colourful crop, the same every time."""
    y, x = np.mgrid[0:height, 0:width]
    channels = [255 * y / height, 255 * x / width, 255 * (x + y) / (height + width)]
    return Image.fromarray(np.stack(channels, 2).astype(np.uint8))


def huge_png(width: int = 20_000, height: int = 20_000) -> bytes:
    """A PNG of this size in a few bytes: header and end, no pixels. Whoever decodes it finds it damaged."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def noise_jpeg() -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (200, 100, 3), dtype=np.uint8)
    return encoded(Image.fromarray(noise), "JPEG")


def broken_pictures() -> dict[str, tuple[bytes, str]]:
    """name -> (a file's bytes, words its error sentence must hold)."""
    jpeg, png = noise_jpeg(), encoded(person_like())
    return {
        "not-an-image.jpg": (b"Dear sir or madam, this is a letter.\n" * 30, "not a picture"),
        "pdf.jpg": (b"%PDF-1.7\n" + bytes(500), "not a picture"),
        "svg.png": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        "truncated.jpg": (jpeg[: len(jpeg) // 2], "damaged or cut off"),
        "truncated.png": (png[: len(png) // 2], "damaged or cut off"),
        "header-only.jpg": (jpeg[:20], "damaged or cut off"),
        "flipped-bits.png": (
            png[:60] + bytes(byte ^ 0xFF for byte in png[60:200]) + png[200:],
            "damaged or cut off",
        ),
        "empty.png": (b"", "empty (0 bytes)"),
        "one-pixel.png": (encoded(Image.new("RGB", (1, 1))), "too small (1 x 1 pixels)"),
        "thread.png": (encoded(Image.new("RGB", (2000, 4))), "too small (2000 x 4 pixels)"),
        "bomb.png": (huge_png(), "megapixels"),
        "large.png": (huge_png(9000, 9000), "9000 x 9000 pixels, more than 50 megapixels"),
        "photo.heic": (b"\0\0\0\x18ftypheic" + bytes(200), "HEIC"),
        "eps.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n" * 5, "not a picture"),
    }


def odd_pictures() -> dict[str, bytes]:
    """Unusual pictures that must simply work."""
    picture = person_like()
    turned = Image.Exif()
    turned[0x0112] = 6
    deep = Image.fromarray(np.linspace(0, 65535, 128 * 64).astype(np.uint16).reshape(128, 64))
    animated = [picture, picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)]
    return {
        "greyscale.png": encoded(picture.convert("L")),
        "greyscale.jpg": encoded(picture.convert("L"), "JPEG"),
        "sixteen-bit.png": encoded(deep),
        "sixteen-bit.tif": encoded(deep, "TIFF"),
        "cmyk.jpg": encoded(picture.convert("CMYK"), "JPEG"),
        "rgba.png": encoded(picture.convert("RGBA")),
        "palette.gif": encoded(picture.quantize(16), "GIF"),
        "rotated.jpg": encoded(person_like(64, 128), "JPEG", exif=turned),
        "animated.gif": encoded(animated[0], "GIF", save_all=True, append_images=animated[1:]),
        "animated.webp": encoded(animated[0], "WEBP", save_all=True, append_images=animated[1:]),
        "one-bit.bmp": encoded(picture.convert("1"), "BMP"),
        "wide.png": encoded(picture.resize((1500, 40))),
        "nobody.png": encoded(Image.new("RGB", (640, 480), (90, 120, 60))),
    }
