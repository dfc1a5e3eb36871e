"""Figures of betas against plain loops, and against cases whose answer is known."""

import json

import numpy as np
import pytest

from tests.train.toy import write_dataset
from threedsl.network import NetworkConfig, build_network
from train.measure.bodies.shape_quality import compare_betas, evaluate_shapes

rng = np.random.default_rng(0)
PIDS, CLOTHES = np.repeat(np.arange(6), 6), np.tile([0, 0, 0, 1, 1, 1], 6)


def test_figures_are_those_of_loops():
    truth, predicted = rng.normal(size=(36, 10)), rng.normal(size=(36, 10))
    found = compare_betas(predicted, truth, PIDS, CLOTHES)
    within, between, nearer = [], [], []
    for i in range(36):
        others = [np.linalg.norm(predicted[i] - predicted[j]) for j in range(36) if PIDS[i] != PIDS[j]]
        between += others
        for j in range(36):
            if PIDS[i] == PIDS[j] and CLOTHES[i] != CLOTHES[j]:
                own = np.linalg.norm(predicted[i] - predicted[j])
                within.append(own)
                nearer += [(own < other) + 0.5 * (own == other) for other in others]
    assert found["distance in other clothes"] == pytest.approx(np.mean(within))
    assert found["distance between people"] == pytest.approx(np.mean(between))
    assert found["nearer in other clothes"] == pytest.approx(np.mean(nearer), abs=1e-6)
    assert found["mean error"] == pytest.approx(np.mean(np.abs(predicted - truth)))
    assert found["correlation of beta 2"] == pytest.approx(np.corrcoef(predicted[:, 1], truth[:, 1])[0, 1])


def test_the_truth_itself_is_perfect_and_one_body_for_all_is_chance():
    truth = np.repeat(rng.normal(size=(6, 10)), 6, 0)
    perfect = compare_betas(truth, truth, PIDS, CLOTHES)
    assert perfect["mean error"] == 0 and perfect["nearer in other clothes"] == pytest.approx(1)
    # Matrix products round distances of nothing up to 1e-7.
    assert perfect["distance in other clothes"] < 1e-6 < perfect["distance between people"]
    nobody = compare_betas(np.zeros((36, 10)), truth, PIDS, CLOTHES)
    assert nobody["nearer in other clothes"] == 0.5 and nobody["correlation of beta 1"] == 0
    assert nobody["mean error"] == nobody["mean error of the mean body"]


def test_pictures_find_their_truth(tmp_path):
    write_dataset(tmp_path, people=3)
    network = build_network(NetworkConfig(name="lite", height=64, width=32, descriptor=32, hidden=32), None)
    assert evaluate_shapes(network, tmp_path, (64, 32), seed=0) is None
    lines = (tmp_path / "list" / "gallery.txt").read_text().split("\n")[:-1]
    paths = [line.split()[0] for line in lines]
    betas = np.arange(len(paths))[:, None] * np.ones(10)
    pose = np.tile(np.eye(3), (len(paths), 24, 1, 1))
    np.savez(tmp_path / "truth.npz", paths=np.array(paths), betas=betas, pose=pose)
    found = evaluate_shapes(network, tmp_path, (64, 32), seed=0)
    assert found["people"] == 3 and json.dumps(found)
    queries = (tmp_path / "list" / "query.txt").read_text().split("\n")[:-1]
    both = [paths.index(line.split()[0]) for line in [*queries, *lines]]
    assert found["pictures"] == len(both)
    assert found["mean error of the mean body"] == pytest.approx(np.mean(both))
