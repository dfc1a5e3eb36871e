"""Keypoints with the finder's errors: as large as was measured, and what the finder itself says of a picture."""

import numpy as np
import pytest
import torch

from threedsl.data.images import load_image
from threedsl.gallery.demo import openpeople_folder
from threedsl.people.given import everybody
from train.data.found_keypoints import CONFUSED, MISSED, NOT_FOUND, as_found, each, found_in_crops

TIMES = 20_000


def points(confidence, height=256):
    """Keypoint k at (10 k, 7 k), all of one confidence."""
    place = torch.stack([10.0 * torch.arange(17), 7.0 * torch.arange(17), torch.full((17,), confidence)], 1)
    return (place * torch.tensor([height / 256, height / 256, 1])).repeat(TIMES, 1, 1)


def drawn(*arguments):
    return as_found(*arguments, torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("confidence", "missed", "spread"), [(1.0, MISSED[0], 2.8), (0.5, MISSED[1], 7.0)])
def test_errors_are_as_measured(confidence, missed, spread):
    truth = points(confidence)
    found = drawn(truth, 256)
    seen = found[..., 2] > 0
    assert 1 - seen.float().mean() == pytest.approx(missed + NOT_FOUND, abs=0.01)
    assert 1 - seen.any(1).float().mean() == pytest.approx(NOT_FOUND, abs=0.005)
    apart = (found - truth)[..., :2]
    assert apart[:, 5, 1].median() == pytest.approx(-3.2, abs=0.3), "shoulders are found higher"
    assert apart[:, 0].median(0).values.abs().max() < 0.2
    robust = 1.4826 * (apart[:, 5, 0] - apart[:, 5, 0].median()).abs().median()
    assert robust == pytest.approx(spread, rel=0.2)


def test_left_and_right_are_confused_at_times():
    truth = points(1.0)
    apart = drawn(truth, 256)[..., :2] - truth[..., :2]
    swapped = apart[:, 1::2, 0].median(1).values > 5
    assert swapped.float().mean() == pytest.approx(CONFUSED, abs=0.004)
    assert apart[swapped][:, 2::2, 0].mean() == pytest.approx(-10, abs=1)


def test_errors_grow_with_the_picture_and_repeat_with_the_seed():
    small, large = drawn(points(1.0, 128), 128), drawn(points(1.0), 256)
    assert torch.allclose(2 * small[..., :2], large[..., :2], atol=1e-3)
    assert torch.equal(large, drawn(points(1.0), 256))


def test_what_was_never_known_stays_unseen():
    assert (drawn(points(0.0), 256)[..., 2] == 0).all()


def test_a_value_for_every_keypoint():
    assert each({"nose": 1, "ankles": 2}) == [1, *[0] * 14, 2, 2]


@pytest.mark.slow
def test_the_finder_in_crops():
    photo = load_image(openpeople_folder() / "P001" / "assets" / "amateur_posture.jpg")
    grey = np.full((256, 128, 3), 127, np.uint8)
    found = found_in_crops([photo, grey], (256, 128))
    one = everybody(photo)[0]
    assert np.allclose(found[0], one.crop.to_crop(one.person.keypoints, (256, 128)))
    assert (found[0][:, 2] > 0.25).sum() > 10 and (found[1] == 0).all()
