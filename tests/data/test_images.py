"""Every kind of picture people upload is read rightly, and every broken one gives one clear sentence."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageSequence

from tests.heif import heif
from tests.pictures import broken_pictures, encoded, huge_png, person_like
from threedsl.data import images
from threedsl.data.decoding import decode
from threedsl.data.images import load_image
from threedsl.errors import InputError

BROKEN = broken_pictures()


def rgb(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_give_a_sentence_with_their_name(name, tmp_path):
    data, words = BROKEN[name]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError) as error:
        load_image(path)
    sentence = str(error.value)
    assert words in sentence
    assert str(path) in sentence and "\n" not in sentence and sentence.endswith(".")


@pytest.mark.parametrize("name", BROKEN)
def test_broken_bytes_give_the_same_sentence(name):
    data, words = BROKEN[name]
    with pytest.raises(InputError, match=r"^upload\.png .*") as error:
        load_image(data, name="upload.png")
    assert words in str(error.value)


def test_size_is_refused_before_pixels_are_decoded():
    """The file holds no pixel at all: whoever decodes it first would call it damaged."""
    with pytest.raises(InputError, match="megapixels"):
        load_image(huge_png())


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("missing.jpg", "does not exist"),
        (".", "is a folder"),
        ("https://a.org/b.jpg", "web address"),
        ("a\0b.jpg", "does not exist"),
    ],
)
def test_paths_that_are_no_picture(path, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=words):
        load_image(path)


def test_too_many_bytes(tmp_path, monkeypatch):
    for module in (images, decode):
        monkeypatch.setattr(module, "MAX_BYTES", 2**20)
    path = tmp_path / "big.png"
    path.write_bytes(encoded(person_like()) + bytes(2**20))
    for source in (path, path.read_bytes()):
        with pytest.raises(InputError, match="more than 1 MB"):
            load_image(source)


def test_ordinary_pictures_are_unchanged():
    picture = person_like()
    assert np.array_equal(load_image(encoded(picture)), rgb(picture))
    assert np.array_equal(load_image(picture), rgb(picture))
    assert np.array_equal(load_image(rgb(picture)), rgb(picture))
    palette = picture.quantize(64)
    for kind in ("BMP", "TIFF", "GIF"):
        assert np.array_equal(load_image(encoded(palette, kind)), rgb(palette))
    for kind in ("JPEG", "WEBP", "MPO"):
        read = load_image(encoded(picture, kind, quality=95)).astype(int)
        assert np.abs(read - rgb(picture)).mean() < 3


def test_greyscale_and_one_bit():
    grey = person_like().convert("L")
    assert np.array_equal(load_image(encoded(grey)), rgb(grey))
    bits = grey.point(lambda value: 255 * (value > 128)).convert("1")
    assert set(np.unique(load_image(encoded(bits)))) == {0, 255}


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_by_their_range(kind):
    ramp = np.linspace(0, 65535, 64 * 32).round().astype(np.uint16).reshape(64, 32)
    read = load_image(encoded(Image.fromarray(ramp), kind))
    assert np.abs(read[..., 0].astype(float) - ramp / 257).max() <= 0.5 + 1e-6
    # A dark picture stays dark: the range is the format's, not the picture's.
    dark = load_image(encoded(Image.fromarray(ramp // 100), kind))
    assert dark.max() <= 3


def test_float_tiff():
    ramp = np.linspace(0, 1, 64 * 32, dtype=np.float32).reshape(64, 32)
    assert np.abs(load_image(encoded(Image.fromarray(ramp), "TIFF"))[..., 1] - ramp * 255).max() <= 0.5 + 1e-3


def test_sixteen_bit_array():
    read = load_image(np.full((20, 20, 3), 65535, np.uint16))
    assert read.dtype == np.uint8 and (read == 255).all()


def test_cmyk_jpeg_keeps_its_colours():
    picture = person_like()
    read = load_image(encoded(picture.convert("CMYK"), "JPEG", quality=95)).astype(int)
    assert np.abs(read - rgb(picture)).mean() < 4


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_composited_over_white(mode):
    layer = Image.new(mode, (32, 32), (0,) * len(mode))
    layer.paste(Image.new(mode, (16, 32), (100,) * (len(mode) - 1) + (128,)), (0, 0))
    read = load_image(encoded(layer))
    assert (read[:, 16:] == 255).all()
    blended = 100 * 128 / 255 + 255 * 127 / 255
    assert np.abs(read[:, :16].astype(float) - blended).max() <= 1


def test_transparent_palette():
    picture = person_like(32, 32).quantize(8)
    data = encoded(picture, "PNG", transparency=0)
    first = np.asarray(picture) == 0
    read = load_image(data)
    assert (read[first] == 255).all()
    assert np.array_equal(read[~first], rgb(picture)[~first])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_exif_puts_the_picture_upright(orientation, kind):
    """The stored picture is the upright one turned by hand, with numpy; reading must turn it back."""
    upright = rgb(person_like(60, 40))
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright.transpose(1, 0, 2), 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif)
    read = load_image(data)
    assert read.shape == upright.shape
    assert np.abs(read.astype(int) - upright).max() <= (12 if kind == "JPEG" else 0)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animations_show_their_first_frame(kind):
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "lime", "blue")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert len(list(ImageSequence.Iterator(Image.open(io.BytesIO(data))))) == 3
    assert np.abs(load_image(data).mean((0, 1)) - [255, 0, 0]).max() < 3


@pytest.mark.slow
def test_large_pictures_shrink_without_changing_colour():
    picture = person_like(300, 150).resize((2400, 4800))
    for kind in ("PNG", "JPEG"):
        read = load_image(encoded(picture, kind))
        assert read.shape == (2000, 1000, 3)
        assert np.abs(read.mean((0, 1)) - rgb(picture).mean((0, 1))).max() < 1


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((20, 20, 2), np.uint8),
        np.zeros((20, 20, 3), np.float32),
        np.zeros((0, 20, 3), np.uint8),
        np.zeros(9),
    ],
)
def test_arrays_that_are_no_picture(array):
    with pytest.raises(InputError, match="array"):
        load_image(array)


def test_other_objects_are_named():
    with pytest.raises(InputError, match="not dict"):
        load_image({})


def test_heic_is_read_when_its_decoder_is_there(monkeypatch):
    """The optional decoder is stood in for by one that returns a known picture."""
    import sys
    import types

    picture = person_like()
    file = types.SimpleNamespace(size=picture.size, to_pillow=lambda: picture)
    monkeypatch.setitem(sys.modules, "pillow_heif", types.SimpleNamespace(open_heif=lambda data: file))
    assert np.array_equal(load_image(heif([(1, b"hvc1", (), picture.size)], 1)), rgb(picture))


def test_pillow_is_left_as_it_was_and_threads_agree():
    before = (Image.MAX_IMAGE_PIXELS, dict(Image.OPEN))
    data = encoded(person_like(600, 300), "JPEG")
    expected = load_image(data)
    with ThreadPoolExecutor(8) as pool:
        assert all(np.array_equal(read, expected) for read in pool.map(load_image, [data] * 40))
    Image.init()
    assert Image.MAX_IMAGE_PIXELS == before[0] and set(before[1]) <= set(Image.OPEN)
