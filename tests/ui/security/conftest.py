"""A page in this process, whose limits a test may make small."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ui.browser.visit import Visitor
from tests.ui.conftest import tiny_gallery
from threedsl.space.page_client import free_port
from threedsl.ui.api.blocks import Page
from threedsl.ui.page import build_demo, build_service, launch_options
from threedsl.ui.service import Service


@dataclass
class Served:
    """A running page."""

    url: str
    page: Page
    service: Service
    folder: Path  # where visitors' files are

    def visitor(self) -> Visitor:
        return Visitor(self.url)

    def files(self) -> set[Path]:
        """Everything of visitors on disk."""
        kept = self.page.own_files()
        files = set()
        for folder, _, names in os.walk(self.folder):  # unlike rglob, it bears what is being deleted
            files |= {path for name in names if (path := Path(folder, name)).is_file()}
        return {path for path in files if str(path) not in kept}


@pytest.fixture(scope="module")
def served(model, tmp_path_factory) -> Iterator[Served]:
    place = tmp_path_factory.mktemp("page")
    folder = place / "uploads"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        service = build_service(model, {"tiny": tiny_gallery(place)}, place / "cache")
        service.shelf.get("tiny")
        page = build_demo(service)
        page.launch(prevent_thread_lock=True, server_port=free_port(), quiet=True, **launch_options())
        yield Served(page.local_url, page, service, folder)
        page.close(verbose=False)


@pytest.fixture
def empty(served) -> Served:
    """The page when it has nothing to do, without any files or galleries of visitors."""
    end, queue = time.monotonic() + 180, served.page._queue
    while len(queue) or any(queue.active_jobs):
        assert time.monotonic() < end
        time.sleep(0.02)
    served.service.visitors._held.clear()
    for path in list(served.page.ledger._entries):
        served.page.ledger.delete(path)
    assert served.files() == set(), sorted(served.files())[:5]
    return served
