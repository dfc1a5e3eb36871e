"""Gradio's stubs are left alone, and the page looks for garbage once it runs."""

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

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
