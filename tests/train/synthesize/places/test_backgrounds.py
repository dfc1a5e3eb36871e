"""Photos as backgrounds: which are shown and which are refused."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.train.synthetic import SIZE, SMALL, synthesize
from threedsl.errors import InputError
from train.synthesize.places.backgrounds import photo_background, photos_in


def photo(path, size, colour):
    """A plain photo with a little noise."""
    noise = np.random.default_rng(0).normal(0, 4, (*size, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.clip(np.array(colour[::-1]) + noise, 0, 255).astype(np.uint8))


@pytest.mark.slow
def test_people_stand_before_the_photos_of_a_folder(tmp_path):
    photo(tmp_path / "photos" / "lawn.png", (300, 400), (30, 200, 30))
    photo(tmp_path / "photos" / "deeper" / "sea side.JPG", (200, 120), (30, 30, 200))
    out = tmp_path / "set"
    assert (
        synthesize(
            out,
            SMALL | {"--people": "1", "--backgrounds": str(tmp_path / "photos"), "--background-share": "1"},
        )
        == 0
    )
    assert json.loads((out / "dataset.json").read_text())["backgrounds"] == "photos"
    kinds = set()
    for path in (out / "images").rglob("*.jpg"):
        image = cv2.imread(str(path))[..., ::-1]
        mask = cv2.imread(str(out / "mask" / path.parent.name / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        far = cv2.dilate(mask, np.ones((9, 9), np.uint8)) == 0
        red, green, blue = np.median(image[:60][far[:60]], axis=0)  # above the ground and its shadow
        assert max(green, blue) > red + 30, path.name
        kinds.add("lawn" if green > blue else "sea")
    assert kinds == {"lawn", "sea"}


@pytest.mark.slow
def test_a_share_of_the_pictures_shows_photos(tmp_path):
    photo(tmp_path / "photos" / "lawn.png", (300, 400), (20, 250, 20))
    out = tmp_path / "set"
    assert synthesize(out, SMALL | {"--people": "3", "--backgrounds": str(tmp_path / "photos")}) == 0
    described = json.loads((out / "dataset.json").read_text())
    assert (
        described["background_share"] == 0.5 and described["poses"] == "broad" and described["version"] == 4
    )
    tops = [cv2.imread(str(path))[:60].astype(float).mean((0, 1)) for path in (out / "images").rglob("*.jpg")]
    lawns = sum(green > blue + 40 and green > red + 40 for blue, green, red in tops)
    assert 4 <= lawns <= len(tops) - 4 == 14


def test_a_photo_that_cannot_be_read_or_is_tiny_is_named(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "letter.jpg").write_bytes(b"Dear sir")
    with pytest.raises(InputError, match=r"letter\.jpg cannot be read as a picture; remove it"):
        photo_background([tmp_path / "letter.jpg"], SIZE, rng)
    photo(tmp_path / "stamp.png", (63, 100), (9, 9, 9))
    with pytest.raises(InputError, match=r"stamp\.png is only 100 x 63 pixels"):
        photo_background([tmp_path / "stamp.png"], SIZE, rng)
    photo(tmp_path / "small.png", (64, 32), (9, 99, 9))
    for _ in range(50):
        assert photo_background([tmp_path / "small.png"], SIZE, rng).shape == (*SIZE, 3)


@pytest.mark.parametrize("name", ["lawn.webp", "lawn.gif", "lawn.TIFF", "lawn.bmp", "lawn"])
def test_every_picture_that_other_commands_read_may_be_a_background(tmp_path, name):
    place = tmp_path / "deeper" / name
    place.parent.mkdir()
    kind = {"": "PNG", ".webp": "WEBP", ".gif": "GIF", ".tiff": "TIFF", ".bmp": "BMP"}[place.suffix.lower()]
    Image.new("RGB", (200, 100), (30, 200, 30)).save(place, kind)
    (tmp_path / "notes.txt").write_text("x")
    assert photos_in(tmp_path) == [place]
    shown = photo_background([place], SIZE, np.random.default_rng(0))
    exposure = shown.mean((0, 1)) / (30, 200, 30)
    assert 0.69 < exposure.min() and exposure.max() < 1.31 and np.ptp(exposure) < 0.15
