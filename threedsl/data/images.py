"""Read any picture a user may provide as upright RGB, or fail with one clear sentence.

What decoding may cost is known from the header before a pixel is decoded. At most DECODED_AT_ONCE pixels are being
decoded in this process at any time. There is no timeout, but time is bounded: every format takes time
in proportion to its bytes and to its pixels times its scans, and all of these have limits below.
benchmarks/decoding.py measures the costliest files that they let through.
"""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, JpegImagePlugin, features

from threedsl.data.budget import Budget
from threedsl.data.directories import bound_directories
from threedsl.data.headers import JPEG, check_header, read_jpeg
from threedsl.data.heif import Heif, decoded_pixels
from threedsl.data.picture_files import AVIF_BRANDS, HEIF_BRANDS
from threedsl.errors import InputError
from threedsl.reading import is_pointer, pointer_sentence, read_file

MAX_BYTES = 64 * 2**20  # a phone's photo of 200 megapixels has up to 60 MB
MAX_PIXELS = 50_000_000
MAX_WEBP_PIXELS = 25_000_000  # its decoder uses 16 bytes per pixel, several times more than others
# Of all pictures that one is put together from: tiles reach beyond its edge, and there are depth and gain maps.
MAX_HEIF_PIXELS = 2 * MAX_PIXELS
MAX_SHRUNK_PIXELS = 250_000_000  # of a JPEG that is decoded at a smaller size, at the cost of that size
MAX_SCANS = 100  # of a progressive JPEG; encoders write 10, those that search for the smallest file up to 20
MAX_SCANNED_PIXELS = 1_500_000_000  # scans times pixels: a picture of 50 megapixels may have 30
DECODED_AT_ONCE = 64_000_000  # pixels, all threads together
MAX_SIDE = 2000  # pixels; larger pictures are scaled down as they are read
MIN_SIDE = 16
FORMATS = (
    "JPEG",
    "PNG",
    "WEBP",
    "GIF",
    "BMP",
    "TIFF",
    *(["AVIF"] if features.check("avif") else []),
)  # Pillow reads MPO, two JPEGs in one, as JPEG
SIGNATURES = (b"\xff\xd8", b"\x89PNG", b"GIF8", b"RIFF", b"II*\0", b"MM\0*")
TURNS = {
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: cv2.transpose,
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.transpose(cv2.rotate(pixels, cv2.ROTATE_180)),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}
"""What puts a picture upright, by the value of EXIF's Orientation; 1 and unknown values turn nothing."""
DECODING = Budget(DECODED_AT_ONCE)
bound_directories()

Source = str | Path | bytes | Image.Image | np.ndarray


def load_image(source: Source, name: str | None = None) -> np.ndarray:
    """Read a picture as RGB uint8 (H, W, 3): upright, first frame, transparency over white, 16 bits to 8.

    Args:
        source: a path, a file's bytes, a PIL image, or an array: (H, W), (H, W, 1), (H, W, 3) RGB or
            (H, W, 4) RGBA of uint8, uint16 or bool.
        name: what error sentences call it; the path by default.

    Returns:
        A contiguous array; its longer side has at most MAX_SIDE pixels, its shorter at least MIN_SIDE.

    Raises:
        InputError: it cannot be read, with the reason and the remedy in one sentence.
    """
    if isinstance(source, np.ndarray):
        name = name or "the array"
        image = _from_array(source, name)
    elif isinstance(source, Image.Image):
        name = name or getattr(source, "filename", "") or "the picture"
        image = source
    elif isinstance(source, bytes | bytearray | memoryview):
        name = name or "the picture"
        image = _open(bytes(source), name)
    elif isinstance(source, str | Path):
        name = name or str(source)
        image = _open(_read(source, name), name)
    else:
        raise InputError(
            f"A picture must be a path, bytes, a PIL image or an array, not {type(source).__name__}."
        )
    _check_size(image.size, name)
    try:
        with DECODING.hold(_decoded_pixels(image)):
            rgb = _upright_rgb(image.to_pillow() if isinstance(image, Heif) else image)
    except InputError:
        raise
    except Exception as error:  # each decoder has its own exceptions for damaged data, SyntaxError among them
        raise InputError(
            f"{name} is damaged or cut off ({_reason(error)}); export or copy it again."
        ) from error
    _check_size((rgb.shape[1], rgb.shape[0]), name)
    return rgb


def _read(path: str | Path, name: str) -> bytes:
    if str(path).startswith(("http://", "https://")):
        raise InputError(f"{name} is a web address; download the picture and give the file.")
    if Path(path).is_dir():
        raise InputError(f"{name} is a folder, not a picture.")
    return read_file(path, MAX_BYTES, name)


def _open(data: bytes, name: str) -> Image.Image | Heif:
    """Parse the header only, so that a size can be refused before a pixel is decoded.

    Returns:
        what has decoded nothing yet; its size is that of the picture.
    """
    if not data:
        raise InputError(f"{name} is empty (0 bytes).")
    if len(data) > MAX_BYTES:
        raise InputError(
            f"{name} is {len(data) / 2**20:.0f} MB, more than {MAX_BYTES // 2**20} MB; make it smaller."
        )
    if data[4:8] == b"ftyp" and data[8:12] in HEIF_BRANDS:
        return _open_heif(data, name)
    if data[4:8] == b"ftyp" and data[8:12] in AVIF_BRANDS and "AVIF" not in FORMATS:
        raise InputError(
            f"{name} is an AVIF picture, which the Pillow installed here does not read; convert it to JPEG."
        )
    if is_pointer(data):
        raise InputError(pointer_sentence(name))
    try:
        if data.startswith(JPEG):
            return _open_jpeg(data, name)
        check_header(data, name)
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        _check_size(image.size, name, MAX_WEBP_PIXELS if image.format in ("WEBP", "AVIF") else MAX_PIXELS)
        return image
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        limit = MAX_PIXELS // 10**6
        raise InputError(f"{name} has more than {limit} megapixels when decoded; scale it down.") from None
    except Image.UnidentifiedImageError:
        if data.startswith(SIGNATURES):
            raise InputError(f"{name} is damaged or cut off; export or copy it again.") from None
        raise InputError(
            f"{name} is not a picture this program reads ({', '.join(FORMATS)}); convert it to JPEG."
        ) from None
    except Exception as error:
        raise InputError(
            f"{name} is damaged or cut off ({_reason(error)}); export or copy it again."
        ) from error


def _open_jpeg(data: bytes, name: str) -> Image.Image:
    """Of the sizes that JPEG decodes at (1/1, 1/2, 1/4, 1/8) the smallest that is enough.

    Pillow's general opener is left out: it warns and refuses by the full size.
    """
    found = read_jpeg(data, name)
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    if (found.width, found.height) != image.size:
        raise InputError(f"{name} is damaged or cut off; export or copy it again.")
    pixels = found.width * found.height
    _check_size(image.size, name, MAX_PIXELS if found.whole else MAX_SHRUNK_PIXELS)
    if found.scans > MAX_SCANS or found.scans * pixels > max(MAX_SCANNED_PIXELS, pixels):
        raise InputError(
            f"{name} is a JPEG of {found.scans:,} scans, more than any camera writes; open it in an image editor and "
            "export it again."
        )
    image.draft("RGB", _bounded(image.size))
    return image


def _open_heif(data: bytes, name: str) -> Heif:
    try:
        import pillow_heif
    except ImportError:
        raise InputError(
            f"{name} is a HEIC picture; convert it to JPEG, or install its decoder: `pip install pillow-heif`."
        ) from None
    try:
        file = pillow_heif.open_heif(data)
        _check_size(file.size, name)
        cost = decoded_pixels(data)
        if cost > MAX_HEIF_PIXELS:
            raise InputError(
                f"{name} is put together from pictures of {cost / 1e6:,.0f} megapixels, more than any camera writes; "
                "export it as JPEG."
            )
        return Heif(file, cost)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{name} is damaged or cut off ({_reason(error)}); export or copy it again."
        ) from error


def _from_array(array: np.ndarray, name: str) -> Image.Image:
    shape = array.shape
    if array.ndim not in (2, 3) or (array.ndim == 3 and shape[2] not in (1, 3, 4)) or 0 in shape:
        raise InputError(f"{name} has shape {shape}; a picture is (H, W), (H, W, 3) RGB or (H, W, 4) RGBA.")
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    elif array.dtype == np.uint16:
        array = (array // 257).astype(np.uint8)
    elif array.dtype != np.uint8:
        raise InputError(f"{name} has values of type {array.dtype}; convert it to uint8 from 0 to 255.")
    return Image.fromarray(
        np.ascontiguousarray(array[..., 0] if array.ndim == 3 and shape[2] == 1 else array)
    )


def _decoded_pixels(image: Image.Image | Heif) -> int:
    """Pixels that decoding works on. An AVIF may have many more than it says; nothing else runs meanwhile anyway."""
    if isinstance(image, Heif):
        return image.pixels
    return DECODED_AT_ONCE if image.format == "AVIF" else image.size[0] * image.size[1]


def check_pixels(size: tuple[int, int], name: str, most: int = MAX_PIXELS) -> None:
    """Refuse a picture of (width, height) pixels that has more than `most` before one of them is decoded.

    Raises:
        InputError: naming its size and the limit.
    """
    width, height = size
    if width * height > most:
        limit = most // 10**6
        raise InputError(
            f"{name} has {width} x {height} pixels, more than {limit} megapixels; scale it down."
        )


def _check_size(size: tuple[int, int], name: str, most: int = MAX_PIXELS) -> None:
    check_pixels(size, name, most)
    if min(size) < MIN_SIDE:
        raise InputError(
            f"{name} is too small ({size[0]} x {size[1]} pixels): each side needs {MIN_SIDE} or more."
        )


def _upright_rgb(image: Image.Image) -> np.ndarray:
    image.load()
    rgb = _to_rgb(image)
    target = _bounded(rgb.size)
    # By whole shares, then by at most a half: linear is enough there, and ten times faster.
    whole = min(rgb.size[0] // target[0], rgb.size[1] // target[1])
    pixels = np.asarray(rgb.reduce(whole) if whole > 1 else rgb)
    if rgb.size != target:
        pixels = cv2.resize(pixels, target, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(TURNS.get(image.getexif().get(0x0112), np.array)(pixels))


def _bounded(size: tuple[int, int]) -> tuple[int, int]:
    zoom = min(1.0, MAX_SIDE / max(size))
    return max(1, round(size[0] * zoom)), max(1, round(size[1] * zoom))


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_to_rgb(image)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _deep_to_rgb(image: Image.Image) -> Image.Image:
    """More than 8 bits: 16-bit greys by their fixed range, 32-bit ones by the next range they fit in."""
    values = np.nan_to_num(np.asarray(image, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    top = float(values.max())
    if image.mode.startswith("I;16"):
        full = 65535.0
    elif image.mode == "F" and top <= 1:
        full = 1.0
    else:
        full = next((limit for limit in (255.0, 65535.0) if top <= limit), top)
    grey = np.clip(values / full * 255, 0, 255).round().astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.splitlines()[0].rstrip(".")
