"""The losses of 3DSL (docs/method.md, section 3) as pure functions of tensors; their weights are in train/config.py."""

import torch
import torch.nn.functional as F
from torch import Tensor

from train.parallel import mean_of_processes

Pairs = tuple[Tensor, Tensor]
"""Positives and negatives, (B, B) bool each."""


def batch_hard_triplet(features: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Hermans et al. (2017): for each anchor the farthest positive and the nearest negative.

    Args:
        features: (B, D), not normalised; distances are Euclidean.
        positive, negative: (B, B) bool; row i marks anchor i's positives and negatives. Anchors that lack either
            are ignored.

    Returns:
        scalar, the mean of max(0, d_positive - d_negative + margin) over anchors that have both.
    """
    squared = (features[:, None] - features[None]).pow(2).sum(-1)
    distance = squared.clamp_min(1e-12).sqrt()
    farthest = distance.masked_fill(~positive, -torch.inf).amax(1)
    nearest = distance.masked_fill(~negative, torch.inf).amin(1)
    usable = positive.any(1) & negative.any(1)
    hinge = F.relu(farthest - nearest + margin)
    return torch.where(usable, hinge, 0).sum() / usable.sum().clamp_min(1)


def weighted_triplet(features: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """Weighted regularised triplet (Ye et al., TPAMI 2021): softplus(mean positive - mean negative distance), where
    softmax weights emphasise far positives and near negatives.

    It needs no margin and, because it uses every pair, does not collapse in a short training as batch-hard can.
    Arguments and result as in `batch_hard_triplet`.
    """
    squared = (features[:, None] - features[None]).pow(2).sum(-1)
    distance = squared.clamp_min(1e-12).sqrt()
    usable = positive.any(1) & negative.any(1)
    far = _weighted_mean(distance, positive, distance)
    near = _weighted_mean(distance, negative, -distance)
    return torch.where(usable, F.softplus(far - near), 0).sum() / usable.sum().clamp_min(1)


def _weighted_mean(values: Tensor, mask: Tensor, logits: Tensor) -> Tensor:
    """Row means of `values` (B, B) under the softmax of `logits` restricted to `mask`; 0 where the mask is empty."""
    weights = torch.softmax(logits.masked_fill(~mask, -torch.finfo(logits.dtype).max), dim=1) * mask
    return (values * weights).sum(1)


def pair_masks(pids: Tensor, clothes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(B,) ids and outfits -> bool (B, B): same person in other clothes, same person in the same clothes, other person.

    Outfits are compared within a person only, so their numbers need not be unique.
    """
    same = pids[:, None] == pids[None]
    dressed = clothes[:, None] == clothes[None]
    itself = torch.eye(len(pids), dtype=torch.bool, device=pids.device)
    return same & ~dressed, same & dressed & ~itself, ~same


def triplet_pairs(pids: Tensor, clothes: Tensor, sampling: str) -> tuple[list[Pairs], list[Pairs]]:
    """Which pairs of a batch make triplets: those of the appearance stream and those of the shape stream.

    A stream's loss is the mean over its entries.

    Args:
        pids, clothes: (B,) people and outfits; for "fine-grained" an outfit's number is the same for every wearer.
        sampling: as `train.data.sampler.SAMPLING` names it.
            cloth-changing, dressed-alike: the shape stream's positives wear other clothes. The appearance stream
            also keeps a term for positives in the same clothes, which an ordinary search needs.
            fine-grained: negatives are other people in the same clothes, or all others where the batch has none.
            ordinary: a person's pictures against everyone else's.
    """
    other_clothes, same_clothes, others = pair_masks(pids, clothes)
    anyhow = same_clothes | other_clothes
    if sampling in ("cloth-changing", "dressed-alike"):
        # Where no one changes clothes, triplets are ordinary.
        changed = torch.where(other_clothes.any(1, keepdim=True), other_clothes, same_clothes)
        return [(same_clothes, others), (anyhow, others)], [(changed, others)]
    if sampling == "fine-grained":
        alike = others & (clothes[:, None] == clothes[None])
        others = torch.where(alike.any(1, keepdim=True), alike, others)
    return [(anyhow, others)], [(anyhow, others)]


def contrastive_loss(
    features: Tensor, positive: Tensor, negative: Tensor, temperature: float = 0.1
) -> Tensor:
    """Supervised contrastive loss (Khosla et al., NeurIPS 2020, L_out): among an anchor's positives and negatives, the
    mean log-probability of each positive.

    Pairs that are neither, such as pictures in the same outfit, do not count at all.

    Args:
        features: (B, D) of unit norm.
        positive, negative: (B, B) bool, as in `batch_hard_triplet`.

    Returns:
        scalar, the mean over anchors that have both.
    """
    logits = (features @ features.T / temperature).masked_fill(~(positive | negative), -torch.inf)
    usable = positive.any(1) & negative.any(1)
    log_share = logits - torch.logsumexp(logits, 1, keepdim=True)
    log_share = torch.where(positive, log_share, 0).sum(1) / positive.sum(1).clamp_min(1)
    return -torch.where(usable, log_share, 0).sum() / usable.sum().clamp_min(1)


def keep_loss(features: Tensor, start: Tensor) -> Tensor:
    """1 - cosine between descriptors (B, D) of unit norm and those of the net that the training started from."""
    return 1 - (features * start).sum(1).mean()


def identity_loss(logits: Tensor, labels: Tensor, smoothing: float = 0.1) -> Tensor:
    """Softmax cross entropy with label smoothing; logits (B, people), labels (B,)."""
    return F.cross_entropy(logits, labels, label_smoothing=smoothing)


def keypoint_loss(predicted: Tensor, target: Tensor, confidence: Tensor, height: int) -> Tensor:
    """L_key: squared distance weighted by the detector's confidence.

    Args:
        predicted, target: (B, 17, 2) pixels of a crop of the given height; confidence: (B, 17), >= 0.

    Returns:
        scalar in squared half-heights (SPIN's unit), the mean over keypoints by confidence.
    """
    squared = ((predicted - target) / (height / 2)).pow(2).sum(-1)
    total = mean_of_processes(confidence.sum())
    return (squared * confidence).sum() / total.clamp_min(1e-6)


def silhouette_loss(
    predicted: Tensor, target: Tensor, miss: float = 0.7, overshoot: float = 0.3, known: Tensor | None = None
) -> Tensor:
    """L_sil with asymmetric weights: `miss` for uncovered mask pixels, `overshoot` for body outside the mask.

    predicted: (B, H, W) in [0, 1]; target: (B, H, W), 0 or 1; known: (B,) bool, which pictures have a mask, None for
    all. Weights sum to 1, so equal ones give half the MSE.
    """
    weight = torch.where(target > 0.5, miss, overshoot)
    return mean_of_known(weight * (predicted - target).pow(2), known)


def displacement_norm(displacement: Tensor, known: Tensor | None = None) -> Tensor:
    """||delta||_2: (B, V, 3) metres -> mean squared length in square metres, over the pictures that are `known` (B,
    bool; None: all): the others show no surface that the norm would hold back."""
    return mean_of_known(displacement.pow(2).sum(-1), known)


def mean_of_known(values: Tensor, known: Tensor | None) -> Tensor:
    """(B, …) -> scalar, the mean over the pictures that are known (B, bool; None: all) in the batches of all processes;
    0 where none is."""
    if known is None:
        return values.mean()
    total = mean_of_processes(known.to(values.dtype).sum())
    return torch.where(known, values.flatten(1).mean(1), 0).sum() / total.clamp_min(1e-6)


def adversarial_loss(scores: Tensor) -> Tensor:
    """L_adv(E): the encoder drives the (B, 25) discriminator scores of its bodies to 1."""
    return (1 - scores).pow(2).sum(1).mean()


def discriminator_loss(real: Tensor, predicted: Tensor) -> Tensor:
    """L_adv(D): real bodies score 1, predicted ones 0."""
    return (1 - real).pow(2).sum(1).mean() + predicted.pow(2).sum(1).mean()
