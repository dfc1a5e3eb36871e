"""Adding to a saved index and deleting from it, and searches that only look at some of its pictures."""

import json
import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

from tests.conftest import REPOSITORY
from threedsl.cli import main
from threedsl.files import changing, whole_folder
from threedsl.gallery import Gallery

pytestmark = pytest.mark.slow


@pytest.fixture
def index(run, world, tmp_path):
    """An index of two people's pictures in a folder of its own, where pictures can be added."""
    shutil.copytree(world / "people", tmp_path / "people")
    assert run("index", tmp_path / "people", "--out", tmp_path / "index")[0] == 0
    return tmp_path / "index"


@pytest.fixture
def delete(capsys):
    """Run `delete`, which needs no checkpoint: (exit code, stdout, stderr)."""

    def command(*words) -> tuple[int, str, str]:
        code = main(["delete", *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def names(index):
    gallery = Gallery.load(index)
    alive = ~gallery.records.deleted
    return sorted(str(path) for path, kept in zip(gallery.records.paths, alive, strict=True) if kept)


def test_only_new_pictures_are_added(run, index, tmp_path):
    before = len(Gallery.load(index))
    people = tmp_path / "people"
    shutil.copytree(people / "bea", people / "clea")
    for number, path in enumerate(sorted((people / "clea").iterdir())):
        path.rename(path.with_name(f"new{number}.png"))
    (people / "clea" / "broken.png").write_bytes(b"none")
    code, out, err = run("index", people, "--out", index, "--add", "--json")
    answer = json.loads(out)
    count = len(list((people / "bea").iterdir()))
    assert code == 0 and answer["added"] == count and answer["pictures"] == before + count
    assert "broken.png" in err and len(answer["skipped"]) == 1
    (people / "clea" / "broken.png").unlink()
    whole = tmp_path / "whole"
    run("index", people, "--out", whole)
    ours, theirs = Gallery.load(index), Gallery.load(whole)
    order = {record.path: row for row, record in enumerate(ours.records)}
    rows = [order[record.path] for record in theirs.records]
    np.testing.assert_allclose(ours.appearance[rows], theirs.appearance, atol=1e-5)
    np.testing.assert_allclose(ours.shape[rows], theirs.shape, atol=1e-5)
    code, out, _ = run("index", people, "--out", index, "--add")
    assert code == 0 and out == f"0 pictures added to {index}, {before + count} in it\n"


def test_deleted_pictures_are_gone_and_can_be_added_again(run, delete, index, tmp_path):
    people, everything = tmp_path / "people", names(index)
    code, out, _ = delete(index, "--pid", "bea", "--json")
    assert code == 0 and json.loads(out)["pictures"] == len(Gallery.load(index)) < len(everything)
    assert len(Gallery.load(index).appearance) == len(Gallery.load(index))  # no descriptor is left behind
    picture = next((people / "anna").iterdir())
    code, out, _ = delete(index, picture, "--mark")
    assert code == 0 and out.startswith("1 pictures deleted, ")
    assert len(Gallery.load(index).appearance) == len(Gallery.load(index)) + 1
    code, out, _ = run("search", picture, "--gallery", index, "--json")
    assert str(picture) not in [match["path"] for match in json.loads(out)["matches"]]
    assert run("index", people, "--out", index, "--add")[0] == 0
    assert names(index) == everything


def test_searches_look_only_where_they_are_told(run, index, tmp_path):
    query = next((tmp_path / "people" / "bea").iterdir())

    def people(*options):
        code, out, _ = run("search", query, "--gallery", index, "--json", *options)
        assert code == 0
        return {match["person"] for match in json.loads(out)["matches"]}

    assert people("--pid", "anna") == {"anna"}
    assert people("--not-pid", "anna", "unknown") == people() - {"anna"}
    assert people("--camid", "no such camera") == set()


def test_what_cannot_be_done_is_said_and_changes_nothing(run, delete, index, tmp_path):
    people, before = tmp_path / "people", {path.name: path.read_bytes() for path in index.iterdir()}
    known = [str(path) for path in people.rglob("*.png")]
    for options, sentence in [
        (["delete", index], "Nothing was named to delete"),
        (["delete", index, "other.png"], "other.png is not in the index; nothing was deleted"),
        (["delete", index, *known], f"That is every picture of {index}"),
        (["delete", tmp_path / "none", "--pid", "x"], "none"),
        (["index", people, "--out", index, "--add", "--kind", "hnsw"], "leave --kind out"),
        (["index", people, "--out", tmp_path / "none", "--add"], "none"),
        (["index", tmp_path / "nobody", "--out", index, "--add"], "nobody does not exist"),
    ]:
        code, out, err = delete(*options[1:]) if options[0] == "delete" else run(*options)
        assert (code, out) == (2, "") and sentence in err and err.count("\n") == 1, options
    assert {path.name: path.read_bytes() for path in index.iterdir()} == before


def test_other_files_in_the_folder_stay(run, delete, index, tmp_path):
    """Such as the pictures of a gallery that the page exported, which are below its index."""
    (index / "thumbnails").mkdir()
    (index / "thumbnails" / "00000.jpg").write_bytes(b"a picture")
    (index / "notes.txt").write_text("mine")
    (index / "link").symlink_to(tmp_path / "nowhere")
    assert delete(index, "--pid", "bea")[0] == 0
    assert run("index", tmp_path / "people", "--out", index, "--add")[0] == 0
    assert (index / "thumbnails" / "00000.jpg").read_bytes() == b"a picture"
    assert (index / "notes.txt").read_text() == "mine" and (index / "link").is_symlink()


def test_what_is_deleted_through_a_link_is_gone_where_the_index_is(delete, index, tmp_path):
    link, inside = tmp_path / "elsewhere" / "link", index / "itself"
    link.parent.mkdir()
    link.symlink_to(index)
    inside.symlink_to(index)  # its folder is the one that is locked
    for name, person in ((link, "bea"), (inside, "unknown")):
        assert delete(name, "--pid", person)[0] == 0
    assert link.is_symlink() and "bea" not in {record.pid for record in Gallery.load(index).records}


def test_an_index_moved_behind_a_link_knows_its_pictures(run, delete, index, tmp_path):
    """Searched, extended and thinned out by the link, and built again."""
    people, before, place = tmp_path / "people", names(index), tmp_path / "large disk" / "index"
    picture = next((people / "anna").iterdir())
    place.parent.mkdir()
    index.rename(place)
    index.symlink_to(place)
    code, out, _ = run("index", people, "--out", index, "--add")
    assert code == 0 and out.startswith("0 pictures added") and names(index) == before
    assert delete(index, picture)[0] == 0
    for name in (index, place):
        paths = [record.path for record in Gallery.load(name).records]
        assert (
            len(paths) == len(before) - 1 and picture not in paths and all(path.is_file() for path in paths)
        )
    assert run("index", people, "--out", index)[0] == 0
    assert index.is_symlink() and names(place) == before


@pytest.mark.parametrize("kind", ["pipe", "root"])
def test_what_is_no_index_is_a_sentence_at_once(tmp_path, kind):
    place = tmp_path / "pipe" if kind == "pipe" else "/"
    if kind == "pipe":
        os.mkfifo(place)
    command = [sys.executable, "-m", "threedsl", "delete", str(place), "--pid", "x"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=900)
    sentence = "does not exist" if kind == "pipe" else "is not a saved index"
    assert done.returncode == 2 and sentence in done.stderr, done.stderr


def test_two_programs_that_add_lose_nothing(world, index, tmp_path):
    """Each reads the index, computes and replaces it; without waiting for each other the later one would undo it."""
    programs = []
    for name in ("dora", "emil"):
        shutil.copytree(tmp_path / "people" / "anna", tmp_path / name / name)
        command = [sys.executable, "-m", "threedsl", "index", tmp_path / name, "--out", index, "--add"]
        command += ["--checkpoint", world / "checkpoint", "--device", "cpu"]
        programs.append(subprocess.Popen(list(map(str, command)), cwd=REPOSITORY, stdout=subprocess.DEVNULL))
    assert [program.wait() for program in programs] == [0, 0]
    pids = {record.pid for record in Gallery.load(index).records}
    assert {"anna", "bea", "dora", "emil"} <= pids


def test_a_second_change_waits_and_sees_the_folder_that_the_first_one_made(tmp_path):
    folder, order = tmp_path / "folder", []
    folder.mkdir()
    inside = threading.Event()

    def second():
        inside.wait()
        with changing(folder):
            order.append((folder / "mark").read_text())

    thread = threading.Thread(target=second)
    thread.start()
    with changing(folder):
        inside.set()
        thread.join(0.3)
        with whole_folder(folder) as fresh:
            (fresh / "mark").write_text("first")
        thread.join(0.3)
        assert order == []
    thread.join(60)
    assert order == ["first"]
