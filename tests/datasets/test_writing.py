"""Whose lists `prepare` replaces, and what stays when it fails."""

import json
import threading

import pytest

from tests.datasets.options import lines
from threedsl.cli import main
from threedsl.datasets import writing
from threedsl.errors import InputError


@pytest.mark.slow
def test_lists_of_others_are_not_overwritten(built, tmp_path, prepare):
    assert prepare("prcc", built["prcc"], "--out", tmp_path)[0] == 0
    assert prepare("prcc", built["prcc"], "--out", tmp_path)[0] == 0
    before = lines(tmp_path, "query")
    code, out, err = prepare("ltcc", built["ltcc"], "--out", tmp_path)
    assert (code, out) == (2, "") and "already holds the lists of PRCC" in err and "--force" in err
    assert lines(tmp_path, "query") == before
    assert prepare("ltcc", built["ltcc"], "--out", tmp_path, "--force")[0] == 0
    names = {path.name for path in (tmp_path / "list").iterdir()}
    assert names == {"train.txt", "query.txt", "gallery.txt", "prepared.json"}
    assert lines(tmp_path, "query") != before


def test_lists_written_by_hand_are_not_overwritten(built, tmp_path, prepare):
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "gallery.txt").write_text("a.jpg 1 1\n")
    code, _, err = prepare("ltcc", built["ltcc"], "--out", tmp_path)
    assert code == 2 and "gallery.txt, which `prepare` did not write" in err
    assert lines(tmp_path, "gallery") == ["a.jpg 1 1"]


def test_a_failure_while_writing_leaves_the_old_lists(built, tmp_path, prepare, monkeypatch):
    assert prepare("folder", built["folder"], "--out", tmp_path)[0] == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "list").iterdir()}

    def full_disk(records, path, root=None):
        if path.name == "gallery.txt":
            raise InputError("No space left on device.")
        write_list(records, path, root)

    write_list = writing.write_list
    monkeypatch.setattr(writing, "write_list", full_disk)
    assert prepare("folder", built["folder"], "--out", tmp_path, "--seed", 5)[0] == 2
    assert {path.name: path.read_bytes() for path in (tmp_path / "list").iterdir()} == before


def test_a_folder_in_the_place_of_a_list_stops_before_any_list_is_replaced(built, tmp_path, prepare):
    assert prepare("folder", built["folder"], "--out", tmp_path)[0] == 0
    before = lines(tmp_path, "train")
    (tmp_path / "list" / "query.txt").unlink()
    (tmp_path / "list" / "query.txt").mkdir()
    code, out, err = prepare("folder", built["folder"], "--out", tmp_path, "--seed", 5)
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert f"{tmp_path / 'list' / 'query.txt'} is a folder" in err
    assert lines(tmp_path, "train") == before


def test_a_disk_that_fails_ends_in_a_sentence(built, tmp_path, prepare, monkeypatch):
    replace = writing.os.replace

    def broken(source, target):
        if target == tmp_path / "list" / "query.txt":
            raise OSError(5, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(writing.os, "replace", broken)
    code, _, err = prepare("folder", built["folder"], "--out", tmp_path)
    assert code == 2 and "cannot be written" in err and err.count("\n") == 1


def test_lists_of_others_that_stay_are_named(built, tmp_path, prepare):
    """Those of the dataset that was there before go; what nobody here wrote stays, and is said to."""
    assert prepare("prcc", built["prcc"], "--out", tmp_path)[0] == 0
    mine = tmp_path / "list" / "mine.txt"
    mine.write_text("a.jpg 1 1\n")
    code, _, err = prepare("ltcc", built["ltcc"], "--out", tmp_path, "--force")
    assert code == 0 and f"warning: kept {mine}, not written by `prepare`" in err
    assert mine.exists() and not (tmp_path / "list" / "val.txt").exists()
    mine.unlink()
    assert "warning: kept" not in prepare("ltcc", built["ltcc"], "--out", tmp_path, "--force")[2]


@pytest.mark.parametrize("seed", ["-1", "1.5", "one"])
def test_a_seed_that_numpy_refuses_is_wrong_usage(seed, built, tmp_path, prepare, capsys):
    with pytest.raises(SystemExit) as stopped:
        prepare("folder", built["folder"], "--out", tmp_path, "--seed", seed)
    assert stopped.value.code == 2
    assert f"argument --seed: {seed!r} is not a whole number of 0 or more" in capsys.readouterr().err


def test_lists_that_are_replaced_are_reported(built, tree, tmp_path, prepare):
    other, out = tree("folder"), tmp_path / "out"
    words = ["--out", out]
    assert "replaces" not in prepare("folder", built["folder"], *words)[2]
    assert "replaces" not in prepare("folder", built["folder"], *words)[2]
    told = f"replaces the lists made from {built['folder']}"
    assert f"{told} with other options\n" in prepare("folder", built["folder"], *words, "--seed", 5)[2]
    assert f"{told}\n" in prepare("folder", other, *words, "--seed", 5)[2]
    assert json.loads((out / "list" / "prepared.json").read_text())["root"] == str(other)


def test_two_datasets_prepared_at_once_are_not_mixed(built, tmp_path, prepare, monkeypatch):
    """Both used to look before either wrote, and then each replaced some of the lists."""
    refuse, codes = writing.refuse_overwrite, []
    words = ["prepare", "folder", str(built["folder"]), "--out", str(tmp_path)]
    other = threading.Thread(target=lambda: codes.append(main(words)), daemon=True)

    def meanwhile(out, dataset):
        refuse(out, dataset)
        if not other.ident:
            other.start()
            other.join(1)  # it writes now, or waits

    monkeypatch.setattr(writing, "refuse_overwrite", meanwhile)
    assert prepare("ltcc", built["ltcc"], "--out", tmp_path)[0] == 0
    other.join(20)
    assert codes == [2] and json.loads((tmp_path / "list" / "prepared.json").read_text())["dataset"] == "ltcc"
