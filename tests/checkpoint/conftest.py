"""A saved checkpoint, and a copy of it that a test may damage."""

import pytest

from tests.models import random_model


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """(model, folder): float32, in several pieces."""
    model = random_model()
    folder = tmp_path_factory.mktemp("checkpoint")
    (folder / "README.md").write_text("# card")
    model.save_pretrained(folder)
    return model, folder


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of the folder that a test may damage; large files are links, replaced rather than changed."""
    for path in saved[1].iterdir():
        (tmp_path / path.name).hardlink_to(path)
    return tmp_path
