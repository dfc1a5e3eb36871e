"""A page served in its own process, and the same functions without one."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests import models
from tests.browser import FLAGS, PATIENCE
from tests.conftest import CHECKPOINT, missing_checkpoint
from tests.ui.browser.serving import served
from threedsl.data.listfile import Record
from threedsl.gallery.demo import DemoGallery, openpeople_folder
from threedsl.pipeline import ThreeDSL
from threedsl.ui.pictures import jpeg
from threedsl.ui.service import Service

# A page's own patience does not count for what is expected of it, which would be waited for no longer than 5 s.
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def random_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with random weights: whatever is ranked, the page must show it."""
    return models.random_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="session")
def page_url(random_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`python app.py` in its own process, with caches of its own, and the shipped weights where they are there."""
    checkpoint = random_checkpoint if missing_checkpoint() else CHECKPOINT
    with served(checkpoint, tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture(scope="module")
def page_of_its_own(random_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """As `page_url`, for a module that builds many galleries: all tests have one address, and the galleries of an
    address are limited."""
    checkpoint = random_checkpoint if missing_checkpoint() else CHECKPOINT
    with served(checkpoint, tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture(scope="session")
def outdoor_photo() -> Path:
    """A photo of person P001 of openpeople, in different clothes from those in the gallery."""
    return openpeople_folder() / "P001" / "assets" / "amateur_posture.jpg"


@pytest.fixture(scope="session")
def model() -> ThreeDSL:
    return models.random_model()


@pytest.fixture
def demo(tmp_path: Path) -> DemoGallery:
    """Three people, as `tiny_gallery` makes them."""
    return tiny_gallery(tmp_path)


@pytest.fixture
def service(model: ThreeDSL, demo: DemoGallery, tmp_path: Path) -> Service:
    """What the page's functions share, with the demo gallery `tiny`."""
    return Service(model, {"tiny": demo}, tmp_path / "files", tmp_path / "cache")


def tiny_gallery(folder: Path) -> DemoGallery:
    """Three people with two pictures each, and two photos to search with: anna in other clothes, ben in the same."""
    random = np.random.default_rng(7)

    def picture(name: str) -> Path:
        path = folder / f"{name}.jpg"
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
