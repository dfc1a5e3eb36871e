"""HEIF pictures are known by their boxes to cost what they cost."""

import sys
import types

import pytest
from PIL import Image

from tests.heif import box, full, heif
from threedsl.data.decoding.decode import DECODING
from threedsl.data.heif import decoded_pixels
from threedsl.data.images import load_image
from threedsl.errors import InputError

SMALL, LARGE = (64, 64), (7040, 7040)
ONE = (1, b"hvc1", (), LARGE)


@pytest.fixture
def decoder(monkeypatch):
    """Stands in for the optional decoder: grey pictures of 64 x 64."""
    held = []

    def to_pillow() -> Image.Image:
        held.append(DECODING.held)
        return Image.new("RGB", SMALL, "grey")

    file = types.SimpleNamespace(size=SMALL, to_pillow=to_pillow)
    monkeypatch.setitem(sys.modules, "pillow_heif", types.SimpleNamespace(open_heif=lambda data: file))
    return held


def test_a_phones_photo_costs_its_tiles():
    tiles = [(number, b"hvc1", (), (512, 512)) for number in range(1, 49)]
    photo = heif([*tiles, (49, b"grid", range(1, 49), (4032, 3024)), (50, b"hvc1", (), (320, 240))], 49)
    assert decoded_pixels(photo) == 48 * 512 * 512 + 4032 * 3024


def test_what_is_decoded_is_counted_as_being_decoded(decoder):
    tiles = [(number, b"hvc1", (), (512, 512)) for number in (1, 2, 3)]
    assert load_image(heif([*tiles, (4, b"grid", (1, 2, 3), SMALL)], 4)).shape == (64, 64, 3)
    assert decoder == [3 * 512 * 512 + 64 * 64]


NESTED = [(number, b"iovl", [number - 1] * 10, SMALL) for number in range(2, 12)]


@pytest.mark.parametrize(
    "data",
    [
        heif([ONE, (2, b"grid", [1] * 100, SMALL)], 2),  # took minutes and a gigabyte, in 12 kB
        heif([ONE, (2, b"grid", [1] * 9, SMALL), (3, b"grid", [2] * 9, SMALL)], 3),
        heif(
            [(1, b"hvc1", (), SMALL), (2, b"hvc1", (), LARGE), (3, b"grid", [2] * 9, SMALL)],
            1,
            masks=[(3, 1)],
        ),
    ],
    ids=["grid", "grids-of-grids", "transparency"],
)
def test_pictures_put_together_from_very_many_pixels_are_refused(decoder, data):
    with pytest.raises(
        InputError, match=r"is put together from pictures of [\d,]+ megapixels, .*; export it as JPEG\."
    ):
        load_image(data, "a.heic")
    assert not decoder


@pytest.mark.parametrize(
    "data",
    [
        heif([(1, b"hvc1", (), SMALL), *NESTED], 11),
        heif([(1, b"grid", (1, 1), SMALL)], 1),
        heif([(1, b"hvc1", (), SMALL)], 2),
        heif([(1, b"grid", [7], SMALL)], 1),
        heif([(1, b"hvc1", (), SMALL)], 1, full(b"pitm", b"\0\2")),
        heif([(1, b"grid", [2] * 30_000, SMALL), (2, b"hvc1", (), SMALL)], 1),
        heif([(1, b"hvc1", (), SMALL)], 1, box(b"free") * 20_001),
        heif([(1, b"hvc1", (), SMALL)], 1) + full(b"meta"),
        heif([(1, b"hvc1", (), SMALL)], 1)[:150],
        box(b"ftyp", b"heic", bytes(4)),
        box(b"ftyp", b"heic", bytes(4)) + b"\0\0\0\1meta" + b"\xff" * 8,
        box(b"ftyp", b"heic", bytes(4)) + full(b"meta", full(b"pitm"), box(b"iprp")),
    ],
)
def test_boxes_that_make_no_picture_are_a_sentence(decoder, data):
    with pytest.raises(
        InputError, match=r"^a\.heic is damaged or cut off \(.+\); export or copy it again\.$"
    ):
        load_image(data, "a.heic")
    assert not decoder
