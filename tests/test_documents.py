"""The commands and the Python of README and docs/ run.

Every command of a shell block must be known to `runner_of`, so a new one without a test fails here. docs/api.md has
tests of its own (tests/ui/api/test_docs.py), and so do the benchmarks.
"""

import argparse
import ast
import functools
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
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from PIL import Image

from tests.conftest import REPOSITORY
from tests.data.tools import detection, parsing_png, write_results
from tests.datasets.trees import (
    build_celebreid,
    build_dukemtmc,
    build_fgpr,
    build_ltcc,
    build_market1501,
    build_msmt17,
    build_prcc,
    build_vcclothes,
)
from tests.documents import BLOCKS, COMMANDS
from threedsl.data.listfile import read_list, write_list
from train import __main__ as trainer

PAGE = "http://localhost:7860"
START_SECONDS = 900  # that `make demo` may take on a busy machine
COMMAND_SECONDS = 1800


def runner_of(command: str) -> str | None:
    """Who runs this command: a test of this file or another, or `make test` itself; None when nothing does."""
    if command == "make demo":
        return "page"
    if command.startswith("make "):
        return "test_make"
    if command == "pip install .":
        return "tests/test_packaging.py"
    if command.startswith("python -m train "):
        return "test_training"
    if command.startswith(("python -m threedsl ", "threedsl ", "source .venv/bin/activate")):
        return "test_command_line"
    return None


def blocks_of(language: str, test: str | None = None) -> list:
    """The blocks of a language, or those with a command that `test` runs, as named parameters."""
    chosen = [block for block in BLOCKS if block.language == language]
    if test:
        chosen = [b for b in chosen if any(runner_of(command) == test for command in b.commands())]
    return [
        pytest.param(block, id=f"{Path(block.source).stem}:{block.heading.replace(' ', '-') or 'top'}")
        for block in chosen
    ]


def test_every_command_has_a_test():
    assert {block.language for block in BLOCKS} == {"bash", "python", "text", "bibtex"}
    assert {"make demo", "make test", "pip install ."} <= set(COMMANDS)
    assert [command for command in COMMANDS if runner_of(command) is None] == []


def environment(**changes: str) -> dict[str, str]:
    """This process's variables, without make's and the screen's, and with these tests' Python first."""
    hidden = ("MAKE", "MFLAGS", "DISPLAY", "WAYLAND_DISPLAY")
    own = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    return own | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"} | changes


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, shipped_checkpoint) -> Path:
    """A folder with what the documents' commands name: photo.jpg, people/ and the repository's own parts."""
    from openpeople import curated

    people = Path(curated.__file__).parent / "data" / "curated"
    folder = tmp_path_factory.mktemp("readme")
    for part in ("threedsl", "train", "checkpoints"):
        (folder / part).symlink_to(REPOSITORY / part)
    (folder / ".venv").symlink_to(sys.prefix)
    for person in ("P001", "P002", "P003"):
        (folder / "people" / person).mkdir(parents=True)
        shutil.copy(people / person / "assets" / "studio_posture.jpg", folder / "people" / person)
    (folder / "more" / "anna").mkdir(parents=True)
    shutil.copy(people / "P004" / "assets" / "studio_posture.jpg", folder / "more" / "anna")
    for name, person in (("photo.jpg", "P001"), ("other.jpg", "P002")):
        shutil.copy(people / person / "assets" / "amateur_posture.jpg", folder / name)
    write_market(folder)
    for build in (
        build_dukemtmc,
        build_msmt17,
        build_prcc,
        build_ltcc,
        build_celebreid,
        build_vcclothes,
        build_fgpr,
    ):
        build(folder)
    # What the trainings of docs/training.md leave; tests/train/test_documented_lines.py runs those.
    for name in ("market1501-lite", "market1501-lite-1"):
        (folder / "runs" / name).mkdir(parents=True)
        (folder / "runs" / name / "export").symlink_to(shipped_checkpoint)
    write_test_set(folder / "data" / "test")
    return folder


def write_market(folder: Path) -> None:
    """Market-1501 in small, and what AlphaPose and Self-Correction would say of its training pictures."""
    root = build_market1501(folder)
    assert root.name == "Market-1501-v15.09.15"
    for path in (root / "bounding_box_train").glob("0010_*.jpg"):
        shutil.copyfile(path, path.with_name(path.name.replace("0010_", "0011_")))
    pictures = sorted((root / "bounding_box_train").glob("0*.jpg"))
    write_results(folder / "alphapose-results.json", *(detection(path.name) for path in pictures))
    for path in pictures:
        with Image.open(path) as picture:
            parsing_png(folder / "parsing" / f"{path.stem}.png", picture.size)


def write_test_set(folder: Path) -> None:
    """The page's synthetic people as a dataset."""
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


@pytest.mark.slow
@pytest.mark.parametrize("block", blocks_of("bash", "test_command_line"))
def test_command_line(block, workspace):
    """One block in one shell, in its order; afterwards everything that --out and --overlay name is there.

    `threedsl`, the command of the installed package, is tried as such in tests/test_packaging.py.
    """
    own = [command for command in block.commands() if runner_of(command) == "test_command_line"]
    own = [re.sub(r"^threedsl ", "python -m threedsl ", command) for command in own]
    own = [command.replace("--divide 151", "--divide 2") for command in own]  # four people are there
    if any("evaluate data/market1501" in command for command in own):
        prepare = "python -m threedsl prepare market1501 Market-1501-v15.09.15 --out data/market1501"
        own = own if prepare in own else [prepare, *own]
    run(["bash", "-e", "-c", "\n".join(own)], workspace)
    written = re.findall(r"--(?:out|overlay|plot|pictures|preview|save|latex) (\S+)", "\n".join(own))
    assert [name for name in written if not (workspace / name).exists()] == []


@pytest.fixture(scope="module")
def demo_page(workspace) -> Iterator[str]:
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
                demo.wait(timeout=600)


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


@pytest.mark.parametrize("command", [c for c in COMMANDS if runner_of(c) == "test_make"])
def test_make(command):
    """make knows what to do; doing it would run these tests within themselves."""
    done = subprocess.run(
        [*command.split(), "--dry-run"], cwd=REPOSITORY, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert ("-m pytest" in done.stdout) == command.startswith("make test")
    if "T=" in command:
        assert done.stdout.endswith(f" {command.partition('T=')[2]}\n") and "ruff" not in done.stdout


@pytest.mark.slow
def test_make_demo_serves_the_page(demo_page):
    with urllib.request.urlopen(demo_page, timeout=300) as answer:
        assert "threedsl" in answer.read().decode().lower()


@pytest.mark.slow
@pytest.mark.parametrize("block", [b for b in blocks_of("python") if PAGE not in b.values[0].text])
def test_python(block, workspace):
    """The block as it stands."""
    if "people.index" in block.text and not (workspace / "people.index").exists():
        run(["python", "-m", "threedsl", "index", "people/", "--out", "people.index"], workspace)
    run(["python", "-c", block.text], workspace)


@pytest.mark.slow
@pytest.mark.parametrize("block", [b for b in blocks_of("python") if PAGE in b.values[0].text])
def test_python_with_a_page(block, workspace, demo_page):
    """The block as it stands, but for the page's port."""
    run(["python", "-c", block.text.replace(PAGE, demo_page)], workspace)


def example(heading: str) -> dict:
    """What the first Python block under a heading of docs/development.md defines."""
    block = next(b for b in BLOCKS if b.heading == heading and b.language == "python")
    names: dict = {"__name__": "example"}
    exec(compile(block.text, heading, "exec"), names)
    return names


def test_the_example_of_a_dataset_is_read(tmp_path, monkeypatch, capsys):
    """As `prepare mine`, once it is in DATASETS."""
    from threedsl.cli import main
    from threedsl.datasets import DATASETS

    module = ModuleType("mine")
    vars(module).update(example("Adding a dataset"))
    block = next(b for b in BLOCKS if b.heading == "Adding a dataset" and b.language == "python")
    module.__doc__ = ast.get_docstring(ast.parse(block.text))
    monkeypatch.setitem(DATASETS, "mine", module)
    for name in ("train/001_c1_1.jpg", "query/002_c1_1.jpg", "gallery/002_c2_1.jpg", "gallery/003_c2_1.jpg"):
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 16)).save(tmp_path / "root" / name)
    assert main(["prepare", "mine", str(tmp_path / "root"), "--out", str(tmp_path / "out")]) == 0
    assert "Mine" in capsys.readouterr().out
    written = read_list(tmp_path / "out" / "list" / "gallery.txt")
    assert [(record.pid, record.camid) for record in written] == [("002", "2"), ("003", "2")]


@pytest.mark.slow
def test_the_example_of_a_tab_adds_its_components():
    import gradio as gr

    service = SimpleNamespace(model=SimpleNamespace(config=SimpleNamespace(height=192)))
    with gr.Blocks() as blocks, gr.Tabs():
        example("Adding a tab")["add_notes_tab"](service)
    assert [type(block).__name__ for block in blocks.blocks.values()] == ["Tabs", "Tab", "Markdown"]


@functools.cache
def subcommands_run_by_the_trainers_tests() -> set[str]:
    """SUBCOMMAND of every `main(["SUBCOMMAND", ...])` and `[..., "train", "SUBCOMMAND", ...]` in tests/train."""
    found = set()
    for path in (REPOSITORY / "tests" / "train").rglob("test_*.py"):
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
