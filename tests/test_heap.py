"""What many short-lived threads took does not stay with each of them, and a training's freed arrays are used again."""

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks the GNU C library")

THREADS = """
import ctypes, os, sys, tempfile, threading
from pathlib import Path
from threedsl.heap import share_arenas

print(share_arenas())
together = threading.Barrier(16)

def work():
    kept = [bytearray(1000) for _ in range(1000)]
    together.wait()

threads = [threading.Thread(target=work) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

libc = ctypes.CDLL("libc.so.6")
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
print(Path(sys.argv[1]).read_text().count("<heap "))
"""


@pytest.mark.parametrize(("variable", "done"), [(None, "True"), ("8", "False")])
def test_threads_share_arenas(tmp_path, monkeypatch, variable, done):
    """malloc_info lists the arenas; with the user's own MALLOC_ARENA_MAX nothing is set."""
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    if variable:
        monkeypatch.setenv("MALLOC_ARENA_MAX", variable)
    command = [sys.executable, "-c", THREADS, str(tmp_path / "info.xml")]
    said, arenas = subprocess.check_output(command, cwd=REPOSITORY, text=True).split()
    assert said == done and (int(arenas) <= 2) == (variable is None)


FAULTS = """
import resource, sys
import numpy as np
from threedsl.heap import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()

def clear_again():
    for _ in range(20):
        np.empty(1 << 25, np.uint8).fill(1)

clear_again()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
clear_again()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.parametrize(("kept", "fewest", "most"), [("keep", 0, 100), ("as it is", 300, 10**6)])
def test_freed_arrays_are_used_again(kept, fewest, most):
    """Twenty arrays of 32 MiB: each has 8,192 pages of 4 KiB, or 16 of 2 MiB where the system takes huge ones."""
    faults = subprocess.check_output([sys.executable, "-c", FAULTS, kept], cwd=REPOSITORY, text=True)
    assert fewest <= int(faults) <= most
