"""What may be named as a source means the same to every command, and is said where it is less than all of it."""

import json
import shutil
from types import SimpleNamespace

import pytest

from threedsl.cli import main
from threedsl.data.listfile import read_list, records_from
from threedsl.gallery import Gallery

pytestmark = pytest.mark.slow


@pytest.fixture
def index(run, world, tmp_path):
    """An index of anna's pictures."""
    assert run("index", world / "people" / "anna", "--whole", "--out", tmp_path / "index")[0] == 0
    return tmp_path / "index"


@pytest.fixture
def source(run, world, tmp_path, monkeypatch):
    """kind -> something that names the six pictures of the world."""

    def make(kind: str) -> str:
        people = world / "people"
        if kind == "demo":
            demo = SimpleNamespace(records=tuple(records_from(people)))
            monkeypatch.setattr("threedsl.gallery.demo.demo_galleries", lambda: {"somepeople": demo})
            return "somepeople"
        words = {
            "index": ["index", people, "--out", "whole"],
            "npz": ["embed", people, "--no-cache", "--out", "whole.npz"],
        }
        if kind not in words:
            return str(world / "list.txt" if kind == "list" else people)
        assert run(*words[kind], "--whole")[0] == 0
        return str(tmp_path / words[kind][-1])

    return make


@pytest.mark.parametrize("kind", ["folder", "list", "demo", "index", "npz"])
def test_whatever_can_be_indexed_can_be_added(run, world, index, source, kind):
    named = source(kind)
    for added in (3, 0):
        code, out, err = run("index", named, "--whole", "--add", "--out", index, "--json")
        assert code == 0, err
        assert json.loads(out) == {"out": str(index), "added": added, "pictures": 6, "skipped": []}
    gallery = Gallery.load(index)
    assert {record.path for record in gallery.records} == {
        record.path for record in records_from(world / "people")
    }


def test_a_deleted_picture_of_a_saved_index_is_not_added(run, world, index, source, capsys):
    named = source("index")
    assert main(["delete", named, str(world / "people" / "bea" / "0.png"), "--mark"]) == 0
    capsys.readouterr()
    code, out, _ = run("index", named, "--add", "--out", index, "--json")
    assert code == 0 and json.loads(out)["added"] == 2


def test_which_pictures_of_a_prepared_folder_are_used_is_said(run, world, index, tmp_path):
    people = tmp_path / "people"
    shutil.copytree(world / "people", people)
    assert main(["prepare", "folder", str(people), "--out", str(people)]) == 0
    listed = len(read_list(people / "list" / "gallery.txt"))
    assert 0 < listed < 6
    said = f"{people} is a dataset folder: the pictures of {people / 'list' / 'gallery.txt'} are used, no others."
    for words in (
        ["index", people, "--out", tmp_path / "other"],
        ["index", people, "--out", index, "--add"],
        ["embed", people, "--out", tmp_path / "other.npz", "--no-cache"],
        ["search", people / "anna" / "0.png", "--gallery", people, "--whole"],
    ):
        code, _, err = run(*words)
        assert code == 0 and err.splitlines().count(said) == 1, err
    assert len(Gallery.load(tmp_path / "other")) == listed
    code, _, err = run("search", people / "anna" / "0.png", "--gallery", index, "--whole")
    assert code == 0 and "dataset folder" not in err


def test_embed_says_the_same_when_its_file_is_there_already(run, world, tmp_path):
    people = tmp_path / "people"
    shutil.copytree(world / "people", people)
    broken = people / "anna" / "broken.png"
    broken.write_bytes(b"\x89PNG no picture")
    for _ in range(2):
        code, out, err = run("embed", people, "--whole", "--no-cache", "--out", tmp_path / "out.npz")
        assert (code, out) == (0, f"6 embeddings in {tmp_path / 'out.npz'}\n")
        assert [str(broken) in line for line in err.splitlines() if line.startswith("left out: ")] == [True]
