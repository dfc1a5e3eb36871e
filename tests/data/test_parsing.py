"""Self-Correction's PNGs: real ones, ones built to the same format, and whatever else people give."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.pictures import huge_png, noise_jpeg
from threedsl.data.parsing import (
    ATR,
    LABEL_SETS,
    LIP,
    PASCAL,
    Parsing,
    foreground,
    read_parsing,
    resolve_set,
    voc_colours,
)
from threedsl.errors import InputError

# The first colours of Pascal VOC, as its development kit lists them.
VOC = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128), (0, 128, 128)]
VOC += [(128, 128, 128), (64, 0, 0), (192, 0, 0), (64, 128, 0), (192, 128, 0), (64, 0, 128), (192, 0, 128)]
VOC += [(64, 128, 128), (192, 128, 128), (0, 64, 0), (128, 64, 0), (0, 192, 0), (128, 192, 0), (0, 64, 128)]


def palette_png(labels, coloured, depth=8, entries=None):
    """A PNG's bytes, written without Pillow: labels (H, W), of which `coloured` have a VOC colour, the rest greys."""
    height, width = labels.shape
    entries = entries or 2**depth
    colours = [*VOC[:coloured], *((k, k, k) for k in range(coloured, entries))][:entries]
    if depth == 4:
        padded = np.pad(labels, ((0, 0), (0, width % 2)))
        rows = padded[:, ::2] << 4 | padded[:, 1::2]
    else:
        rows = labels
    lines = b"".join(b"\0" + row.tobytes() for row in rows.astype(np.uint8))

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 3, 0, 0, 0))
        + chunk(b"PLTE", bytes(value for colour in colours for value in colour))
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


def some_labels(highest, height=9, width=7):
    return np.random.default_rng(highest).integers(0, highest + 1, (height, width)).astype(np.uint8)


@pytest.fixture
def png(tmp_path):
    """Bytes, an array (grey) or an image as a file."""

    def write(content):
        path = tmp_path / "a.png"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            (Image.fromarray(content) if isinstance(content, np.ndarray) else content).save(path)
        return path

    return write


def test_voc_colours():
    assert [tuple(colour) for colour in voc_colours(len(VOC))] == VOC


@pytest.mark.parametrize(
    ("labels", "depth", "entries"),
    [
        (LIP, 8, 256),
        (ATR, 8, 256),
        (PASCAL, 4, 16),
        (LIP, 8, 20),
        (ATR, 8, 18),
        (PASCAL, 4, 7),
        (PASCAL, 8, 256),
    ],
)
def test_indices_and_set_of_palette_pngs(png, labels, depth, entries):
    values = some_labels(len(labels.labels) - 1)
    parsing = read_parsing(png(palette_png(values, len(labels.labels), depth, entries)))
    np.testing.assert_array_equal(parsing.labels, values)
    assert parsing.known is labels


def test_label_sets_end_where_the_tool_ends():
    assert {name: len(labels.labels) for name, labels in LABEL_SETS.items()} == {
        "lip": 20,
        "atr": 18,
        "pascal": 7,
    }
    assert (ATR.bag, ATR.labels[16], LIP.bag, PASCAL.bag) == (16, "bag", None, None)
    assert LIP.labels[13] == "face" and ATR.labels[11] == "face" and PASCAL.labels[6] == "lower-legs"


@pytest.mark.parametrize(
    ("name", "labels", "background"),
    [("lip", LIP, 1768548), ("atr", ATR, 1755159), ("pascal", PASCAL, 1767686)],
)
def test_real_output_becomes_the_right_mask(shared_fixtures, name, labels, background):
    path = shared_fixtures / "parsing" / f"demo_{name}.png"
    parsing = read_parsing(path)
    assert parsing.known is labels
    mask = foreground(parsing.labels)
    # OpenCV decodes to colours, and in these palettes only the background is black.
    coloured = cv2.imread(str(path), cv2.IMREAD_COLOR).any(2)
    np.testing.assert_array_equal(mask == 255, coloured)
    assert mask.shape == (1333, 2000) and (mask == 0).sum() == background


def test_the_three_sets_agree_about_the_same_people(shared_fixtures):
    masks = [
        foreground(read_parsing(path).labels) > 0 for path in (shared_fixtures / "parsing").glob("*.png")
    ]
    assert len(masks) == 3 and np.logical_and.reduce(masks).sum() > 0.9 * np.logical_or.reduce(masks).sum()


def test_bags_can_be_left_out(shared_fixtures):
    path = shared_fixtures / "parsing" / "demo_atr.png"
    labels = read_parsing(path).labels
    bag = (cv2.imread(str(path), cv2.IMREAD_COLOR) == VOC[16][::-1]).all(2)
    without, whole = foreground(labels, ATR.bag) > 0, foreground(labels) > 0
    assert bag.sum() == 3438 and not without[bag].any()
    np.testing.assert_array_equal(without | bag, whole)


def test_sets_of_files_whose_palette_does_not_tell(png):
    everything = palette_png(some_labels(19), 21)
    path = png(everything)
    assert read_parsing(path).known is None
    assert resolve_set(read_parsing(path), None, path) is LIP
    low = read_parsing(png(some_labels(6)))
    assert low.known is None and resolve_set(low, None, path) is None
    assert resolve_set(low, ATR, path) is ATR


@pytest.mark.parametrize("highest", [3, 6, 17, 19])
@pytest.mark.parametrize(
    "method", [Image.Quantize.MEDIANCUT, Image.Quantize.FASTOCTREE, "convert", "optimized"]
)
def test_palettes_that_a_picture_program_numbered_again(png, highest, method):
    """Colours say the labels where their numbers do not."""
    values = some_labels(highest, 40, 30)
    coloured = Image.fromarray(np.array(VOC, np.uint8)[values])
    if method == "convert":
        again = coloured.convert("P", palette=Image.Palette.ADAPTIVE, colors=32, dither=Image.Dither.NONE)
    elif method == "optimized":
        there = Image.open(io.BytesIO(palette_png(values, 20)))
        order = [*reversed(range(20)), *range(20, 256)]
        again = there.remap_palette(order)
    else:
        again = coloured.quantize(32, method=method, dither=Image.Dither.NONE)
    assert (np.array(again) != values).any()
    path = png(again)
    np.testing.assert_array_equal(read_parsing(path).labels, values)


def test_labels_under_their_own_greys_are_what_they_are(png):
    values = some_labels(19)
    there = Image.new("P", values.shape[::-1])
    there.putdata(values.ravel().tolist())
    there.putpalette([k for k in range(256) for _ in range(3)])
    np.testing.assert_array_equal(read_parsing(png(there)).labels, values)


def test_sets_that_contradict_the_file(png):
    path = png(palette_png(some_labels(6), 18))
    with pytest.raises(
        InputError, match=r"a\.png has the palette of ATR \(18 labels\), not of LIP; give --labels atr"
    ):
        resolve_set(read_parsing(path), LIP, path)
    values = Parsing(some_labels(19), None)
    with pytest.raises(InputError, match=r"label 19, but PASCAL ends at 6; give the set"):
        resolve_set(values, PASCAL, path)


def test_masks_are_0_and_255():
    labels = np.array([[0, 1], [16, 19]], np.uint8)
    assert foreground(labels).tolist() == [[0, 255], [255, 255]] and foreground(labels).dtype == np.uint8
    assert foreground(labels, 16).tolist() == [[0, 255], [0, 255]]


def encoded(image, kind="PNG"):
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


VISUALISED = Image.open(io.BytesIO(palette_png(some_labels(19), 20)))
MALFORMED = {
    "empty": (b"", "is not a PNG file"),
    "a letter": (b"Dear sir or madam", "is not a PNG file"),
    "a JPEG by the name of a PNG": (noise_jpeg(), "is not a PNG file"),
    "cut off": (palette_png(some_labels(19, 300, 300), 20)[:9000], "damaged or cut off"),
    "bomb": (huge_png(30_000, 30_000), "far more pixels"),
    "in colour": (VISUALISED.convert("RGB"), "a colour picture, so its labels are lost"),
    "in colour with alpha": (VISUALISED.convert("RGBA"), "a colour picture, so its labels are lost"),
    "16 bits": (some_labels(19).astype(np.uint16), "mode I;16, so its labels are lost"),
    "one bit": (Image.new("1", (4, 4)), "mode 1, so its labels are lost"),
    "already a mask of one bit": (
        Image.fromarray(some_labels(1) > 0),
        "is already a mask; copy it to mask/",
    ),
    "grey of colours": (VISUALISED.convert("L"), "a grey picture that was made from a coloured one"),
    "already a mask": (foreground(some_labels(3)), "is already a mask; copy it to mask/"),
    "label beyond its palette's set": (palette_png(some_labels(9), 7), "label 9, but PASCAL ends at 6"),
    "a photo in 256 colours": (
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)).quantize(256),
        "has colours that no label set uses",
    ),
    "coloured labels made smaller": (
        VISUALISED.convert("RGB").resize((5, 5), Image.Resampling.BILINEAR).quantize(12),
        "has colours that no label set uses, such as",
    ),
    "a value beyond its palette": (palette_png(some_labels(19), 5, entries=5), "a value beyond its palette"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_files_end_in_one_sentence(png, name):
    content, words = MALFORMED[name]
    path = png(content)
    with pytest.raises(InputError, match=words) as error:
        read_parsing(path)
    text = str(error.value)
    assert text.startswith(f"Parsing {path}") and text.endswith(".") and "\n" not in text


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_parsing(tmp_path / "a.png")
