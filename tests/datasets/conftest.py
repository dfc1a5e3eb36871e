"""Trees of every dataset, and the command."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.datasets import trees
from threedsl.cli import main


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, Path]:
    """Every tree once, not to be changed."""
    folder = tmp_path_factory.mktemp("trees")
    names = [name.removeprefix("build_") for name in vars(trees) if name.startswith("build_")]
    return {name: getattr(trees, f"build_{name}")(folder / name) for name in names}


@pytest.fixture
def tree(built, tmp_path) -> Callable[[str], Path]:
    """A copy of one tree that a test may break."""
    return lambda name: Path(shutil.copytree(built[name], tmp_path / "copies" / built[name].name))


@pytest.fixture
def prepare(capsys) -> Callable:
    """Run the command: (exit code, stdout, stderr)."""

    def run(*words) -> tuple[int, str, str]:
        code = main(["prepare", *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
