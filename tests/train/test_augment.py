"""Picture, mask and keypoints move together."""

import cv2
import numpy as np
import pytest

from threedsl.body.joints import COCO_FLIP
from train.augment import AugmentConfig, Sample, augment, colour, erase, mirror, move, random_geometry


def spots(size=(128, 64)):
    """White discs on black at the keypoints, and a mask of the same at half the size."""
    rng = np.random.default_rng(0)
    points = np.stack([rng.uniform(14, 50, 17), rng.uniform(20, 108, 17), np.linspace(0.1, 1, 17)], 1).astype(
        np.float32
    )
    image = np.zeros((*size, 3), np.uint8)
    for x, y, _ in points[:1]:
        cv2.circle(image, (round((x - 0.5) * 16), round((y - 0.5) * 16)), 48, (255, 255, 255), -1, shift=4)
    mask = cv2.resize(image[..., 0], (size[1] // 2, size[0] // 2), interpolation=cv2.INTER_AREA)
    return Sample(image, mask, points)


def centre(picture):
    """Centroid of brightness with pixel centres at + 0.5: (x, y)."""
    grey = picture.astype(np.float64) if picture.ndim == 2 else picture[..., 0].astype(np.float64)
    ys, xs = np.indices(grey.shape) + 0.5
    return np.array([(grey * xs).sum(), (grey * ys).sum()]) / grey.sum()


@pytest.mark.parametrize("seed", range(8))
def test_one_geometry_for_all_three(seed):
    config = AugmentConfig(scale=0.2, shift=0.08)
    sample = spots()
    moved = move(sample, random_geometry((128, 64), config, np.random.default_rng(seed)))
    assert np.allclose(centre(moved.image), moved.keypoints[0, :2], atol=0.25)
    assert np.allclose(centre(moved.mask) * 2, moved.keypoints[0, :2], atol=0.5)
    assert np.array_equal(moved.keypoints[:, 2], sample.keypoints[:, 2])


def test_mirror_swaps_sides_and_names():
    sample = spots()
    flipped = mirror(sample)
    assert np.allclose(centre(flipped.image), flipped.keypoints[0, :2], atol=0.25)  # the nose stays the nose
    assert np.allclose(flipped.keypoints[5, 0], 64 - sample.keypoints[6, 0])
    back = mirror(flipped)
    assert np.array_equal(back.image, sample.image) and np.allclose(back.keypoints, sample.keypoints)
    assert [COCO_FLIP[i] for i in COCO_FLIP] == list(range(17))


def test_the_same_generator_gives_the_same_sample_and_leaves_the_original_alone():
    sample = spots()
    before = sample.image.copy()
    first = augment(sample, AugmentConfig(), np.random.default_rng(3))
    second = augment(sample, AugmentConfig(), np.random.default_rng(3))
    assert np.array_equal(first.image, second.image) and np.array_equal(first.keypoints, second.keypoints)
    assert np.array_equal(sample.image, before)
    assert (
        first.image.dtype == np.uint8 and first.image.shape == (128, 64, 3) and first.mask.shape == (64, 32)
    )


def test_colours_change_nothing_when_everything_is_off():
    off = AugmentConfig(brightness=0, contrast=0, cast=0, grey=0, blur=0, low_resolution=0, noise=0, erase=0)
    image = np.random.default_rng(0).integers(0, 256, (128, 64, 3), dtype=np.uint8)
    assert np.array_equal(colour(image, off, np.random.default_rng(0)), image)


@pytest.mark.parametrize("seed", range(20))
def test_erasing_stays_within_the_picture_and_its_share(seed):
    image = np.full((40, 20, 3), 7, np.uint8)
    changed = (erase(image, np.random.default_rng(seed)) != 7).any(2).mean()
    assert 0 < changed <= 0.35
