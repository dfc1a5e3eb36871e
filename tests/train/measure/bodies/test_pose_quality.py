"""Errors of poses on cases whose answer is known, against SciPy, and through the written truth."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from tests.train.toy import write_dataset
from threedsl.body import BodyModel
from threedsl.data.listfile import read_list
from threedsl.network import NetworkConfig, build_network
from train.measure.bodies.pose_quality import compare_poses, evaluate_poses, procrustes


def bodies(count=5, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 24, 3))


def test_a_body_elsewhere_is_right_and_a_turned_one_is_not():
    truth, same = bodies(), np.tile(np.eye(3), (5, 1, 1))
    perfect = compare_poses(truth + 3, truth, same, same)
    assert list(perfect.values()) == pytest.approx([0, 0, 0, 0], abs=1e-6)
    turn = Rotation.from_euler("y", 100, degrees=True).as_matrix()
    turned = compare_poses(2 * truth @ turn.T, truth, np.tile(turn, (5, 1, 1)), same)
    moved = 2 * truth @ turn.T
    by_hand = [
        np.linalg.norm(moved[i, j] - moved[i, 0] - truth[i, j] + truth[i, 0])
        for i in range(5)
        for j in range(24)
    ]
    assert turned["MPJPE, mm"] == pytest.approx(1000 * np.mean(by_hand))
    assert turned["PA-MPJPE, mm"] == pytest.approx(0, abs=1e-6)
    assert turned["orientation error, median degrees"] == pytest.approx(100)
    assert turned["more than 90 degrees off"] == 1


def test_the_best_fit_is_scipy_s_and_never_a_mirror_image():
    points, target = bodies(2, seed=1)
    fitted = procrustes(points, target)
    turn, _ = Rotation.align_vectors(target - target.mean(0), points - points.mean(0))
    own, other = turn.apply(points - points.mean(0)), target - target.mean(0)
    expected = own * (own * other).sum() / (own * own).sum() + target.mean(0)
    assert np.allclose(fitted, expected, atol=1e-6)
    mirrored = procrustes(points * [-1, 1, 1], points)
    assert np.linalg.norm(mirrored - points, axis=1).mean() > 0.3


@pytest.mark.slow
def test_a_network_is_measured_against_the_truth_of_its_pictures(tmp_path):
    torch.manual_seed(0)
    config = NetworkConfig(height=64, width=32, descriptor=16, hidden=8, parts=0)
    network = build_network(config)
    write_dataset(tmp_path)
    records = read_list(tmp_path / "list" / "query.txt", tmp_path)
    assert evaluate_poses(network, BodyModel.load(), tmp_path, records, (64, 32)) is None
    names = [record.path.relative_to(tmp_path).as_posix() for record in records]
    half_turn = Rotation.from_euler("y", 180, degrees=True).as_matrix()
    pose = np.tile(np.eye(3, dtype=np.float32), (len(names), 24, 1, 1))
    pose[:2, 0] = half_turn
    np.savez(tmp_path / "truth.npz", paths=np.array(names), betas=np.zeros((len(names), 10)), pose=pose)
    found = evaluate_poses(network, BodyModel.load(), tmp_path, records, (64, 32))
    for figures in found.values():  # an untrained network stays near the regression's start
        assert figures["more than 90 degrees off"] == 2 / len(names)
    assert found["mean body"]["MPJPE, mm"] > 100
