"""Files that appear whole or not at all."""

import os
import tempfile
import threading
from pathlib import Path

import pytest

from threedsl import files
from threedsl.errors import InputError
from threedsl.files import (
    cache_folder,
    changing,
    recover_folder,
    settled,
    whole_file,
    whole_folder,
    write_whole,
)
from threedsl.locks import locked


def test_what_was_there_stays_when_writing_fails(tmp_path):
    target = tmp_path / "new" / "a.bin"
    write_whole(target, b"old")
    with pytest.raises(ZeroDivisionError), whole_file(target) as file:
        file.write(b"half")
        raise ZeroDivisionError
    with (
        pytest.raises(InputError, match=r"a\.bin cannot be written \(No space left"),
        whole_file(target) as file,
    ):
        file.write(b"half")
        raise OSError(28, "No space left on device")
    assert target.read_bytes() == b"old"
    assert [path.name for path in target.parent.iterdir()] == ["a.bin"]
    with whole_file(target) as file:
        file.write(b"new")
        file.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"


def test_a_folder_in_its_place_ends_in_a_sentence(tmp_path):
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(InputError, match=r"a\.bin cannot be written"):
        write_whole(tmp_path / "a.bin", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_a_folder_takes_the_place_of_another_whole_or_not_at_all(tmp_path):
    target = tmp_path / "index"
    for content in ("first", "second"):
        with whole_folder(target) as fresh:
            (fresh / "a.txt").write_text(content)
            assert not target.exists() or (target / "a.txt").read_text() == "first"
        assert (target / "a.txt").read_text() == content
    with pytest.raises(ZeroDivisionError), whole_folder(target) as fresh:
        (fresh / "a.txt").write_text("third")
        raise ZeroDivisionError
    with (
        pytest.raises(InputError, match=r"index cannot be written \(No space left"),
        whole_folder(target) as fresh,
    ):
        raise OSError(28, "No space left on device", str(fresh / "a.txt"))
    with (
        pytest.raises(InputError, match=r"index cannot be written \(No space left"),
        whole_folder(target) as fresh,
    ):
        raise OSError(28, "No space left on device", "/elsewhere/a.txt", None, str(fresh / "a.txt"))
    with pytest.raises(FileNotFoundError), whole_folder(target):
        (tmp_path.parent / "a picture that is not there").read_bytes()
    assert (target / "a.txt").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def left_by_a_kill(target, old: str | None, new: str | None) -> Path:
    """What a writer of `target` leaves that was killed: the folder it worked in, with the old and the new one."""
    work = target.with_name(f".{target.name}.ab12cd_9.work")
    for name, content in (("old", old), ("new", new)):
        if content:
            (work / name).mkdir(parents=True)
            (work / name / "a.txt").write_text(content)
    return work


def test_a_folder_whose_replacement_was_cut_short_is_put_back(tmp_path):
    target = tmp_path / "index"
    left_by_a_kill(target, "first", "second")
    recover_folder(target, "another file")
    assert not target.exists()
    recover_folder(target, "a.txt")
    assert (target / "a.txt").read_text() == "first"
    with whole_folder(target) as fresh:
        (fresh / "a.txt").write_text("third")
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert (target / "a.txt").read_text() == "third"


@pytest.mark.parametrize("left", [("first", None), (None, "second")])
def test_a_folder_that_was_deleted_never_comes_back(tmp_path, left):
    """Killed before or after the two renames: what is left is no folder's, and goes with the next writing."""
    target = tmp_path / "index"
    work = left_by_a_kill(target, *left)
    recover_folder(target, "a.txt")
    assert not target.exists()
    with whole_folder(tmp_path / "index-of-others"):
        assert work.exists()
    with whole_folder(target):
        assert not work.exists()


def test_folders_of_living_writers_are_left_alone(tmp_path):
    target = tmp_path / "index"
    with whole_folder(target) as first:
        (first / "a.txt").write_text("first")
        with whole_folder(target) as second:
            (second / "a.txt").write_text("second")
            recover_folder(target, "a.txt")
        assert (target / "a.txt").read_text() == "second"
        assert first.is_dir()
    assert (target / "a.txt").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_other_files_go_along_while_another_writer_replaces_the_folder(tmp_path):
    """Between the other one's two renames there is no folder, and so no files to take along."""
    target, aside = tmp_path / "index", tmp_path / "aside"
    target.mkdir()
    (target / "picture.jpg").write_text("a picture")
    entered, fresh_made = threading.Event(), threading.Event()

    def write() -> None:
        with whole_folder(target, lambda name: name == "own.txt") as fresh:
            fresh_made.set()
            (fresh / "own.txt").write_text("new")
            entered.wait(60)

    writer = threading.Thread(target=write)
    writer.start()
    assert fresh_made.wait(60)
    with locked(tmp_path):
        target.rename(aside)
        entered.set()
        writer.join(0.5)
        aside.rename(target)
    writer.join(60)
    assert {path.name: path.read_text() for path in target.iterdir()} == {
        "own.txt": "new",
        "picture.jpg": "a picture",
    }


@pytest.mark.parametrize("text", ["12345 requested and 12 written", "12345 requested and 0 written"])
def test_numpys_error_for_a_full_disk_is_reworded(tmp_path, text):
    with (
        pytest.raises(InputError, match=r"index cannot be written \(No space left on device\)"),
        whole_folder(tmp_path / "index"),
    ):
        raise OSError(text)


@pytest.fixture
def no_home(tmp_path, monkeypatch):
    """No place for a cache but the temporary folder; that folder."""
    monkeypatch.delenv("THREEDSL_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/cache")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    files._own_temporary_folder.cache_clear()
    yield tmp_path
    files._own_temporary_folder.cache_clear()


def test_a_cache_in_the_temporary_folder_is_the_users_alone(no_home):
    found = cache_folder()
    assert found.parent == no_home and found.stat().st_mode & 0o077 == 0
    files._own_temporary_folder.cache_clear()
    assert cache_folder() == found, "another program of this user finds it again"


@pytest.mark.parametrize("kind", ["open", "link", "file"])
def test_a_cache_that_others_could_have_filled_is_left_alone(no_home, kind):
    name = no_home / f"threedsl-{os.getuid()}"
    if kind == "open":
        name.mkdir()
        name.chmod(0o777)
    elif kind == "link":
        name.symlink_to(no_home / "elsewhere")
    else:
        name.write_bytes(b"")
    found = cache_folder()
    assert found != name and found.is_dir() and cache_folder() == found
    assert found.stat().st_mode & 0o077 == 0


def test_a_pipe_under_the_name_of_a_leftover_keeps_nobody_waiting(tmp_path):
    os.mkfifo(tmp_path / ".index.abcdefgh.work")
    with whole_folder(tmp_path / "index") as fresh:
        (fresh / "a.txt").write_text("whole")
    assert (tmp_path / "index" / "a.txt").read_text() == "whole"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_what_is_private_stays_private_when_it_is_replaced(tmp_path):
    index, file = tmp_path / "index", tmp_path / "a.npz"
    index.mkdir(mode=0o700)
    file.touch(mode=0o600)
    with whole_folder(index) as fresh:
        (fresh / "a.txt").write_text("new")
    with whole_file(file) as writing:
        (part,) = tmp_path.glob(".a.npz.*")
        assert part.stat().st_mode & 0o777 == 0o600  # while it is written as well
        writing.write(b"new")
    assert index.stat().st_mode & 0o777 == 0o700 and (index / "a.txt").is_file()
    assert file.stat().st_mode & 0o777 == 0o600 and file.read_bytes() == b"new"


def test_a_folder_behind_a_link_is_replaced_where_it_is(tmp_path):
    real, link = tmp_path / "large disk" / "index", tmp_path / "index"
    real.mkdir(parents=True)
    (real / "a.txt").write_text("old")
    link.symlink_to(real)
    with whole_folder(link) as fresh:
        (fresh / "a.txt").write_text("new")
    assert link.is_symlink() and (real / "a.txt").read_text() == "new"
    (real.parent / ".index.abcdefgh.work" / "new").mkdir(parents=True)
    real.rename(real.parent / ".index.abcdefgh.work" / "old")  # as a program that was killed leaves it
    recover_folder(link, "a.txt")
    assert (link / "a.txt").read_text() == "new"


@pytest.mark.parametrize("stops_at", [1, 2])
def test_ctrl_c_between_the_two_renames_loses_nothing(tmp_path, monkeypatch, stops_at):
    target, rename, renamed = tmp_path / "index", Path.rename, []
    target.mkdir()
    (target / "a.txt").write_text("old")

    def interrupted(path, place):
        rename(path, place)
        renamed.append(place)
        if len(renamed) == stops_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), whole_folder(target) as fresh:
        (fresh / "a.txt").write_text("new")
        monkeypatch.setattr(Path, "rename", interrupted)
    assert (target / "a.txt").read_text() == ("old" if stops_at == 1 else "new")
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_the_next_writer_restores_what_a_killed_one_moved_aside(tmp_path):
    target = tmp_path / "index"
    left_by_a_kill(target, "first", "second")
    with pytest.raises(ZeroDivisionError), whole_folder(target):
        raise ZeroDivisionError
    assert (target / "a.txt").read_text() == "first"
    left = left_by_a_kill(tmp_path / "export", "first", "second")
    (left / "old" / "notes.txt").write_text("mine")
    with whole_folder(tmp_path / "export", lambda name: name == "a.txt") as fresh:
        (fresh / "a.txt").write_text("third")
    found = {path.name: path.read_text() for path in (tmp_path / "export").iterdir()}
    assert found == {"a.txt": "third", "notes.txt": "mine"}


def test_what_replaces_another_file_is_on_the_disk_before(tmp_path, monkeypatch):
    """Otherwise a power cut leaves an empty file, and the old one is gone."""
    target, file, fsync, seen = tmp_path / "index", tmp_path / "a.bin", os.fsync, []

    def noted(handle):
        seen.append((os.readlink(f"/proc/self/fd/{handle}"), os.fstat(handle).st_size, target.exists()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    with whole_folder(target) as fresh:
        (fresh / "below").mkdir()
        for name in ("a.txt", "below/b.txt"):
            (fresh / name).write_text("new")
    assert sorted((Path(name).name, size, there) for name, size, there in seen) == [
        ("a.txt", 3, False),
        ("b.txt", 3, False),
    ]
    write_whole(file, b"whole")
    assert seen[-1][1] == 5 and seen[-1][0].endswith(".part")


def test_a_network_drive_that_says_only_at_the_end_that_it_is_full(tmp_path, monkeypatch):
    write_whole(tmp_path / "a.bin", b"old")

    def full(handle):
        raise OSError(122, "Disk quota exceeded")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"a\.bin cannot be written \(Disk quota exceeded\)"):
        write_whole(tmp_path / "a.bin", b"new")
    with pytest.raises(InputError, match=r"index cannot be written \(Disk quota exceeded\)"):
        with whole_folder(tmp_path / "index") as fresh:
            (fresh / "a.txt").write_text("new")
    assert (tmp_path / "a.bin").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_a_thread_does_not_wait_for_the_folder_that_it_holds(tmp_path):
    """As adding to an index from a folder within it did, for ever."""
    (tmp_path / "index" / "more").mkdir(parents=True)
    done, other_done, released = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        with changing(tmp_path / "index"):
            with settled(tmp_path / "index" / "more", "a.txt"):
                done.set()
            released.wait(20)

    def wait() -> None:
        with locked(tmp_path / "index"):
            other_done.set()

    threading.Thread(target=work, daemon=True).start()
    assert done.wait(10)
    threading.Thread(target=wait, daemon=True).start()
    assert not other_done.wait(0.2), "another thread waits as before, also after the inner block"
    released.set()
    assert other_done.wait(10)
