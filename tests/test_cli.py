"""The command line, in this process through main() and once as people run it."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh
from PIL import Image

from tests.models import random_checkpoint
from threedsl.cli import main
from threedsl.data.images import load_image
from threedsl.data.listfile import Record, write_list
from threedsl.demo import openpeople_folder
from threedsl.gallery import Gallery
from threedsl.pipeline import ThreeDSL

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with checkpoint/, people/{anna,bea}/*.png (crops of coloured noise) and list.txt."""
    folder = tmp_path_factory.mktemp("world")
    random_checkpoint(folder / "checkpoint")
    rng = np.random.default_rng(0)
    records = []
    for person in ("anna", "bea"):
        (folder / "people" / person).mkdir(parents=True)
        for number in range(3):
            noise = rng.integers(0, 255, (8, 4, 3), dtype=np.uint8)
            path = folder / "people" / person / f"{number}.png"
            Image.fromarray(cv2.resize(noise, (64, 128))).save(path)
            records.append(Record(path, person, str(number), "coat"))
    write_list(records, folder / "list.txt", folder)
    return folder


@pytest.fixture(scope="module")
def outdoor():
    return openpeople_folder() / "P004" / "assets" / "amateur_posture.jpg"


@pytest.fixture
def run(world, capsys, monkeypatch, tmp_path):
    """Run a command with the world's checkpoint from an empty working folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def command(*words) -> tuple[int, str, str]:
        code = main([*map(str, words), "--checkpoint", str(world / "checkpoint"), "--device", "cpu"])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


@pytest.mark.parametrize("stream", ["appearance", "shape", "combined"])
def test_search_finds_a_picture_of_the_gallery_itself(run, world, stream):
    query = world / "people" / "bea" / "1.png"
    code, out, err = run(
        "search", query, "--gallery", world / "people", "--stream", stream, "--top", 4, "--json"
    )
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert answer["query"] == str(query) and answer["stream"] == stream
    assert [match["rank"] for match in answer["matches"]] == [1, 2, 3, 4]
    first = answer["matches"][0]
    assert (
        first["path"] == str(query)
        and first["person"] == "bea"
        and first["score"] == pytest.approx(1, abs=1e-4)
    )
    scores = [match["score"] for match in answer["matches"]]
    assert scores == sorted(scores, reverse=True)
    assert answer["box"] == [0, 0, 64, 128]


def test_search_in_words_and_several_queries(run, world):
    queries = [world / "people" / "anna" / f"{number}.png" for number in (0, 2)]
    code, out, _ = run("search", *queries, "--gallery", world / "list.txt")
    assert code == 0
    assert out.count("by combined") == 2 and out.count("+1.000  anna") == 2 and out.count("\n") == 2 * (1 + 6)
    code, out, _ = run("search", *queries, "--gallery", world / "list.txt", "--json")
    assert [json.loads(line)["query"] for line in out.splitlines()] == [str(query) for query in queries]


def test_search_cuts_the_person_out_of_a_photo(run, world, outdoor):
    code, out, _ = run("search", outdoor, "--gallery", world / "people", "--json")
    answer = json.loads(out)
    x0, y0, x1, y1 = answer["box"]
    assert code == 0 and answer["people"] == 1
    assert 0 < x0 < 450 and 0 < y0 < 420 and x1 > 1000 and y1 > 1900  # P004 stands right of the middle
    code, out, _ = run("search", outdoor, "--gallery", world / "people", "--json", "--whole")
    assert json.loads(out)["box"] == [0, 0, 1342, 2000]


def test_search_in_the_demo_people(run, outdoor, monkeypatch, tmp_path):
    monkeypatch.setenv("THREEDSL_CACHE", str(tmp_path / "cache"))
    code, out, _ = run("search", outdoor, "--gallery", "openpeople", "--top", 50, "--json")
    matches = json.loads(out)["matches"]
    assert code == 0 and len(matches) == 50
    assert sum(match["person"] == "P004" for match in matches) == 5


@pytest.mark.parametrize("source", ["people", "list.txt"])
@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_an_index_answers_like_its_pictures(run, world, tmp_path, source, kind):
    code, out, _ = run("index", world / source, "--out", tmp_path / "index", "--kind", kind)
    assert (code, out) == (0, f"6 pictures indexed in {tmp_path / 'index'}\n")
    query = world / "people" / "anna" / "1.png"
    answers = [
        json.loads(run("search", query, "--gallery", gallery, "--json", "--top", 6)[1])["matches"]
        for gallery in (world / source, tmp_path / "index")
    ]
    assert answers[0] == answers[1]


def test_a_saved_index_keeps_its_kind_unless_another_is_asked_for(run, world, tmp_path):
    run("index", world / "people", "--out", tmp_path / "first", "--kind", "hnsw")
    kinds = {}
    for words in ([], ["--kind", "flat"], ["--kind", "hnsw"]):
        code, _, _ = run("index", tmp_path / "first", "--out", tmp_path / "second", *words)
        assert code == 0
        kinds[" ".join(words)] = Gallery.load(tmp_path / "second").kind
    assert kinds == {"": "hnsw", "--kind flat": "flat", "--kind hnsw": "hnsw"}
    first, second = Gallery.load(tmp_path / "first"), Gallery.load(tmp_path / "second")
    assert np.array_equal(first.shape, second.shape) and first.records == second.records


def test_embed_writes_what_the_model_says(run, world, tmp_path):
    code, out, _ = run("embed", world / "list.txt", "--out", tmp_path / "deep" / "d.npz", "--json")
    assert code == 0 and json.loads(out) == {
        "out": str(tmp_path / "deep" / "d.npz"),
        "pictures": 6,
        "skipped": [],
    }
    model = ThreeDSL.from_pretrained(world / "checkpoint", device="cpu")
    with np.load(tmp_path / "deep" / "d.npz", allow_pickle=False) as file:
        expected = model([str(path) for path in file["path"]], bodies=False)
        for name in ("appearance", "shape", "combined"):
            assert np.allclose(file[name], getattr(expected, name), atol=1e-4)
        assert file["pid"].tolist() == ["anna"] * 3 + ["bea"] * 3
        assert file["camid"].tolist() == ["0", "1", "2"] * 2 and set(file["clothes"]) == {"coat"}
        assert str(file["fingerprint"]) == model.fingerprint
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["d.npz"]


def test_reconstruct_writes_a_body_and_its_overlay(run, outdoor, tmp_path):
    out, overlay = tmp_path / "deep" / "body.glb", tmp_path / "overlay.png"
    code, printed, err = run("reconstruct", outdoor, "--out", out, "--overlay", overlay, "--json")
    assert (code, err) == (0, "")
    answer = json.loads(printed)
    assert answer["glb"] == str(out) and len(answer["betas"]) == 10
    assert set(answer["camera"]) == {"s", "tx", "ty"} and 0.3 <= answer["camera"]["s"] <= 3
    assert all(0 < value < 3 for value in answer["measures"].values()) and answer["measures"]
    body = trimesh.load(out, force="mesh")
    assert body.bounds[0][1] == pytest.approx(0, abs=1e-4) and 1.3 < body.extents[1] < 2.2
    x0, y0, x1, y1 = answer["box"]
    drawn, photo = load_image(overlay), load_image(outdoor)[y0:y1, x0:x1]
    changed = np.abs(drawn.astype(int) - cv2.resize(photo, drawn.shape[1::-1])).max(2) > 40
    assert drawn.shape[0] / drawn.shape[1] == pytest.approx((y1 - y0) / (x1 - x0), rel=0.01)
    assert 0.01 < changed.mean() < 0.9


def test_reconstruct_in_words(run, world, tmp_path):
    code, out, _ = run("reconstruct", world / "people" / "anna" / "0.png", "--out", tmp_path / "body.glb")
    assert code == 0 and "body in" in out and "shoulder width" in out


def test_damaged_gallery_pictures_are_left_out_and_told(run, world, tmp_path):
    (tmp_path / "gallery").mkdir()
    (tmp_path / "gallery" / "good.png").write_bytes((world / "people" / "anna" / "0.png").read_bytes())
    (tmp_path / "gallery" / "bad.png").write_bytes(b"no picture")
    code, out, err = run("index", tmp_path / "gallery", "--out", tmp_path / "index", "--json")
    assert code == 0 and "bad.png" in err and err.count("\n") == 1
    answer = json.loads(out)
    assert answer["pictures"] == 1 and len(answer["skipped"]) == 1


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
        (["index", "people", "--out", "people"], "people exists and is no saved index"),
        (["index", "people", "--out", "list.txt"], "list.txt exists and is no saved index"),
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


def test_every_command_on_photos_of_the_demo_people(run, tmp_path):
    """Three outdoor photos as they come: described, found again, written out, and one of them as a body."""
    for pid in ("P001", "P004", "P007"):
        photo = openpeople_folder() / pid / "assets" / "amateur_posture.jpg"
        (tmp_path / "people" / pid).mkdir(parents=True)
        (tmp_path / "people" / pid / "outdoor.jpg").write_bytes(photo.read_bytes())
    query = tmp_path / "people" / "P004" / "outdoor.jpg"
    assert run("index", tmp_path / "people", "--out", tmp_path / "people.index")[0] == 0
    assert all(box is not None for box in Gallery.load(tmp_path / "people.index").boxes), "people are cut out"
    code, out, _ = run("search", query, "--gallery", tmp_path / "people.index", "--json")
    matches = json.loads(out)["matches"]
    assert code == 0 and [match["rank"] for match in matches] == [1, 2, 3]
    assert matches[0]["person"] == "P004" and matches[0]["score"] == pytest.approx(1, abs=1e-4)
    assert matches[1]["score"] < 0.99, "two people do not look the same"

    assert run("embed", tmp_path / "people", "--out", tmp_path / "people.npz")[0] == 0
    with np.load(tmp_path / "people.npz", allow_pickle=False) as file:
        assert file["pid"].tolist() == ["P001", "P004", "P007"]
        scores = file["combined"] @ file["combined"][1]
    assert sorted(scores.tolist(), reverse=True) == pytest.approx([m["score"] for m in matches], abs=1e-4)

    assert run("reconstruct", query, "--out", tmp_path / "body.glb")[0] == 0
    check_body(tmp_path / "body.glb")


def check_body(path):
    """One watertight upright person of believable size, as trimesh reads it."""
    body = trimesh.load(path, force="mesh")
    assert body.is_watertight and body.body_count == 1
    assert 0.03 < body.volume < 0.2, "cubic metres, faces outwards"
    assert 1.3 < body.extents[1] < 2.2 and body.extents.argmax() == 1, "Y up"
    assert body.bounds[0][1] == pytest.approx(0, abs=1e-4), "feet on the ground"
    head = body.vertices[body.vertices[:, 1] > 0.95 * body.extents[1]]
    assert np.ptp(head[:, 0]) < 0.4, "the head is up"


@pytest.mark.parametrize("pid", ["P001", "P004", "P008"])
def test_the_shipped_model_makes_a_person_of_a_photo(shipped_checkpoint, pid, tmp_path):
    photo = openpeople_folder() / pid / "assets" / "amateur_posture.jpg"
    words = ["reconstruct", photo, "--out", tmp_path / "body.glb", "--checkpoint", shipped_checkpoint]
    assert main([str(word) for word in words]) == 0
    check_body(tmp_path / "body.glb")


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
    done = subprocess.run(["bash", "-c", command, code], capture_output=True, text=True, timeout=120)
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
