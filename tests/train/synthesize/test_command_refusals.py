"""What ends `python -m train synthesize` with a sentence."""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.train.synthetic import SMALL, synthesize, words
from threedsl.data.listfile import read_list
from threedsl.errors import InputError
from train.synthesize import command, options

pytestmark = pytest.mark.slow


def test_a_bad_photo_ends_the_run_with_its_sentence(tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "letter.jpg").write_bytes(b"Dear sir")
    assert synthesize(tmp_path / "set", SMALL | {"--backgrounds": str(tmp_path / "photos")}) == 2
    assert "letter.jpg cannot be read as a picture" in capsys.readouterr().err.splitlines()[-1]
    assert not list((tmp_path / "set").rglob("*.jpg")) and not (tmp_path / "set" / "truth.npz").exists()


class Failing(ProcessPoolExecutor):
    """One process, without what takes it seconds to start, that raises an InputError."""

    def __init__(self, workers, context, *arguments):
        super().__init__(1, context)

    def submit(self, function, *arguments):
        return super().submit(read_list, Path("nowhere.txt"))


class Dying(Failing):
    """Its process is ended as if from outside."""

    def submit(self, function, *arguments):
        return super(Failing, self).submit(os._exit, 1)


@pytest.mark.parametrize(
    ("pool", "sentence"), [(Failing, "nowhere.txt does not exist"), (Dying, "fewer --workers")]
)
def test_a_process_that_fails_or_dies_ends_the_run_with_a_sentence(
    tmp_path, monkeypatch, capsys, pool, sentence
):
    monkeypatch.setattr(command, "ProcessPoolExecutor", pool)
    assert synthesize(tmp_path / "set", SMALL | {"--workers": "2"}) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("error: ") and sentence in told
    assert not (tmp_path / "set" / "truth.npz").exists()


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--people", "0", "--people must be at least 1."),
        ("--people", "-3", "--people must be at least 1."),
        ("--seed", "-1", "--seed must be 0 or more."),
        ("--outfits", "1 4", "--outfits needs two numbers"),
        ("--outfits", "5 4", "--outfits needs two numbers"),
        ("--pictures-per-outfit", "2", "--pictures-per-outfit must be at least 3"),
        ("--cameras", "3", "--cameras must be at least 4."),
        ("--test-share", "1", "--test-share must be at least 0 and below 1."),
        ("--test-share", "-0.1", "--test-share must be at least 0 and below 1."),
        ("--test-share", "nan", "--test-share must be at least 0 and below 1."),
        ("--uniforms", "1", "--uniforms must be 0 or at least 2"),
        ("--uniforms", "-2", "--uniforms must be 0 or at least 2"),
        ("--team", "3", "requires --uniforms"),
        ("--team", "-1", "--team must be 0 or at least 2"),
        ("--samples", "0", "--samples must be 1 to 4"),
        ("--samples", "5", "--samples must be 1 to 4"),
        ("--workers", "0", "--workers at least 1."),
        ("--body", "nowhere.npz", "--body nowhere.npz does not exist; create it with"),
        ("--backgrounds", "nowhere", "--backgrounds nowhere is not a folder"),
        ("--wardrobe", "nowhere", "nowhere contains no wardrobe; fetch one with"),
    ],
)
def test_bad_arguments_are_one_sentence_and_write_nothing(tmp_path, capsys, option, value, sentence):
    assert synthesize(tmp_path / "set", SMALL | {option: value}) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and told[0].startswith("error: ") and sentence in told[0]
    assert not (tmp_path / "set").exists()


def test_bad_files_are_one_sentence(tmp_path, capsys):
    (tmp_path / "letter.npz").write_bytes(b"Dear sir")
    np.savez(tmp_path / "smpl.npz", v_template=np.zeros((4, 3)), shapedirs=np.zeros((4, 3, 10)))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "letter.txt").write_text("Dear sir")
    for option, value, sentence in (
        ("--body", "letter.npz", "is not an .npz file"),
        ("--body", "smpl.npz", "lacks base_index"),
        ("--backgrounds", "photos", "contains no picture"),
        ("--backgrounds", "letter.npz", "is not a folder"),
        ("--wardrobe", "photos", "contains no wardrobe"),
    ):
        assert synthesize(tmp_path / "set", SMALL | {option: str(tmp_path / value)}) == 2
        told = capsys.readouterr().err.splitlines()
        assert len(told) == 1 and value in told[0] and sentence in told[0]
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("content", ["{", "[]", "", "null"])
def test_a_damaged_description_is_refused(tmp_path, content):
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(InputError, match=r"dataset\.json is damaged"):
        command.main(_arguments(tmp_path))


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="is not empty and was not created by this command"):
        command.main(_arguments(tmp_path / "full"))
    with pytest.raises(InputError, match="is a file; choose a folder"):
        command.main(_arguments(tmp_path / "file"))
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["letter.txt"]


def _arguments(out):
    parser = argparse.ArgumentParser()
    options.add_arguments(parser)
    return parser.parse_args(words(out, SMALL)[1:])


def test_a_run_without_a_wardrobe_reports_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("THREEDSL_WARDROBE", str(tmp_path / "none"))
    assert options._wardrobe(None) is None
    assert "python -m train wardrobe" in capsys.readouterr().err
    for name in ("proxies", "skins"):
        (tmp_path / "w" / name).mkdir(parents=True)
    monkeypatch.setenv("THREEDSL_WARDROBE", str(tmp_path / "w"))
    assert options._wardrobe(None) == str(tmp_path / "w")
    assert options._wardrobe("none") is None
