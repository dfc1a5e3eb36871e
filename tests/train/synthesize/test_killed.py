"""A run that is killed leaves no process behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.train.synthetic import SMALL, words

pytestmark = pytest.mark.slow


def children(pid):
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):  # it ended meanwhile
            continue
        if parent == pid:
            found.append(int(status.parent.name))
    return found


def is_worker(pid):
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it ended
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="/proc names the processes")
def test_the_workers_of_a_killed_run_end(tmp_path):
    options = SMALL | {"--people": "400", "--workers": "2"}
    with subprocess.Popen(
        [sys.executable, "-m", "train", *words(tmp_path / "set", options)], stderr=subprocess.DEVNULL
    ) as run:
        deadline = time.monotonic() + 900
        while not list((tmp_path / "set").glob("people/*.npz")):
            assert run.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
        workers = [pid for pid in children(run.pid) if is_worker(pid)]
        assert len(workers) == 2
        os.kill(run.pid, signal.SIGKILL)
    deadline = time.monotonic() + 120
    while any(map(is_worker, workers)):
        assert time.monotonic() < deadline, "the workers go on"
        time.sleep(0.2)
