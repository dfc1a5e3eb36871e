"""Masks that cost too much, and pictures that are others than before."""

import pytest
from PIL import Image

from tests.train.data.test_dataset import SIZE
from tests.train.toy import write_dataset
from threedsl.errors import InputError
from train.data.dataset import TrainingSet
from train.data.listing import Listing


def test_a_mask_of_a_gigabyte_is_refused_by_its_header(tmp_path):
    """OpenCV decodes up to 2^30 pixels, and several at once."""
    write_dataset(tmp_path, people=2)
    path = tmp_path / "mask" / "000" / "c1_o0.png"
    Image.new("1", (8000, 8000)).save(path)
    with pytest.raises(InputError, match=r"Mask .*000/c1_o0\.png has 8000 x 8000 pixels, more than 50 mega"):
        TrainingSet(Listing.read([tmp_path]), SIZE)


def test_other_pictures_under_the_same_names_are_another_training_set(tmp_path):
    """A run goes on with the pictures it began with, wherever they are, and with no others."""
    write_dataset(tmp_path)
    known = TrainingSet(Listing.read([tmp_path]), SIZE)
    again = TrainingSet(Listing.read([tmp_path]), SIZE)
    assert again.fingerprints == known.fingerprints and again.contents == known.contents
    path = tmp_path / "images" / "001" / "c1_o0.png"
    Image.new("RGB", (32, 64), "red").save(path)
    other = TrainingSet(Listing.read([tmp_path]), SIZE)
    assert other.fingerprint == known.fingerprint, "labels and keypoints are the same"
    assert other.fingerprints != known.fingerprints and other.contents != known.contents
    (tmp_path / "mask" / "001" / "c1_o0.png").unlink()
    assert TrainingSet(Listing.read([tmp_path]), SIZE).fingerprints != other.fingerprints
