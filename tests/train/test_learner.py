"""Which pairs each stream learns from, against loops over pictures, and what the losses make of them."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from threedsl.body import BodyModel
from threedsl.network import Discriminator, NetworkConfig, NetworkOutput, build_network
from train.config import LossWeights, TrainConfig
from train.data.dataset import Batch
from train.data.sampler import SAMPLING
from train.learner import Learner, Term, total_loss
from train.losses import adversarial_loss, contrastive_loss, triplet_pairs, weighted_triplet
from train.synthesize.truth import Truth

PIDS = [0, 0, 0, 1, 1, 1, 2, 2, 3, 3]
CLOTHES = [4, 4, 5, 4, 6, 6, 5, 5, 7, 7]  # person 3 shares clothes with nobody


def pairs_by_loops(sampling):
    """Positives and negatives of each anchor, as sets of places, from the words of docs/method.md."""
    count = range(len(PIDS))
    mine = [{b for b in count if PIDS[b] == PIDS[a] and b != a} for a in count]
    others = [{b for b in count if PIDS[b] != PIDS[a]} for a in count]
    if sampling in ("cloth-changing", "dressed-alike"):
        same = [{b for b in mine[a] if CLOTHES[b] == CLOTHES[a]} for a in count]
        other = [mine[a] - same[a] for a in count]
        return [(same, others), (mine, others)], [([other[a] or same[a] for a in count], others)]
    if sampling == "fine-grained":
        alike = [{b for b in others[a] if CLOTHES[b] == CLOTHES[a]} or others[a] for a in count]
        return [(mine, alike)], [(mine, alike)]
    return [(mine, others)], [(mine, others)]


@pytest.mark.parametrize("sampling", SAMPLING)
def test_pairs_are_those_of_the_method(sampling):
    ours = triplet_pairs(torch.tensor(PIDS), torch.tensor(CLOTHES), sampling)
    for stream, expected in zip(ours, pairs_by_loops(sampling), strict=True):
        for masks, sets in zip(stream, expected, strict=True):
            for mask, rows in zip(masks, sets, strict=True):
                assert [set(np.flatnonzero(row)) for row in mask.numpy()] == rows


def triplet_by_loops(features, positives, negatives, margin):
    """Batch-hard with a margin, or the weighted triplet without."""
    if margin is None:
        masks = torch.zeros(2, len(features), len(features), dtype=torch.bool)
        for mask, rows in zip(masks, (positives, negatives), strict=True):
            for a, row in enumerate(rows):
                mask[a, list(row)] = True
        return weighted_triplet(features, *masks).item()  # itself tested against loops
    terms = []
    for a, (near, far) in enumerate(zip(positives, negatives, strict=True)):
        if near and far:
            distance = (features[a] - features).norm(dim=1)
            hardest = max(distance[b].item() for b in near) - min(distance[b].item() for b in far)
            terms.append(max(0.0, hardest + margin))
    return sum(terms) / len(terms)


@pytest.mark.slow
@pytest.mark.parametrize("sampling", SAMPLING)
@pytest.mark.parametrize("margin", [None, 0.3])
def test_losses_of_a_batch(sampling, margin):
    network = NetworkConfig(height=64, width=32, descriptor=8, parts=3)
    config = TrainConfig(network=network, sampling=sampling, margin=margin)
    learner = Learner(build_network(network), BodyModel.load(), people=4, config=config)
    generator = torch.Generator().manual_seed(0)

    def features(width):
        return torch.randn(len(PIDS), width, generator=generator)

    output = NetworkOutput(
        **dict.fromkeys(NetworkOutput._fields)
        | {
            "appearance": features(8), "appearance_feature": features(8), "appearance_logits_input": features(8),
            "shape": features(14), "shape_feature": features(8), "shape_logits_input": features(8),
            "part_features": [features(2) for _ in range(3)],
            "part_logits_inputs": [features(2) for _ in range(3)],
        }
    )  # fmt: skip
    empty = torch.zeros(len(PIDS), 1)
    batch = Batch(empty, empty, empty, torch.tensor(PIDS), torch.tensor(CLOTHES))
    losses = learner._identity_losses(output, batch)
    for stream, expected in zip(("appearance", "shape"), pairs_by_loops(sampling), strict=True):
        terms = [triplet_by_loops(getattr(output, f"{stream}_feature"), *sets, margin) for sets in expected]
        assert losses[f"{stream}_triplet"].value.item() == pytest.approx(np.mean(terms), rel=1e-5)
    parts = [
        nn.functional.cross_entropy(
            inputs @ learner.classifiers[f"part{i}"].weight.T, batch.labels, label_smoothing=0.1
        )
        for i, inputs in enumerate(output.part_logits_inputs)
    ]
    assert losses["part_identity"].value.item() == pytest.approx(torch.stack(parts).sum().item(), rel=1e-5)
    for_shape = pairs_by_loops(sampling)[1]
    terms = [[triplet_by_loops(part, *sets, margin) for sets in for_shape] for part in output.part_features]
    assert losses["part_triplet"].value.item() == pytest.approx(np.mean(terms, axis=1).sum(), rel=1e-5)
    total_loss(losses).backward()
    assert all(layer.weight.grad.abs().sum() > 0 for layer in learner.classifiers.values())


@pytest.mark.slow
@pytest.mark.parametrize("parts", [0, 3])
@pytest.mark.parametrize(
    "on",
    [
        (), ("displacement",), ("keypoint",), ("keypoint", "displacement"), ("silhouette",), ("adversarial",),
        ("keypoint", "silhouette", "displacement", "adversarial"), ("betas",), ("keypoint", "betas"),
        ("pose",), ("betas", "pose"),
    ],
)  # fmt: skip
def test_every_layer_that_is_trained_is_taught(on, parts):
    """Several processes wait for a gradient of every layer that wants one, whatever losses an ablation leaves out."""
    names = ("keypoint", "silhouette", "displacement", "adversarial", "betas", "pose")
    weights = LossWeights(**{name: float(name in on) for name in names})
    small = NetworkConfig(height=64, width=32, descriptor=16, hidden=8, parts=parts)
    torch.manual_seed(0)
    network = build_network(small)
    learner = Learner(
        network, BodyModel.load(), 2, TrainConfig(network=small, losses=weights, mask_height=32)
    )
    points = torch.rand(4, 17, 3) * 32
    pids, clothes = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1])
    truth = Truth(torch.ones(4, 10), torch.eye(3).expand(4, 24, 3, 3))
    batch = Batch(torch.rand(4, 3, 64, 32), torch.ones(4, 32, 16), points, pids, clothes, truth)
    losses, output = learner(batch)
    if weights.betas:
        assert losses["betas"].value.item() == pytest.approx(
            ((output.betas - 1) ** 2).mean().item(), rel=1e-5
        )
    if weights.pose:
        expected = ((output.pose - torch.eye(3)) ** 2).mean().item()
        assert losses["pose"].value.item() == pytest.approx(expected, rel=1e-5)
    if weights.adversarial:
        fooled = adversarial_loss(Discriminator()(output.pose, output.betas))
        losses["adversarial"] = Term(fooled, weights.adversarial)
    total_loss(losses).backward()
    trained = {name: value for name, value in learner.named_parameters() if value.requires_grad}
    assert [name for name, value in trained.items() if value.grad is None] == []
    heads = [name for name in trained if "_head" in name or "displacements" in name]
    assert bool(heads) == bool(set(on) - {"displacement"})


@pytest.mark.slow
def test_contrastive_and_keep_losses_of_a_batch():
    """Both streams and every part are told apart across clothes; at the start nothing has moved away from it."""
    small = NetworkConfig(height=64, width=32, descriptor=16, hidden=8, parts=3)
    weights = LossWeights(contrastive=2, keep=3, keypoint=0, silhouette=0, displacement=0, adversarial=0)
    config = TrainConfig(network=small, losses=weights)
    network = build_network(small)
    learner = Learner(network, BodyModel.load(), 4, config)
    learner.keep(copy.deepcopy(network))
    learner.eval()
    pictures = torch.rand(len(PIDS), 3, 64, 32, generator=torch.Generator().manual_seed(1))
    empty = torch.zeros(len(PIDS), 17, 3)
    batch = Batch(pictures, empty, empty, torch.tensor(PIDS), torch.tensor(CLOTHES))
    losses, output = learner(batch)
    _, ((positive, negative),) = triplet_pairs(batch.labels, batch.clothes, config.sampling)

    def expected(feature):
        return contrastive_loss(nn.functional.normalize(feature, dim=1), positive, negative).item()

    for stream in ("appearance", "shape"):
        found = losses[f"{stream}_contrastive"]
        assert found.weight == 2 and found.value.item() == pytest.approx(
            expected(getattr(output, f"{stream}_feature")), rel=1e-4
        )
        kept = losses[f"{stream}_keep"]
        assert kept.weight == 3 and 0 <= kept.value.item() < 2
    parts = sum(expected(feature) for feature in output.part_features)
    assert losses["part_contrastive"].value.item() == pytest.approx(parts, rel=1e-4)
    learner.train()
    assert not learner.kept.training and learner.network.training
    total_loss(losses).backward()
    assert all(value.grad is None for value in learner.kept.parameters())


@pytest.mark.slow
def test_every_loss_counts_with_its_own_weight():
    """Identity and triplet are weighted alike in both streams and in the parts; the total is the weighted sum."""
    primes = {
        "identity": 2,
        "triplet": 3,
        "keypoint": 5,
        "silhouette": 7,
        "displacement": 11,
        "betas": 13,
        "pose": 17,
    }
    small = NetworkConfig(height=64, width=32, descriptor=16, hidden=8, parts=3)
    config = TrainConfig(network=small, losses=LossWeights(**primes), mask_height=32)
    learner = Learner(build_network(small), BodyModel.load(), 2, config)
    truth = Truth(torch.ones(4, 10), torch.eye(3).expand(4, 24, 3, 3))
    pids, clothes = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1])
    points = torch.rand(4, 17, 3) * 32
    losses, _ = learner(Batch(torch.rand(4, 3, 64, 32), torch.ones(4, 32, 16), points, pids, clothes, truth))
    expected = {name: primes[name] for name in ("keypoint", "silhouette", "displacement", "betas", "pose")}
    expected |= {f"{stream}_identity": 2 for stream in ("appearance", "shape", "part")}
    expected |= {f"{stream}_triplet": 3 for stream in ("appearance", "shape", "part")}
    assert {name: term.weight for name, term in losses.items()} == expected
    total = sum(expected[name] * losses[name].value.item() for name in expected)
    assert total_loss(losses).item() == pytest.approx(total, rel=1e-5)


@pytest.mark.slow
def test_layers_that_no_loss_reaches_keep_their_statistics():
    small = NetworkConfig(height=64, width=32, descriptor=16, hidden=8)
    weights = LossWeights(keypoint=0, silhouette=0, displacement=0, adversarial=0)
    torch.manual_seed(0)
    network = build_network(small)
    learner = Learner(network, BodyModel.load(), 2, TrainConfig(network=small, losses=weights)).train()
    before = {name: value.clone() for name, value in network.named_buffers()}
    batch = Batch(
        torch.rand(4, 3, 64, 32), torch.ones(4, 32, 16), torch.rand(4, 17, 3), torch.tensor([0, 0, 1, 1]),
        torch.tensor([0, 1, 0, 1]),
    )  # fmt: skip
    learner(batch)
    moved = {name for name, value in network.named_buffers() if not torch.equal(value, before[name])}
    assert any(name.startswith("shape_stream.shape_encoder.") for name in moved)
    assert not any(name.startswith("shape_stream.pose_") for name in moved)
