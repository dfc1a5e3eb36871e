"""Names that are in no encoding, and consoles that show few letters: words are printed, and JSON stays JSON."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY
from tests.pictures import encoded, person_like

GBK = b"\xc0\xee\xcb\xc4"  # a name as unzip leaves those of a Chinese zip
NAMES = (GBK, "Zoë".encode(), "李四".encode(), "😀".encode())


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(NAMES):
        path = os.path.join(os.fsencode(tmp_path), b"people", name, b"1.png")
        os.makedirs(os.path.dirname(path))
        with open(path, "wb") as file:
            file.write(encoded(person_like(128 + number)))
    return tmp_path / "people"


def run(*words, encoding):
    environment = os.environ | {"PYTHONIOENCODING": f"{encoding}:strict", "THREEDSL_CACHE": "/nonexistent"}
    command = [sys.executable, "-m", "threedsl", *words]
    return subprocess.run(command, capture_output=True, env=environment, timeout=900)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
@pytest.mark.slow
def test_every_name_can_be_printed(folder, encoding):
    photo = os.fsdecode(os.path.join(os.fsencode(folder), GBK, b"1.png"))
    done = run("search", photo, "--gallery", str(folder), "--whole", encoding=encoding)
    assert (done.returncode, done.stderr) == (0, b"") and rb"\udcc0\udcee" in done.stdout
    done = run("search", photo, "--gallery", str(folder), "--whole", "--json", encoding=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    answer = json.loads(done.stdout.decode(encoding))
    assert answer["query"] == photo and os.path.isfile(answer["query"])
    assert {os.fsencode(match["person"]) for match in answer["matches"]} == set(NAMES)


@pytest.mark.slow
def test_a_sentence_about_such_a_name_is_one_line(folder):
    done = run("index", str(folder / os.fsdecode(GBK) / "none.jpg"), "--out", "x", encoding="utf-8")
    assert done.returncode == 2 and done.stderr.count(b"\n") == 1 and rb"\udcc0" in done.stderr


def test_a_name_commands_no_terminal(tmp_path):
    """Names that would clear it, change its title or turn the text around, in an answer and in an error."""
    program = (
        "import sys; from threedsl.console import show_every_name\n"
        "show_every_name(); show_every_name()\n"
        r"print('a\x1b[2J\x1b]0;title\x07b\u202ec', 'd\te', file=sys.stdout)"
        "\n"
        r"print('error: \x9b31m\x7f', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=900, cwd=REPOSITORY)
    assert done.stdout == b"a\\x1b[2J\\x1b]0;title\\x07b\\u202ec d\te\n"
    assert done.stderr == b"error: \\x9b31m\\x7f\n"
