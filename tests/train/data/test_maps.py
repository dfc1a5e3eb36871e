"""Cached early maps: those of the pictures, whatever happened on the way to them."""

import json
import os

import numpy as np
import pytest
import torch
from PIL import Image

from tests.train.data.test_dataset import OFF, steps
from tests.train.toy import write_dataset
from threedsl.errors import InputError
from threedsl.network import NetworkConfig, build_network
from train.data import maps
from train.data.augment import AugmentConfig
from train.data.maps import DONE, MapSteps

pytestmark = pytest.mark.slow

# Nothing that depends on a picture's place in a batch.
SOME = AugmentConfig(bystander=0, noise=0, low_resolution=0)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("toy")
    write_dataset(root)
    return root


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return build_network(NetworkConfig(height=64, width=32, descriptor=32, hidden=16)).eval()


def rows_of(cached, step):
    indices = cached.steps.sampler.batch(step)
    rng = np.random.default_rng((cached.steps.seed, 5, step))
    return rng.integers(cached.versions, size=len(indices)), indices


@torch.inference_mode()
def test_maps_are_those_of_the_pictures(data, network, tmp_path):
    cached = MapSteps(steps(data, OFF), network, 1, tmp_path)
    batch, plain = cached[3], cached.steps[3]
    expected = network.early(plain.images)
    for ours, theirs in zip(batch.maps, expected, strict=True):
        assert torch.allclose(ours, theirs, rtol=2e-3, atol=2e-3)
    assert batch.images is None and torch.equal(batch.masks, plain.masks)
    assert torch.equal(batch.keypoints, plain.keypoints) and torch.equal(batch.labels, plain.labels)
    assert torch.equal(batch.clothes, plain.clothes)


def test_the_first_version_is_the_picture_and_the_others_are_not(data, network, tmp_path):
    cached = MapSteps(steps(data, SOME), network, 3, tmp_path)
    count = len(cached.steps.pictures)
    keypoints, flips = (cached.arrays[name].reshape(3, count, -1) for name in ("keypoints", "flips"))
    originals = cached.steps.data.keypoints.reshape(count, -1)
    upright = ~flips[0][:, 0]
    assert upright.any() and np.allclose(keypoints[0][upright], originals[upright], atol=1e-3)
    assert not np.allclose(keypoints[1][~flips[1][:, 0]], originals[~flips[1][:, 0]], atol=0.5)
    versions = np.concatenate([rows_of(cached, step)[0] for step in range(20)])
    assert set(versions.tolist()) == {0, 1, 2}


def test_a_single_version_is_augmented(data, network, tmp_path):
    cached = MapSteps(steps(data, SOME), network, 1, tmp_path)
    upright = ~cached.arrays["flips"]
    assert upright.any()
    moved = cached.arrays["keypoints"][upright, :, :2] - cached.steps.data.keypoints[upright, :, :2]
    assert (np.abs(moved).max((1, 2)) > 0.01).all()


def test_a_cache_that_was_interrupted_is_completed_with_the_same_bytes(data, network, tmp_path, monkeypatch):
    monkeypatch.setattr(maps, "CHUNK", 4)
    monkeypatch.setattr(maps, "KEEP_EVERY", 2)
    whole = MapSteps(steps(data, SOME), network, 2, tmp_path / "whole")

    early, calls = network.early, []

    def dies(*args):
        calls.append(args)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return early(*args)

    monkeypatch.setattr(network, "early", dies)
    with pytest.raises(KeyboardInterrupt):
        MapSteps(steps(data, SOME), network, 2, tmp_path / "again")
    folder = next((tmp_path / "again").iterdir())
    assert json.loads((folder / DONE).read_text()) == {"chunks": 4}
    calls.clear()
    monkeypatch.setattr(network, "early", lambda *args: (calls.append(args), early(*args))[1])
    again = MapSteps(steps(data, SOME), network, 2, tmp_path / "again")
    assert len(calls) == 1 + 12 - 4  # one picture for the sizes, then the chunks that are left
    for name, array in whole.arrays.items():
        assert np.array_equal(array, again.arrays[name]), name


def test_runs_share_a_cache_unless_something_differs(data, network, tmp_path):
    def folders():
        return len(list(tmp_path.iterdir()))

    MapSteps(steps(data, OFF), network, 1, tmp_path)
    other_seed = steps(data, OFF)
    other_seed.seed = 9
    MapSteps(other_seed, network, 1, tmp_path)
    assert folders() == 1
    MapSteps(steps(data, OFF), network, 2, tmp_path)
    MapSteps(steps(data, SOME), network, 1, tmp_path)
    MapSteps(steps(data, OFF), network, 1, tmp_path, appearance=False)
    assert folders() == 4
    torch.manual_seed(1)
    another = build_network(NetworkConfig(height=64, width=32, descriptor=32, hidden=16)).eval()
    MapSteps(steps(data, OFF), another, 1, tmp_path)
    assert folders() == 5


def test_several_processes_and_a_place_that_cannot_be_written(data, network, tmp_path):
    with pytest.raises(InputError, match="one process"):
        MapSteps(steps(data, OFF, processes=2), network, 1, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        MapSteps(steps(data, OFF), network, 1, tmp_path / "file" / "maps")


def test_a_disk_without_room_for_all_maps_is_said_before_the_first(data, network, tmp_path, monkeypatch):
    """Written through memory, the first page that has no room would end the process by a signal."""

    def full(handle, start, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(
        InputError, match=r"cannot be written \(No space left on device\); make room or set maps"
    ):
        MapSteps(steps(data, OFF), network, 1, tmp_path)


def test_a_single_other_picture_gets_maps_of_its_own(network, tmp_path):
    """Few pictures used to be looked at, so that those of what one of many was before were used on."""
    write_dataset(tmp_path / "data", people=40)
    before = MapSteps(steps(tmp_path / "data", OFF), network, 1, tmp_path / "maps").folder
    Image.new("RGB", (32, 64), "red").save(tmp_path / "data" / "images" / "003" / "c2_o1.png")
    assert MapSteps(steps(tmp_path / "data", OFF), network, 1, tmp_path / "maps").folder != before
