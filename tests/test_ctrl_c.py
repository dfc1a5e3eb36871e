"""Ctrl-C in the long commands: one line, exit code 130, nothing half-written."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pictures import encoded, person_like

REPOSITORY = Path(__file__).parents[1]
# The process sends itself the signal while it reads its third picture, so that it is in the middle of its work.
CODE = """
import itertools, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from threedsl.data import images
read, count = images.load_image, itertools.count(1)
def load_image(*words, **options):
    if next(count) == 3:
        os.kill(os.getpid(), signal.SIGINT)
    return read(*words, **options)
images.load_image = load_image
from threedsl.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """40 pictures of 4 people, with lists."""
    root = tmp_path_factory.mktemp("data")
    lines = []
    for number in range(40):
        path = root / "images" / f"p{number % 4}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(person_like(64 + number, 40)))
        lines.append(f"images/p{number % 4}/{number}.png {number % 4} {number % 3}\n")
    (root / "list").mkdir()
    for name in ("train", "query", "gallery"):
        (root / "list" / f"{name}.txt").write_text("".join(lines))
    return root


@pytest.mark.parametrize(
    "words",
    [
        ["index", "{root}/images", "--out", "{out}/index", "--whole"],
        ["embed", "{root}/images", "--out", "{out}/all.npz", "--whole"],
        ["evaluate", "{root}", "--no-cache", "--plot", "{out}/cmc.png"],
        ["annotate", "{root}", "--preview", "{out}/sheet.png"],
        ["search", "{root}/images/p0/0.png", "--gallery", "{root}/images", "--whole"],
    ],
    ids=lambda words: words[0],
)
@pytest.mark.slow
def test_a_stopped_command_reports_it_in_one_line(dataset, tmp_path, words):
    before = {path for path in dataset.rglob("*")}
    words = [word.format(root=dataset, out=tmp_path) for word in words]
    done = subprocess.run([sys.executable, "-c", CODE, *words], capture_output=True, text=True, timeout=900)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped\n")
    left = [path.name for path in tmp_path.iterdir()]
    kept = r"\.all\.npz\.[0-9a-f]+\.parts"  # what `embed` continues from
    assert [name for name in left if words[0] != "embed" or not re.fullmatch(kept, name)] == []
    assert {path for path in dataset.rglob("*")} == before


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.slow
def test_synthesize_says_how_to_continue(tmp_path, workers):
    """The signal goes to all processes, as a terminal sends it."""
    out = tmp_path / "set"
    words = (
        "--people 40 --seed 7 --samples 1 --outfits 2 2 --pictures-per-outfit 3 --cameras 4 --wardrobe none"
    )
    log = tmp_path / "log"
    with log.open("wb") as file:
        running = subprocess.Popen(
            [sys.executable, "-m", "train", "synthesize", "--out", str(out), *words.split(), "--workers", workers],
            stdout=file, stderr=file, cwd=REPOSITORY, start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        try:
            while b"1/40" not in log.read_bytes() and running.poll() is None:
                try:
                    running.wait(0.05)
                except subprocess.TimeoutExpired:
                    continue
            assert running.poll() is None, log.read_text()
            os.killpg(running.pid, signal.SIGINT)
            assert running.wait(600) == 130
        finally:
            running.kill()
    text = log.read_text()
    assert "Traceback" not in text
    assert text.splitlines()[-1].endswith(f" of 40 people are in {out}; the same command generates the rest.")
    assert text.splitlines()[-1].startswith("stopped: ")
