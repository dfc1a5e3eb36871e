"""Losses against definitions written out with loops, and gradient checks in float64."""

import numpy as np
import pytest
import torch

from train import losses


def test_triplet_equals_loops_over_anchors():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(12, 5, generator=generator, dtype=torch.float64)
    pids, clothes = torch.arange(4).repeat_interleave(3), torch.tensor([0, 0, 1] * 4)
    other, same, negative = losses.pair_masks(pids, clothes)
    for positive in (other, same, other | same):
        terms = []
        for a in range(12):
            ds = [(features[a] - features[b]).norm().item() for b in range(12)]
            pos = [ds[b] for b in range(12) if positive[a, b]]
            neg = [ds[b] for b in range(12) if pids[b] != pids[a]]
            if pos:
                terms.append(max(0.0, max(pos) - min(neg) + 0.3))
        ours = losses.batch_hard_triplet(features, positive, negative, 0.3)
        assert ours.item() == pytest.approx(np.mean(terms))


def test_weighted_triplet_equals_loops_over_anchors():
    features = torch.randn(9, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    pids, clothes = torch.arange(3).repeat_interleave(3), torch.tensor([0, 0, 1] * 3)
    other, _, negative = losses.pair_masks(pids, clothes)
    terms = []
    for a in range(9):
        d = [(features[a] - features[b]).norm().item() for b in range(9)]
        pos, neg = np.flatnonzero(other[a]), np.flatnonzero(negative[a])
        far = np.exp([d[b] for b in pos]) / np.exp([d[b] for b in pos]).sum()
        near = np.exp([-d[b] for b in neg]) / np.exp([-d[b] for b in neg]).sum()
        gap = sum(w * d[b] for w, b in zip(far, pos, strict=True)) - sum(
            w * d[b] for w, b in zip(near, neg, strict=True)
        )
        terms.append(np.log1p(np.exp(gap)))
    assert losses.weighted_triplet(features, other, negative).item() == pytest.approx(np.mean(terms))


def test_pair_masks_are_the_paper_s_three_kinds():
    other, same, negative = losses.pair_masks(torch.tensor([1, 1, 1, 2]), torch.tensor([5, 5, 6, 5]))
    assert other.tolist() == [[0, 0, 1, 0], [0, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert same.tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert negative.tolist() == [[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 1], [1, 1, 1, 0]]


def test_triplet_without_any_pair_is_zero_and_harmless():
    features = torch.randn(3, 2, requires_grad=True)
    none = torch.zeros(3, 3, dtype=torch.bool)
    for loss in (
        losses.batch_hard_triplet(features, none, ~none, 0.3),
        losses.weighted_triplet(features, none, ~none),
    ):
        loss.backward()
        assert loss == 0 and torch.isfinite(features.grad).all()


def test_triplet_of_identical_features_has_finite_gradients():
    features = torch.zeros(4, 3, requires_grad=True)
    other, same, negative = losses.pair_masks(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1]))
    losses.batch_hard_triplet(features, other, negative, 0.3).backward()
    losses.weighted_triplet(features, other, negative).backward()
    assert torch.isfinite(features.grad).all() and not same.any()


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_contrastive_equals_loops_over_pairs(temperature):
    rng = np.random.default_rng(4)
    features = rng.normal(size=(10, 6))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    kind = rng.integers(0, 3, (10, 10))  # positive, negative, neither
    kind[3] = 1  # an anchor without positives
    np.fill_diagonal(kind, 2)
    terms = []
    for a in range(10):
        pairs = {b: np.exp(features[a] @ features[b] / temperature) for b in range(10) if kind[a, b] < 2}
        near = [b for b in pairs if kind[a, b] == 0]
        if near and len(near) < len(pairs):
            terms.append(-np.mean([np.log(pairs[b] / sum(pairs.values())) for b in near]))
    kind = torch.from_numpy(kind)
    found = losses.contrastive_loss(torch.from_numpy(features), kind == 0, kind == 1, temperature)
    assert 0 < len(terms) < 10 and found.item() == pytest.approx(np.mean(terms))


def test_contrastive_without_any_pair_is_zero_and_harmless():
    features = torch.eye(4, requires_grad=True)
    nothing = torch.zeros(4, 4, dtype=torch.bool)
    loss = losses.contrastive_loss(features, nothing, nothing)
    loss.backward()
    assert loss.item() == 0 and features.grad.isfinite().all()


def test_keeping_the_start_is_free_where_nothing_moved():
    start = torch.eye(3)
    assert losses.keep_loss(start, start).item() == 0
    assert (
        losses.keep_loss(start.roll(1, 0), start).item() == 1 and losses.keep_loss(-start, start).item() == 2
    )


def test_keypoints_are_weighted_by_confidence():
    predicted = torch.tensor([[[10.0, 20.0], [0.0, 0.0]]])
    target = torch.tensor([[[13.0, 24.0], [100.0, 100.0]]])
    alone = losses.keypoint_loss(predicted, target, torch.tensor([[1.0, 0.0]]), 100)
    assert alone.item() == pytest.approx(25 / 50**2)
    both = losses.keypoint_loss(predicted, target, torch.tensor([[3.0, 1.0]]), 100)
    assert both.item() == pytest.approx((3 * 25 + 20000) / 4 / 50**2)


def test_silhouette_costs_more_for_misses_than_for_overshoot():
    mask = torch.tensor([[[1.0, 0.0]]])
    assert losses.silhouette_loss(torch.tensor([[[0.0, 0.0]]]), mask).item() == pytest.approx(0.35)
    assert losses.silhouette_loss(torch.tensor([[[1.0, 1.0]]]), mask).item() == pytest.approx(0.15)
    half = losses.silhouette_loss(torch.tensor([[[0.2, 0.9]]]), mask, 0.5, 0.5)
    assert half.item() == pytest.approx(0.5 * np.mean([0.64, 0.81]), rel=1e-5)


def test_least_squares_adversary():
    real, predicted = torch.full((2, 25), 0.75), torch.full((2, 25), 0.5)
    assert losses.discriminator_loss(real, predicted).item() == pytest.approx(25 * (0.0625 + 0.25))
    assert losses.adversarial_loss(predicted).item() == pytest.approx(25 * 0.25)


def test_displacement_norm_is_in_square_metres():
    assert losses.displacement_norm(torch.full((2, 7, 3), 0.1)).item() == pytest.approx(0.03)


def test_pictures_without_annotations_leave_the_losses_of_bodies():
    """As if they were not in the batch, in value and in gradient; none at all gives 0."""
    generator = torch.Generator().manual_seed(0)
    predicted = torch.rand(4, 6, 3, generator=generator, requires_grad=True)
    target = (torch.rand(4, 6, 3, generator=generator) > 0.5).float()
    known = torch.tensor([True, False, True, False])
    for loss in (
        lambda rows, known=None: losses.silhouette_loss(predicted[rows], target[rows], known=known),
        lambda rows, known=None: losses.displacement_norm(predicted[rows], known),
    ):
        every = slice(None)
        assert loss(every, known).item() == pytest.approx(loss(known).item(), rel=1e-6)
        assert loss(every, torch.ones(4, dtype=torch.bool)).item() == pytest.approx(
            loss(every).item(), rel=1e-6
        )
        (gradient,) = torch.autograd.grad(loss(every, known), predicted)
        assert (gradient.flatten(1) != 0).any(1).tolist() == known.tolist()
        assert loss(every, torch.zeros(4, dtype=torch.bool)).item() == 0


@pytest.mark.parametrize("seed", range(3))
def test_gradients_in_float64(seed):
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape):
        return torch.rand(*shape, dtype=torch.float64, generator=generator).requires_grad_()

    pids, clothes = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 2, 3])
    other, _, negative = losses.pair_masks(pids, clothes)
    check = torch.autograd.gradcheck
    assert check(lambda f: losses.batch_hard_triplet(f, other, negative, 5.0), rand(4, 3))
    assert check(lambda f: losses.weighted_triplet(f, other, negative), rand(4, 3))
    target, confidence = rand(2, 17, 2).detach(), rand(2, 17).detach()
    assert check(lambda p: losses.keypoint_loss(p, target, confidence, 64), rand(2, 17, 2))
    mask = (rand(2, 4, 3).detach() > 0.5).double()
    assert check(lambda m: losses.silhouette_loss(m, mask), rand(2, 4, 3))
    assert check(losses.adversarial_loss, rand(2, 25))
    assert check(losses.discriminator_loss, (rand(2, 25), rand(2, 25)))
