"""A page served in its own process, and the same functions without one."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import models
from tests.browser import FLAGS
from tests.conftest import CHECKPOINT, REPOSITORY, missing_checkpoint
from threedsl.data.listfile import Record
from threedsl.demo import DemoGallery, openpeople_folder
from threedsl.pipeline import ThreeDSL
from threedsl.ui.pictures import jpeg

START_SECONDS = 180  # far more than it takes: other tests may keep the machine busy


@pytest.fixture(scope="session")
def random_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with random weights: whatever is ranked, the page must show it."""
    return models.random_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="session")
def page_url(random_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`python app.py` in its own process, with caches of its own, and the shipped weights where they are there."""
    checkpoint = random_checkpoint if missing_checkpoint() else CHECKPOINT
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
        "THREEDSL_CACHE": str(folder / "cache"),
    }
    environment.pop("THREEDSL_OPEN_PAGE", None)
    log = folder / "log.txt"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "app.py", "--checkpoint", str(checkpoint), "--device", "cpu"],
            cwd=REPOSITORY,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        wait_until_served(url, server, log)
        yield url
        assert server.poll() is None, f"the server died:\n{log.read_text()}"
        assert " failed\n" not in log.read_text(), f"a defect was written to the log:\n{log.read_text()}"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def wait_until_served(url: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            assert server.poll() is None, f"the server ended:\n{log.read_text()}"
            time.sleep(0.2)
    raise AssertionError(f"nothing was served within {START_SECONDS} s:\n{log.read_text()}")


@pytest.fixture(scope="session")
def outdoor_photo() -> Path:
    """A photo of person P001 of openpeople, in other clothes than in the gallery."""
    return openpeople_folder() / "P001" / "assets" / "amateur_posture.jpg"


@pytest.fixture(scope="session")
def model() -> ThreeDSL:
    return models.random_model()


@pytest.fixture
def demo(tmp_path: Path) -> DemoGallery:
    """Three people with two pictures each, and two photos to search with: anna in other clothes, ben in the same."""
    random = np.random.default_rng(7)

    def picture(name: str) -> Path:
        path = tmp_path / f"{name}.jpg"
        patches = random.integers(0, 255, (8, 4, 3), dtype=np.uint8)  # fine noise would look all alike
        path.write_bytes(jpeg(cv2.resize(patches, (64, 128), interpolation=cv2.INTER_NEAREST)))
        return path

    people = [
        Record(picture(f"{pid}{i}"), pid, str(i), "coat") for pid in ("anna", "ben", "carl") for i in (1, 2)
    ]
    queries = [Record(picture("other"), "anna", "9", "skirt"), Record(picture("same"), "ben", "9", "coat")]
    return DemoGallery("tiny", "Three people", lambda: people, lambda: queries)


@pytest.fixture(scope="module")
def browser(chromium_path: Path) -> Iterator[Browser]:
    """A Chromium of the module's own."""

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(chromium_path), args=FLAGS)
        yield chromium
        chromium.close()
