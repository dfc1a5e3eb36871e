"""Picture, mask and keypoints move together; colours and defects are what they are called."""

from dataclasses import fields, replace

import cv2
import numpy as np
import pytest
import torch

from threedsl.body.joints import COCO_FLIP
from train.data.augment import (
    AugmentConfig,
    Choices,
    Samples,
    augment,
    blur,
    choose,
    develop,
    erase,
    move,
    part_of,
)

HEIGHT, WIDTH = 128, 64
OFF = AugmentConfig(**{field.name: 0.0 for field in fields(AugmentConfig)})
NOBODY = torch.zeros(0, 4, HEIGHT, WIDTH)


def neutral(count, **changed) -> Choices:
    """Choices that change nothing, but for those given."""
    return replace(choose(count, OFF, np.random.default_rng(0)), **changed)


def noise(count, seed=0):
    return torch.rand(count, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(seed))


def grain(count, seed=9):
    return torch.randn(count, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(seed))


def samples(count):
    """Random pictures, masks with a box in them, keypoints anywhere."""
    rng = np.random.default_rng(1)
    masks = torch.zeros(count, 1, HEIGHT, WIDTH)
    masks[:, :, 20:110, 20:44] = 1
    points = np.stack(
        [rng.uniform(0, WIDTH, (count, 17)), rng.uniform(0, HEIGHT, (count, 17)), rng.random((count, 17))], 2
    )
    return Samples(noise(count), masks, torch.from_numpy(points).float())


def spots(count):
    """White discs on black at the nose, in picture and mask."""
    rng = np.random.default_rng(0)
    points = np.stack([rng.uniform(20, 44, (count, 17)), rng.uniform(30, 98, (count, 17))], 2)
    images = np.zeros((count, HEIGHT, WIDTH), np.uint8)
    for image, (x, y) in zip(images, points[:, 0], strict=True):
        cv2.circle(image, (round((x - 0.5) * 16), round((y - 0.5) * 16)), 48, 255, -1, shift=4)
    white = torch.from_numpy(images).float()[:, None] / 255
    confidence = np.broadcast_to(np.linspace(0.1, 1, 17), (count, 17))[..., None]
    keypoints = torch.from_numpy(np.concatenate([points, confidence], 2)).float()
    return Samples(white.repeat(1, 3, 1, 1), white, keypoints)


def centre(picture):
    """Centroid of brightness (H, W) with pixel centres at + 0.5: (x, y)."""
    ys, xs = np.indices(picture.shape) + 0.5
    return np.array([(picture * xs).sum(), (picture * ys).sum()]) / picture.sum()


# Geometry ------------------------------------------------------------------------------------------------------


def test_one_geometry_for_all_three():
    sample, config = spots(12), replace(OFF, scale=0.2, shift=0.08, flip=0.5)
    choices = choose(12, config, np.random.default_rng(4))
    assert 0 < choices.flip.sum() < 12
    moved = augment(sample, choices, NOBODY, grain(12))
    for image, mask, points in zip(moved.images, moved.masks, moved.keypoints, strict=True):
        # The nose stays the nose, mirrored or not.
        assert np.allclose(centre(image[1].numpy()), points[0, :2], atol=0.25)
        assert np.allclose(centre(mask[0].numpy()), points[0, :2], atol=0.25)
    assert not torch.allclose(moved.keypoints[:, 0], sample.keypoints[:, 0], atol=1)


@pytest.mark.parametrize("seed", range(4))
def test_pictures_move_as_opencv_moves_them(seed):
    """Scaling about the centre, a shift, then mirroring, as a matrix of pixel positions given to cv2.warpAffine."""
    smooth = cv2.resize(np.random.default_rng(seed).random((9, 5, 3), np.float32), (WIDTH, HEIGHT))
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.circle(mask, (30, 60), 25, 1.0, -1)
    choices = choose(1, AugmentConfig(flip=seed % 2, scale=0.15, shift=0.1), np.random.default_rng(seed))
    scale, (right, down) = choices.scale[0], choices.shift[0]
    affine = np.array([
        [scale, 0, WIDTH / 2 * (1 - scale) + right * WIDTH],
        [0, scale, HEIGHT / 2 * (1 - scale) + down * HEIGHT],
        [0, 0, 1],
    ])  # fmt: skip
    if seed % 2:
        affine = np.array([[-1, 0, WIDTH], [0, 1, 0], [0, 0, 1]]) @ affine
    middles = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV puts them at whole numbers
    matrix = (np.linalg.inv(middles) @ affine @ middles)[:2]
    sample = Samples(
        torch.from_numpy(smooth).permute(2, 0, 1)[None],
        torch.from_numpy(mask)[None, None],
        torch.zeros(1, 17, 3),
    )
    moved = move(sample, choices.scale, choices.shift, choices.flip)
    expected = cv2.warpAffine(smooth, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    # OpenCV rounds positions to 1/32 of a pixel.
    assert np.abs(moved.images[0].permute(1, 2, 0).numpy() - expected).max() < 0.01
    assert np.abs(moved.masks[0, 0].numpy() - cv2.warpAffine(mask, matrix, (WIDTH, HEIGHT))).max() < 0.07


def test_mirroring_swaps_sides_and_names():
    sample, still = samples(2), neutral(2)
    flipped = move(sample, still.scale, still.shift, np.array([True, False]))
    assert torch.allclose(flipped.images[0], sample.images[0].flip(2), atol=1e-4)
    assert torch.allclose(flipped.images[1], sample.images[1], atol=1e-4)
    for left, right in ((1, 2), (5, 6), (9, 10), (15, 16)):
        expected = sample.keypoints[0, right] * torch.tensor([-1.0, 1, 1]) + torch.tensor([WIDTH, 0, 0])
        assert torch.allclose(flipped.keypoints[0, left], expected, atol=1e-4)
    assert torch.allclose(flipped.keypoints[1], sample.keypoints[1], atol=1e-4)
    back = move(flipped, still.scale, still.shift, np.array([True, False]))
    assert torch.allclose(back.keypoints, sample.keypoints, atol=1e-4)
    assert [COCO_FLIP[i] for i in COCO_FLIP] == list(range(17))


# Choices -------------------------------------------------------------------------------------------------------


def test_nothing_changes_when_everything_is_off():
    sample = samples(5)
    same = augment(sample, choose(5, OFF, np.random.default_rng(3)), NOBODY, grain(5))
    for name in ("images", "masks", "keypoints"):
        assert torch.allclose(getattr(same, name), getattr(sample, name), atol=1e-4), name


def test_the_same_generator_gives_the_same_batch_and_leaves_the_original_alone():
    sample, config = samples(16), AugmentConfig(bystander=0.5)
    before = sample.images.clone(), sample.keypoints.clone()

    def change(seed):
        choices = choose(16, config, np.random.default_rng(seed))
        bystanders = torch.cat([noise(16, 5), sample.masks], 1)[choices.bystander]
        return augment(sample, choices, bystanders, grain(16))

    first, second, other = change(3), change(3), change(4)
    assert torch.equal(first.images, second.images) and torch.equal(first.keypoints, second.keypoints)
    assert not torch.equal(first.images, other.images)
    assert torch.equal(sample.images, before[0]) and torch.equal(sample.keypoints, before[1])
    assert first.images.min() >= 0 and first.images.max() <= 1 and torch.isfinite(first.images).all()


def test_what_is_drawn_keeps_to_its_probabilities_and_ranges():
    config = AugmentConfig()
    drawn = choose(20_000, config, np.random.default_rng(0))
    happened = {
        "flip": drawn.flip, "bystander": drawn.bystander, "grey": drawn.grey, "blur": drawn.blur > 0,
        "low_resolution": drawn.detail < 1, "noise": drawn.noise > 0, "erase": drawn.erase.any(1),
    }  # fmt: skip
    for name, values in happened.items():
        assert values.mean() == pytest.approx(getattr(config, name), abs=0.012), name
    assert np.abs(drawn.scale - 1).max() <= config.scale and np.abs(drawn.shift).max() <= config.shift
    assert np.abs(drawn.contrast - 1).max() <= config.contrast
    gain = (1 + config.brightness) * (1 + config.channel_gain)
    assert drawn.factor.max() <= gain and drawn.factor.min() >= (1 - config.brightness) * (
        1 - config.channel_gain
    )
    assert np.abs(drawn.beside[:, 0]).min() >= 0.45 and (drawn.beside[:, 0] < 0).mean() == pytest.approx(
        0.5, abs=0.02
    )
    assert len(np.unique(drawn.detail)) == 2


def test_a_part_of_the_choices_gives_that_part_of_the_batch():
    sample, places = samples(6), np.array([4, 1])
    choices = choose(6, replace(AugmentConfig(), bystander=0.0), np.random.default_rng(2))
    whole = augment(sample, choices, NOBODY, grain(6))
    picked = Samples(sample.images[places], sample.masks[places], sample.keypoints[places])
    part = augment(picked, part_of(choices, places), NOBODY, grain(6)[places])
    assert torch.allclose(part.images, whole.images[places], atol=1e-6)
    assert torch.equal(part.keypoints, whole.keypoints[places])


# Other people, and what cameras do -----------------------------------------------------------------------------


def test_a_bystander_is_next_to_and_behind_the_person():
    black = Samples(torch.zeros(2, 3, HEIGHT, WIDTH), torch.zeros(2, 1, HEIGHT, WIDTH), torch.zeros(2, 17, 3))
    black.masks[:, :, :, 20:40] = 1
    bystander = torch.ones(1, 4, HEIGHT, WIDTH)
    bystander[:, 3] = 0
    bystander[:, 3, 30:90, 28:36] = 1  # a white person in the middle, centre (32, 60)
    choices = neutral(2, bystander=np.array([False, True]), beside=np.array([[0.0, 0.0], [0.25, 0.1]]))
    changed = augment(black, choices, bystander, grain(2))
    assert not changed.images[0].any()
    assert np.allclose(centre(changed.images[1, 0].numpy()), [32 + 16, 60 + 12.8], atol=0.1)
    assert changed.images[1].sum() == pytest.approx(3 * 60 * 8, rel=1e-3)
    behind = neutral(2, bystander=np.array([False, True]), beside=np.array([[0.0, 0.0], [-0.125, 0.0]]))
    changed = augment(black, behind, bystander, grain(2))  # columns 20 to 27: all behind the person
    assert changed.images.abs().max() < 1e-4
    assert torch.allclose(changed.masks, black.masks, atol=1e-4)


@pytest.mark.parametrize("size", [(128, 64), (40, 20)])
def test_blur_is_opencvs(size):
    images, sigma, reach = (
        torch.rand(3, 3, *size, generator=torch.Generator().manual_seed(0)),
        [0.4, 1.0, 2.0],
        5,
    )
    blurred = blur(images, np.array(sigma), reach)
    for image, deviation, ours in zip(images, sigma, blurred, strict=True):
        kernel = (2 * reach + 1,) * 2
        expected = cv2.GaussianBlur(
            image.permute(1, 2, 0).numpy(), kernel, deviation, borderType=cv2.BORDER_REPLICATE
        )
        assert np.abs(ours.permute(1, 2, 0).numpy() - expected).max() < 1e-5


def test_blur_and_resolution_reach_only_the_pictures_chosen():
    images = noise(3)
    changed = develop(images, neutral(3, blur=np.array([0, 0.8, 0]), detail=np.array([1, 1, 0.5])), grain(3))
    assert torch.allclose(changed[0], images[0], atol=1e-6)
    kernel = (2 * 4 + 1,) * 2  # 2.5 x 1.4 pixels, rounded up
    soft = cv2.GaussianBlur(images[1].permute(1, 2, 0).numpy(), kernel, 0.8, borderType=cv2.BORDER_REPLICATE)
    assert np.abs(changed[1].permute(1, 2, 0).numpy() - soft).max() < 1e-5
    small = cv2.resize(
        images[2].permute(1, 2, 0).numpy(), (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA
    )
    coarse = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    assert np.abs(changed[2].permute(1, 2, 0).numpy() - coarse).max() < 1e-5


def test_exposure_is_contrast_then_gain_and_grey_has_no_colour():
    images = noise(2) * 0.5 + 0.2
    gain = np.array([[1.1, 0.9, 1.0], [0.8, 1.2, 1.1]])
    changed = develop(
        images, neutral(2, factor=gain, contrast=np.array([1.2, 0.7]), grey=np.array([False, True])), grain(2)
    )
    for i, contrast in enumerate((1.2, 0.7)):
        expected = ((images[i].numpy() - 0.5) * contrast + 0.5) * gain[i][:, None, None]
        if i:
            expected = np.broadcast_to(np.tensordot([0.299, 0.587, 0.114], expected, 1), expected.shape)
        assert np.allclose(changed[i].numpy(), expected, atol=1e-5)


def test_noise_has_the_deviation_that_was_drawn():
    images = torch.full((3, 3, HEIGHT, WIDTH), 0.5)
    deviation = np.array([0.0, 0.01, 0.04])
    added = (develop(images, neutral(3, noise=deviation), grain(3)) - images).numpy()
    assert not added[0].any()
    for one, expected in zip(added[1:], deviation[1:], strict=True):
        assert one.std() == pytest.approx(expected, rel=0.02) and abs(one.mean()) < 0.05 * expected
        assert np.abs(np.corrcoef(one.reshape(3, -1))[0, 1]) < 0.05  # a camera's channels have each their own


def test_erasing_stays_within_the_picture_and_its_share():
    choices = choose(400, replace(OFF, erase=1.0), np.random.default_rng(0))
    top, left, bottom, right = choices.erase.T
    assert (choices.erase >= 0).all() and (choices.erase <= 1 + 1e-12).all()
    area = (bottom - top) * (right - left)
    assert area.min() >= 0.02 - 1e-9 and area.max() <= 0.25 + 1e-9
    images = torch.full((400, 3, 40, 20), 7.0)
    changed = erase(images, choices.erase, choices.fill, torch.zeros(400, 3, 40, 20))
    share = (changed != 7).any(1).float().mean((1, 2)).numpy()
    assert np.abs(share - area).max() < 0.06 and share.min() > 0  # up to half a pixel at each side
    colour = changed[5][:, (changed[5] != 7).any(0)]
    expected = choices.fill[5, :3] if choices.fill[5, 3] <= 0.5 else np.full(3, 0.5)
    assert np.allclose(colour.numpy(), expected[:, None], atol=1e-6)
