"""Nothing a visitor leaves behind outlives its hour, and nothing else is deleted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from threedsl.ui.page import build_demo, build_service, kept_files
from threedsl.ui.uploads import AGE, EVERY, own_folder, sweep

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
    made = own_folder()
    made.mkdir(parents=True)
    return made


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


def test_the_pages_examples_stay(model, demo, tmp_path):
    page = build_demo(build_service(model, {"tiny": demo}, tmp_path))
    kept = kept_files(page)
    assert [Path(path).name for path in kept] == ["other.jpg"] and all(map(os.path.isfile, kept))


PAGE = """
import os, sys, time
from threedsl.ui.uploads import keep_clean, own_folder
folder = own_folder()
keep_clean(folder, set)
(folder / "upload.jpg").write_bytes(b"photo")
print(folder, flush=True)
if sys.argv[1] == "wait":
    time.sleep(60)
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
