"""The contact sheet of keypoints and masks."""

import numpy as np
import pytest
from PIL import Image

from tests.data.tools import detection, parsing_png, write_results
from threedsl.annotations.dataset import open_dataset
from threedsl.annotations.preview import (
    GAP,
    HEIGHT,
    LEFT,
    MIDDLE,
    RIGHT,
    WIDTH,
    _colour,
    annotated,
    read_mask,
    sheet,
    tile,
    write_preview,
)
from threedsl.errors import InputError


def test_preview_shows_what_there_is_and_what_is_missing(annotate, prcc, tmp_path):
    results = [detection("A/073/cropped_rgb002.jpg", 8.0), detection("B/074/cropped_rgb001.jpg", 8.0)]
    write_results(tmp_path / "r.json", *results)
    parsing_png(tmp_path / "p" / "cropped_rgb002.png")
    sheet = tmp_path / "sheets" / "sheet.png"
    code, out, _ = annotate(
        "--alphapose", tmp_path / "r.json", "--parsing", tmp_path / "p", "--preview", sheet
    )
    assert code == 0 and out.endswith(f"Preview in {sheet}\n")
    with Image.open(sheet) as image:
        assert min(image.size) > 300
    write_preview(open_dataset(prcc, ["train"]), tmp_path / "train.jpg")
    with Image.open(tmp_path / "train.jpg") as image:
        assert image.format == "JPEG"


def test_annotations_are_drawn_where_they_are():
    """On a grey picture of 40 x 100: left joints orange, right ones blue, surroundings dark, the mask's edge green."""
    grey = Image.new("RGB", (40, 100), (128, 128, 128))
    points = np.zeros((17, 3), np.float32)
    points[5], points[6], points[7] = (30, 20, 0.9), (10, 20, 0.9), (30, 50, 0.1)
    mask = np.zeros((50, 20), np.uint8)
    mask[5:45, 2:18] = 255
    drawn = np.array(annotated(grey.resize((120, 300)), points, mask, (40, 100))).astype(int)
    assert np.abs(drawn[60, 90] - (255, 140, 26)).max() < 12  # left shoulder
    assert np.abs(drawn[60, 30] - (42, 167, 255)).max() < 12
    assert np.abs(drawn[60, 60] - (245, 240, 106)).max() < 40  # the line between the two
    assert np.abs(drawn[[150, 105], 90] - 128).max() < 12  # a ring is open, and no limb leads to it
    assert np.abs(drawn[240, 60] - 128).max() < 3 and np.abs(drawn[285, 60] - 128 * 0.35).max() < 3
    greenish = (drawn[..., 1] - drawn[..., 0] > 60) & (drawn[..., 1] - drawn[..., 2] > 60)
    rows, columns = np.nonzero(greenish)
    np.testing.assert_allclose(
        [rows.min(), rows.max(), columns.min(), columns.max()], [30, 270, 12, 108], atol=4
    )


def test_damaged_masks_end_in_a_sentence(annotate, prcc, tmp_path):
    path = prcc / "mask/rgb/test/A/073/cropped_rgb002.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n and nothing else")
    code, _, err = annotate("--preview", tmp_path / "a.png")
    assert code == 2 and f"Mask {path} is damaged" in err and not (tmp_path / "a.png").exists()


def test_an_enormous_mask_ends_in_a_sentence(tmp_path, monkeypatch):
    Image.new("L", (40, 40)).save(tmp_path / "mask.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # Pillow refuses twice as many
    with pytest.raises(InputError, match=r"mask\.png is damaged"):
        read_mask(tmp_path / "mask.png")


def test_limbs_have_the_colour_of_their_side():
    """COCO: 5 and 6 shoulders, 7 left elbow, 14 and 16 right knee and ankle, 0 nose, 2 right eye."""
    assert [_colour(5, 7), _colour(14, 16), _colour(5, 6)] == [LEFT, RIGHT, MIDDLE]
    assert [_colour(0), _colour(0, 2), _colour(7)] == [MIDDLE, RIGHT, LEFT]


def test_keypoints_of_a_picture_that_was_scaled_down_as_it_was_read():
    """They are in pixels of the file, 80 x 200 here, although only half of that was loaded."""
    points = np.zeros((17, 3), np.float32)
    points[6] = 20, 100, 1
    card = tile(np.full((100, 40, 3), 128, np.uint8), (80, 200), points, None, "a.jpg")
    right = np.array(card)[:HEIGHT, 124:244].astype(int)  # beside the plain picture of 120 pixels and a gap
    assert np.abs(right[150, 30] - (42, 167, 255)).max() < 12
    assert (np.abs(right - 128).max(2) > 12).sum() < 150


def test_rows_hold_as_many_pictures_as_fit():
    narrow, wide = Image.new("RGB", (300, 338)), Image.new("RGB", (2400, 338))
    page = sheet([narrow] * 7, "seven")
    assert WIDTH - 314 < page.width <= WIDTH and page.height == sheet([narrow] * 12, "twelve").height
    assert sheet([narrow, wide, narrow], "three").width == 2400 + 2 * GAP
