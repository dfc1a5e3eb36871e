"""The command line where something is wrong, and as people run it: exit codes, one sentence, nothing lost."""

import json
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY
from tests.models import random_checkpoint
from threedsl.cli import main


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["index", "people", "--out", "{tmp}", "--kind", "ivfpq"],  # too few pictures
        ["index", "{tmp}", "--out", "x"],  # an empty folder
        ["index", "nowhere", "--out", "x"],
        ["search", "photo.jpg", "--gallery", "people"],
        ["search", "people/anna/0.png", "--gallery", "no-such-gallery"],
        ["embed", "people", "--out", "{tmp}"],  # a folder
        ["embed", "people", "--out", "people/anna/0.png/x.npz"],
        ["reconstruct", "people/anna/0.png", "--out", "{tmp}/b.glb", "--overlay", "{tmp}/overlay.nothing"],
        ["index", "people", "--out", "people"],  # would overwrite pictures
    ],
)
def test_wrong_input_is_one_sentence_and_two(run, world, tmp_path, monkeypatch, words):
    (tmp_path / "empty").mkdir()
    run_here = [word.replace("{tmp}", str(tmp_path / "empty")) for word in words]
    monkeypatch.chdir(world)
    code, out, err = run(*run_here)
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and err.count("\n") == 1 and len(err) > 20


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["index", "people", "--out", "people"], "people exists and is not a saved index"),
        (["index", "people", "--out", "list.txt"], "list.txt exists and is not a saved index"),
        (["index", "people", "--out", "/proc/index"], "/proc/index cannot be written"),
        (["index", "people", "--out", "list.txt/index"], "list.txt/index cannot be written"),
        (["embed", "people", "--out", "people"], "people is a folder"),
        (["embed", "people", "--out", "/proc/e.npz"], "/proc/e.npz cannot be written"),
        (["reconstruct", "people/anna/0.png", "--out", "/proc/b.glb"], "/proc/b.glb cannot be written"),
        (
            ["reconstruct", "people/anna/0.png", "--out", "b.glb", "--overlay", "o.tiff"],
            "o.tiff must end in .png or .jpg or .jpeg",
        ),
        (["reconstruct", "people/anna/0.png", "--out", "b.glb", "--overlay", "o"], "o must end in .png"),
    ],
)
def test_where_the_result_goes_is_checked_before_any_work(run, world, monkeypatch, words, sentence):
    for command in ("index", "embed", "reconstruct"):
        monkeypatch.setattr(f"threedsl.cli.{command}.load_model", lambda args: pytest.fail("the work began"))
    monkeypatch.chdir(world)
    before = sorted(world.rglob("*"))
    code, out, err = run(*words)
    assert (code, out) == (2, "") and err.startswith(f"error: {sentence}") and err.count("\n") == 1
    assert sorted(world.rglob("*")) == before


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["fly"],
        ["search", "a.jpg"],
        ["search", "a.jpg", "--gallery", "g", "--top", "0"],
        ["search", "a.jpg", "--gallery", "g", "--top", "ten"],
        ["search", "a.jpg", "--gallery", "g", "--stream", "face"],
        ["index", "a", "--out", "b", "--kind", "tree"],
    ],
)
def test_wrong_usage_is_one_sentence_and_two(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    captured = capsys.readouterr()
    assert stop.value.code == 2 and captured.out == ""
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    printed = capsys.readouterr().out
    assert all(command in printed for command in ("search", "embed", "reconstruct", "index"))


@pytest.mark.slow
def test_other_indices_are_refused(run, world, tmp_path):
    run("index", world / "people", "--out", tmp_path / "index")
    other = random_checkpoint(tmp_path / "other", seed=1)
    code = main(
        [
            "search",
            str(world / "people/anna/0.png"),
            "--gallery",
            str(tmp_path / "index"),
            "--checkpoint",
            str(other),
        ]
    )
    assert code == 2


@pytest.mark.slow
def test_as_people_run_it(world, tmp_path):
    """A subprocess in another folder: results on stdout, sentences on stderr, exit codes."""

    def shell(*words):
        command = [
            sys.executable,
            "-m",
            "threedsl",
            *map(str, words),
            "--checkpoint",
            str(world / "checkpoint"),
        ]
        environment = {"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)

    done = shell("search", world / "people/anna/0.png", "--gallery", world / "people", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["matches"][0]["person"] == "anna", done.stderr
    assert done.stderr == ""
    wrong = shell("search", "nothing.jpg", "--gallery", world / "people")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "error: nothing.jpg does not exist; check the path.\n"


def test_a_defect_is_exit_code_one(world, tmp_path):
    """Anything that is not the input's fault keeps its traceback and leaves with 1."""
    code = (
        "import threedsl.cli.search as search; search.read_query = lambda *arguments: 1 / 0; "
        "from threedsl.cli import main; main(['search', 'a', '--gallery', 'b'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 1 and "ZeroDivisionError" in done.stderr


def test_a_closed_pipe_is_no_error():
    """`… | head -1` closes the pipe after the first line."""
    code = (
        "import sys\nfrom threedsl.cli import index, main\n"
        "index.run = lambda args: [print('x' * 1000) for _ in range(10_000)]\n"
        "sys.exit(main(['index', 'a', '--out', 'b']))"
    )
    command = f'{sys.executable} -c "$0" | head -1 >/dev/null; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", command, code], capture_output=True, text=True, timeout=900)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_full_disk_behind_the_output_is_one_sentence():
    code = (
        "import sys\nfrom threedsl.cli import index, main\n"
        "index.run = lambda args: print('x')\n"
        "sys.exit(main(['index', 'a', '--out', 'b']))"
    )
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY
        )
    assert done.returncode == 2
    assert done.stderr == "error: the output cannot be written (No space left on device)\n"
