"""A small world for the command line: a checkpoint with random weights, six pictures and a list."""

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.models import random_checkpoint
from threedsl.cli import main
from threedsl.data.listfile import Record, write_list
from threedsl.gallery.demo import openpeople_folder


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with checkpoint/, people/{anna,bea}/*.png (crops of coloured noise) and list.txt."""
    folder = tmp_path_factory.mktemp("world")
    random_checkpoint(folder / "checkpoint")
    rng = np.random.default_rng(0)
    records = []
    for person in ("anna", "bea"):
        (folder / "people" / person).mkdir(parents=True)
        for number in range(3):
            noise = rng.integers(0, 255, (8, 4, 3), dtype=np.uint8)
            path = folder / "people" / person / f"{number}.png"
            Image.fromarray(cv2.resize(noise, (64, 128))).save(path)
            records.append(Record(path, person, str(number), "coat"))
    write_list(records, folder / "list.txt", folder)
    return folder


@pytest.fixture(scope="module")
def outdoor():
    return openpeople_folder() / "P004" / "assets" / "amateur_posture.jpg"


@pytest.fixture
def run(world, capsys, monkeypatch, tmp_path):
    """Run a command with the world's checkpoint from an empty working folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def command(*words) -> tuple[int, str, str]:
        code = main([*map(str, words), "--checkpoint", str(world / "checkpoint"), "--device", "cpu"])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command
