"""Nothing a visitor leaves behind outlives its hour, and nothing else is deleted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from threedsl.ui import cleanup
from threedsl.ui.cleanup import AGE, EVERY, own_folder, sweep
from threedsl.ui.page import build_demo, build_service, kept_files

HOUR = 3600


def write(path: Path, age: float = 0) -> Path:
    """A file whose last change was `age` seconds ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"photo")
    os.utime(path, (time.time() - age,) * 2)
    return path


def set_age(folder: Path, age: float) -> None:
    os.utime(folder, (time.time() - age,) * 2)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "chosen"))
    return own_folder()


def test_the_folder_is_our_own(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    first, second = own_folder(), own_folder()
    assert first != second and first.parent == second.parent and first.parent.parent == tmp_path
    monkeypatch.delenv("GRADIO_TEMP_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    assert own_folder().parent.parent == tmp_path / "temporary"


def test_nothing_gets_older_than_an_hour(folder):
    assert EVERY + AGE <= HOUR
    old = [write(folder / "abc" / "upload.jpg", HOUR), write(folder / "bodies" / "body-1.glb", HOUR)]
    new = [write(folder / "def" / "upload.jpg", 60), write(folder / "bodies" / "body-2.glb", 60)]
    kept = write(folder / "example" / "photo.jpg", 30 * HOUR)
    sweep(folder, {str(kept)})
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in [*new, kept])
    sweep(folder, {str(kept)}, now=time.time() + HOUR)
    assert not any(path.exists() for path in new) and kept.exists()


def test_what_goes_during_a_sweep_does_not_end_it(folder, monkeypatch):
    """A visit that ends deletes its own files and their folders."""
    gone, old = folder / "abc" / "def", write(folder / "xyz" / "upload.jpg", HOUR)
    gone.mkdir(parents=True)
    older = cleanup._older

    def then_delete(path, limit):
        found = older(path, limit)
        if path == gone:
            gone.rmdir()
        return found

    monkeypatch.setattr(cleanup, "_older", then_delete)
    sweep(folder, now=time.time() + HOUR)
    assert not gone.exists() and not old.exists()


def test_a_clock_that_is_put_back_does_not_keep_files_for_longer(folder):
    """As at a start without a network, when the right time comes later."""
    future = write(folder / "abc" / "upload.jpg", -30 * HOUR)
    kept = write(folder / "example" / "photo.jpg", -30 * HOUR)
    sweep(folder, {str(kept)})
    assert future.exists()
    sweep(folder, {str(kept)}, now=time.time() + HOUR)
    assert not future.exists() and kept.exists()


def test_empty_folders_go_too(folder):
    write(folder / "abc" / "upload.jpg", HOUR)
    sweep(folder)
    sweep(folder, now=time.time() + HOUR)
    assert list(folder.iterdir()) == []


def test_what_a_killed_page_left_goes_and_what_a_running_one_has_stays(folder, tmp_path):
    killed, running = (
        write(folder.parent / name / "abc" / "upload.jpg", 60) for name in ("killed", "running")
    )
    set_age(killed.parent.parent, HOUR)
    foreign = [write(tmp_path / "chosen" / "mine.txt", 9 * HOUR), write(tmp_path / "letter.txt", 9 * HOUR)]
    sweep(folder)
    assert not killed.parent.parent.exists() and running.exists()
    assert all(path.exists() for path in foreign)


def test_links_are_not_followed(folder, tmp_path):
    precious = write(tmp_path / "photos" / "wedding.jpg", HOUR)
    (folder / "inside").symlink_to(precious.parent)
    (folder.parent / "beside").symlink_to(precious.parent)
    sweep(folder, now=time.time() + HOUR)
    assert precious.exists()


def test_a_running_page_shows_that_it_is_there(folder):
    set_age(folder, 9 * HOUR)
    sweep(folder)
    assert time.time() - folder.stat().st_mtime < 60


@pytest.mark.slow
def test_the_pages_examples_stay(model, demo, tmp_path):
    page = build_demo(build_service(model, {"tiny": demo}, tmp_path))
    kept = kept_files(page)
    assert [Path(path).name for path in kept] == ["other.jpg"] and all(map(os.path.isfile, kept))


PAGE = """
import os, sys, time
from threedsl.ui.cleanup import keep_clean, own_folder
folder = own_folder()
keep_clean(folder, set)
(folder / "upload.jpg").write_bytes(b"photo")
print(folder, flush=True)
if sys.argv[1] == "wait":
    time.sleep(600)
elif sys.argv[1] == "crash":
    os._exit(1)
"""


@pytest.mark.parametrize(("how", "left"), [("end", False), ("wait", False), ("crash", True)])
def test_everything_goes_with_the_page(how, left, tmp_path):
    """At its end and at SIGTERM at once; after a crash, an hour later, when another page starts."""
    environment = os.environ | {"GRADIO_TEMP_DIR": str(tmp_path)}
    command = [sys.executable, "-c", PAGE, how]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True
    ) as page:
        folder = Path(page.stdout.readline().strip())
        if how == "wait":
            assert (folder / "upload.jpg").is_file()
            page.send_signal(signal.SIGTERM)
    assert page.returncode == {"end": 0, "wait": 143, "crash": 1}[how]
    assert folder.parent.parent == tmp_path and folder.exists() == left
    if left:
        set_age(folder, HOUR)
        subprocess.run(
            [*command[:-1], "end"], cwd=REPOSITORY, env=environment, check=True, capture_output=True
        )
        assert not folder.exists()


def test_what_a_kill_left_goes_at_the_next_start(tmp_path):
    environment = os.environ | {"GRADIO_TEMP_DIR": str(tmp_path)}
    command = [sys.executable, "-c", PAGE, "wait"]
    popen = dict(cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True)
    with subprocess.Popen(command, **popen) as killed, subprocess.Popen(command, **popen) as running:
        left, there = (Path(page.stdout.readline().strip()) for page in (killed, running))
        killed.kill()
        killed.wait()
        assert (left / "upload.jpg").is_file()
        subprocess.run([*command[:-1], "end"], cwd=REPOSITORY, env=environment, check=True)
        assert not left.exists(), "at once, and not by its age"
        assert (there / "upload.jpg").is_file(), "another page runs there"
        running.terminate()
    assert [path.name for path in tmp_path.rglob("*")] == [f"threedsl-page-{os.getuid()}"], "locks go as well"


@pytest.mark.parametrize("made", ["by-somebody-else", "as-a-link", "as-a-file"])
def test_a_folder_that_is_not_ours_is_not_used(made, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "base"))
    expected, theirs = tmp_path / "base" / f"threedsl-page-{os.getuid()}", tmp_path / "theirs"
    theirs.mkdir()
    expected.parent.mkdir()
    if made == "by-somebody-else":
        expected.mkdir(mode=0o777)
        user = os.getuid() + 1
        monkeypatch.setattr(os, "getuid", lambda: user)
        expected = expected.rename(expected.with_name(f"threedsl-page-{user}"))
    elif made == "as-a-link":
        expected.symlink_to(theirs)
    else:
        expected.write_bytes(b"")
    folder = own_folder()
    assert folder.is_dir() and folder.parent != expected and folder.parent.parent == expected.parent
    assert list(theirs.iterdir()) == [] and (not expected.is_dir() or list(expected.iterdir()) == [])
    for place in (folder, folder.parent):
        assert place.stat().st_mode & 0o077 == 0


def test_a_folder_of_ours_is_closed_to_others(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    parent = tmp_path / f"threedsl-page-{os.getuid()}"
    parent.mkdir(mode=0o755)
    assert own_folder().parent == parent and parent.stat().st_mode & 0o777 == 0o700
