"""What many short-lived threads took does not stay with each of them, Gradio's stubs are left alone, and the page looks
for garbage once it runs."""

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

THREADS = """
import ctypes, os, sys, tempfile, threading
from pathlib import Path
from threedsl.ui.before_import import share_arenas

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


GARBAGE = """
import gc, weakref
from threedsl.ui.before_import import pause_collection, resume_collection

class Circle:
    def __init__(self):
        self.own = self

pause_collection()
paused = gc.isenabled()
resume_collection()
circles = [weakref.ref(Circle()) for _ in range(100_000)]
print(paused, gc.isenabled(), gc.get_freeze_count() > 1000, sum(one() is None for one in circles) > 50_000)
"""


def test_garbage_is_collected_again_after_the_start():
    said = subprocess.check_output([sys.executable, "-c", GARBAGE], cwd=REPOSITORY, text=True)
    assert said.split() == ["False", "True", "True", "True"]


STUBS = """
import ast, inspect, sys
from threedsl.ui.before_import import import_gradio

parse, asked, tell = ast.parse, [], inspect.getfile

def counting(*args, **options):
    asked.append(sys._getframe(1).f_globals["__name__"])
    return parse(*args, **options)

ast.parse = counting
if sys.argv[1] == "ours":
    import_gradio()
import gradio

assert inspect.getfile is tell and inspect.getfile(gradio.Textbox).endswith("textbox.py")
print(asked.count("gradio.component_meta") > 0)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("way", "looked"), [("ours", "False"), ("Gradio's", "True")])
def test_gradio_is_imported_without_a_look_at_its_stubs(way, looked):
    assert (
        subprocess.check_output([sys.executable, "-c", STUBS, way], cwd=REPOSITORY, text=True).strip()
        == looked
    )
