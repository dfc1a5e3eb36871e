"""The README is true: its commands and its Python run, its tree and its links exist.

Every command of a shell block must be known to `runner_of`, so a new one without a test fails here.
"""

import argparse
import ast
import importlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from tests.data.tools import detection, parsing_png, write_results
from tests.datasets.trees import build_market1501
from threedsl.data.listfile import read_list, write_list
from train import __main__ as trainer

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PAGE = "http://localhost:7860"
START_SECONDS = 300  # that `make demo` may take on a busy machine
COMMAND_SECONDS = 300


@dataclass(frozen=True)
class Block:
    """A fenced block of the README and the heading it stands under."""

    heading: str
    language: str
    text: str

    def commands(self) -> list[str]:
        """Its lines without comments; lines that end in a backslash go on in the next."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [command for line in lines if (command := re.sub(r"(^|\s+)#.*", "", line).strip())]


def read_blocks() -> list[Block]:
    heading, found = "", []
    for match in re.finditer(r"^## ([^\n]+)$|^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        if match[1]:
            heading = match[1]
        else:
            found.append(Block(heading, match[2], match[3]))
    return found


BLOCKS = read_blocks()
COMMANDS = [command for block in BLOCKS if block.language == "bash" for command in block.commands()]


def runner_of(command: str) -> str | None:
    """Who runs this command: a test of this file, or `make test` itself; None when nobody does."""
    if command == "make test":
        return "make test"
    if command == "make demo":
        return "page"
    if command.startswith("python -m train "):
        return "test_training"
    if command.startswith(("python -m threedsl ", "source .venv/bin/activate")):
        return "test_command_line"
    return None


def blocks_of(language: str, test: str | None = None) -> list:
    """The blocks of a language, or those with a command that `test` runs, as named parameters."""
    chosen = [block for block in BLOCKS if block.language == language]
    if test:
        chosen = [b for b in chosen if any(runner_of(command) == test for command in b.commands())]
    return [pytest.param(block, id=block.heading.replace(" ", "-") or "top") for block in chosen]


def test_every_command_has_a_test():
    assert {block.language for block in BLOCKS} == {"bash", "python", "text"}
    assert {"make demo", "make test"} <= set(COMMANDS)
    assert [command for command in COMMANDS if runner_of(command) is None] == []


def environment(**changes: str) -> dict[str, str]:
    """This process's variables, without make's and the screen's, and with these tests' Python first."""
    hidden = ("MAKE", "MFLAGS", "DISPLAY", "WAYLAND_DISPLAY")
    own = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    return own | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"} | changes


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, shipped_checkpoint) -> Path:
    """A folder with what the README's commands name: photo.jpg, people/ and the repository's own parts."""
    from openpeople import curated

    people = Path(curated.__file__).parent / "data" / "curated"
    folder = tmp_path_factory.mktemp("readme")
    for part in ("threedsl", "train", "checkpoints"):
        (folder / part).symlink_to(REPOSITORY / part)
    (folder / ".venv").symlink_to(sys.prefix)
    for person in ("P001", "P002", "P003"):
        (folder / "people" / person).mkdir(parents=True)
        shutil.copy(people / person / "assets" / "studio_posture.jpg", folder / "people" / person)
    for name, person in (("photo.jpg", "P001"), ("other.jpg", "P002")):
        shutil.copy(people / person / "assets" / "amateur_posture.jpg", folder / name)
    write_market(folder)
    write_test_set(folder / "data" / "test")
    return folder


def write_market(folder: Path) -> None:
    """Market-1501 in small, and what AlphaPose and Self-Correction would say of its training pictures."""
    root = build_market1501(folder)
    assert root.name == "Market-1501-v15.09.15"
    pictures = sorted((root / "bounding_box_train").glob("0*.jpg"))
    write_results(folder / "alphapose-results.json", *(detection(path.name) for path in pictures))
    for path in pictures:
        with Image.open(path) as picture:
            parsing_png(folder / "parsing" / f"{path.stem}.png", picture.size)


def write_test_set(folder: Path) -> None:
    """The page's synthetic people as a data set."""
    shipped = REPOSITORY / "assets" / "synthetic"
    for name in ("query", "gallery"):
        write_list(read_list(shipped / f"{name}.txt"), folder / "list" / f"{name}.txt", folder)


def run(command: list[str], folder: Path) -> str:
    """Standard output of a command that must succeed."""
    settings = environment(THREEDSL_CACHE=str(folder / "cache"))
    done = subprocess.run(
        command, cwd=folder, env=settings, capture_output=True, text=True, timeout=COMMAND_SECONDS
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("block", blocks_of("bash", "test_command_line"))
def test_command_line(block, workspace):
    """One block in one shell, in its order; afterwards everything that --out and --overlay name is there."""
    own = [command for command in block.commands() if runner_of(command) == "test_command_line"]
    run(["bash", "-e", "-c", "\n".join(own)], workspace)
    written = re.findall(r"--(?:out|overlay|plot|pictures|preview) (\S+)", "\n".join(own))
    assert [name for name in written if not (workspace / name).exists()] == []


@pytest.fixture(scope="module")
def page(workspace) -> Iterator[str]:
    """The address of the page that `make demo` serves."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = environment(GRADIO_SERVER_PORT=str(port), THREEDSL_CACHE=str(workspace / "cache"))
    with (workspace / "log").open("w") as log:
        demo = subprocess.Popen(
            ["make", "demo"], cwd=REPOSITORY, env=settings, stdout=log, stderr=log, start_new_session=True
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(address, demo, workspace / "log")
            yield address
        finally:
            if demo.poll() is None:
                os.killpg(demo.pid, signal.SIGTERM)
                demo.wait(timeout=60)


def wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    """Returns when the address answers; fails when the process ends or START_SECONDS pass."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, f"make demo ended:\n{log.read_text()[-4000:]}"
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"make demo served nothing within {START_SECONDS} s:\n{log.read_text()[-4000:]}")


def test_make_demo_serves_the_page(page):
    with urllib.request.urlopen(page, timeout=30) as answer:
        assert "threedsl" in answer.read().decode().lower()


@pytest.mark.parametrize("block", blocks_of("python"))
def test_python(block, workspace, page):
    """The block as it stands, but for the page's port."""
    if "people.index" in block.text and not (workspace / "people.index").exists():
        run(["python", "-m", "threedsl", "index", "people/", "--out", "people.index"], workspace)
    run(["python", "-c", block.text.replace(PAGE, page)], workspace)


def subcommands_run_by_the_trainers_tests() -> set[str]:
    """SUBCOMMAND of every `main(["SUBCOMMAND", ...])` and `[..., "train", "SUBCOMMAND", ...]` in tests/train."""
    found = set()
    for path in (REPOSITORY / "tests" / "train").glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.List):
                words = [item.value if isinstance(item, ast.Constant) else None for item in node.elts]
                found |= set(words[:1]) | {after for word, after in pairwise(words) if word == "train"}
    return found


@pytest.mark.parametrize("command", [c for c in COMMANDS if runner_of(c) == "test_training"])
def test_training(command):
    """The command is understood as it stands, and tests/train runs it at toy size."""
    _, _, _, name, *rest = command.split()
    parser = argparse.ArgumentParser(command)
    importlib.import_module(trainer.COMMANDS[name][0]).add_arguments(parser)
    parser.parse_args(rest)
    assert [word for word in rest if word.endswith(".yaml") and not (REPOSITORY / word).is_file()] == []
    assert name in subcommands_run_by_the_trainers_tests()


def tree_paths() -> list[str]:
    """The paths of the README's tree, folders with a slash at the end."""
    (block,) = (block for block in BLOCKS if block.heading == "The tree")
    paths, parent = [], ""
    for line in block.text.splitlines():
        name = line.split()[0]
        parent = "" if not line.startswith(" ") else parent
        paths.append(parent + name)
        parent = name if not line.startswith(" ") else parent
    return paths


def test_the_tree_is_true():
    paths = tree_paths()
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []
    for folder in ("threedsl", "train"):
        packages = {f"{folder}/{child.parent.name}/" for child in (REPOSITORY / folder).glob("*/__init__.py")}
        assert packages <= set(paths), "the tree leaves out a package"


def test_links_and_pictures_exist():
    targets = re.findall(r"\]\(([^)#\s]+)", README) + re.findall(r'(?:src|href)="([^"#]+)"', README)
    local = [target for target in targets if not target.startswith(("http://", "https://"))]
    assert [target for target in local if not (REPOSITORY / target).exists()] == []
