"""Synthetic people, made once."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.train.synthetic import PEOPLE, SETTINGS, SMALL, synthesize
from threedsl.data.keypoints import read_alphapose


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Four people at the default numbers of outfits, pictures and cameras, made by one process."""
    out = tmp_path_factory.mktemp("run") / "set"
    assert synthesize(out, SETTINGS | {"--people": str(PEOPLE), "--workers": "1"}) == 0
    return out


@pytest.fixture(scope="module")
def truth(run):
    with np.load(run / "truth.npz") as file:
        return {key: file[key] for key in file.files}


@pytest.fixture(scope="module")
def keypoints(run, truth):
    """(N,17,3) as written for AlphaPose, in the order of the truth."""
    poses = read_alphapose(run / "pose" / "alphapose-results.json")
    return np.stack([poses[Path(path).name] for path in truth["paths"]])


@pytest.fixture(scope="module")
def masks(run, truth):
    """(N,256,128) uint8."""
    names = [Path(path).relative_to("images").with_suffix(".png") for path in truth["paths"]]
    return np.stack([cv2.imread(str(run / "mask" / name), cv2.IMREAD_UNCHANGED) for name in names])


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Two people, two outfits, three pictures each."""
    out = tmp_path_factory.mktemp("small") / "set"
    assert synthesize(out, SMALL) == 0
    return out
