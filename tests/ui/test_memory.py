"""What many short-lived threads took does not stay with each of them."""

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

THREADS = """
import ctypes, os, sys, tempfile, threading
from pathlib import Path
from threedsl.ui.memory import share_arenas

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


@pytest.mark.skipif(sys.platform != "linux", reason="asks the GNU C library how many arenas it has")
@pytest.mark.parametrize(("variable", "told"), [(None, "True"), ("8", "False")])
def test_threads_share_arenas(tmp_path, monkeypatch, variable, told):
    """malloc_info lists the arenas; with the user's own MALLOC_ARENA_MAX nothing is set."""
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    if variable:
        monkeypatch.setenv("MALLOC_ARENA_MAX", variable)
    command = [sys.executable, "-c", THREADS, str(tmp_path / "info.xml")]
    said, arenas = subprocess.check_output(command, cwd=REPOSITORY, text=True).split()
    assert said == told and (int(arenas) <= 2) == (variable is None)
