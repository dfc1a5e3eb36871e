"""`evaluate` on wrong wishes, lists, models and devices."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.datasets import trees
from tests.evaluation.outputs import edited, objects
from threedsl.cli import main


@pytest.mark.parametrize(
    ("dataset", "words", "sentence"),
    [
        (
            "market1501",
            ["--protocol", "market"],
            "protocol 'market' is unknown; it is all or one of standard, nothing-removed.",
        ),
        ("market1501", ["--protocol", "standart"], "did you mean standard? It is all or one of standard,"),
        ("prcc", ["--protocol", "standard,cross-clothes"], "did you mean prcc/cross-clothes? It is all or"),
        ("market1501", ["--protocol", ","], "--protocol names no protocol"),
        (
            "market1501",
            ["--plot", "a.png", "--pictures", "./a.png"],
            "would both write a.png; give two names.",
        ),
        (
            "ltcc",
            ["--plot", "a-standard.png", "--pictures", "a.png"],
            "would both write a-standard.png; give two names.",
        ),
        ("market1501", ["--protocol", "vcclothes/all"], "was prepared as market1501; use standard."),
        ("prcc", ["--protocol", "ltcc/standard"], "protocol 'ltcc/standard' is unknown"),
        ("market1501", ["--protocol", "cloth-changing"], "has no clothes for 10 of 10 pictures"),
        ("market1501", ["--protocol", "same-clothes"], "add the fourth column or use standard."),
        ("market1501", ["--plot", "cmc.gif"], "cmc.gif must end in .png or .jpg or .jpeg"),
    ],
)
def test_wrong_wishes_are_one_sentence(prepared, evaluate, dataset, words, sentence):
    code, out, err = evaluate(prepared(dataset)[1], *words)
    assert (code, out) == (2, "") and sentence in err
    assert err.startswith("error: ") and err.count("\n") == 1 and evaluate.model.described == []


@pytest.mark.parametrize(
    ("dataset", "name", "change", "words", "sentence"),
    [
        ("market1501", "query", None, [], "has no list/query.txt; `python -m threedsl prepare` writes it"),
        ("ltcc", "gallery", None, ["--protocol", "standard"], "has no list/gallery.txt"),
        ("prcc", "query_same", None, ["--protocol", "prcc/same-clothes"], "has no list/query_same.txt"),
        ("fgpr", "query_blue", None, ["--protocol", "fgpr/blue"], "has no list/query_blue.txt"),
        (
            "vcclothes",
            "query",
            lambda line: " ".join([*line.split()[:2], "9", "1"]),
            ["--protocol", "vcclothes/same-clothes"],
            "has no picture from camera 2 or 3, which 'vcclothes/same-clothes' ranks; its cameras are 9.",
        ),
        (
            "market1501",
            "query",
            lambda line: f"{line.split()[0]} nobody{line.split()[1]} 1",
            [],
            "is among the 5 in its gallery",
        ),
        (
            "market1501",
            "gallery",
            lambda line: " ".join([*line.split()[:2], "-"]),
            [],
            "list/gallery.txt has no camera for",
        ),
        (
            "ltcc",
            "query",
            lambda line: " ".join([*line.split()[:3], "-"]),
            ["--protocol", "cloth-changing"],
            "list/query.txt has no clothes for 18 of 18 pictures",
        ),
        ("market1501", "query", lambda line: "nowhere/" + line.split("/")[-1], [], "does not exist"),
    ],
)
def test_wrong_lists_are_one_sentence(prepared, evaluate, tmp_path, dataset, name, change, words, sentence):
    folder = edited(prepared(dataset)[1], tmp_path, name, change)
    code, out, err = evaluate(folder, *words)
    assert (code, out) == (2, "") and sentence in err
    assert err.startswith("error: ") and err.count("\n") == 1 and evaluate.model.described == []


def test_one_camera_for_everything_points_to_nothing_removed(prepared, evaluate, tmp_path):
    def one_camera(line):
        return " ".join([*line.split()[:2], "0"])

    folder = edited(prepared("market1501")[1], tmp_path, "query", one_camera)
    gallery = folder / "list" / "gallery.txt"
    gallery.write_text("".join(f"{one_camera(line)}\n" for line in gallery.read_text().splitlines()))
    code, _, err = evaluate(folder, "--protocol", "standard")
    assert code == 2 and "is from camera 0" in err and "use nothing-removed" in err
    (folder / "list" / "prepared.json").unlink()
    code, out, _ = evaluate(folder, "--json", "--stream", "shape")
    assert code == 0 and [row["protocol"] for row in objects(out)] == ["nothing-removed"]


def test_all_leaves_out_what_the_lists_cannot_do(prepared, evaluate, tmp_path):
    folder = edited(prepared("fgpr")[1], tmp_path, "gallery_white", None)
    code, out, err = evaluate(folder, "--json", "--stream", "shape")
    assert code == 0 and [row["protocol"] for row in objects(out)] == ["fgpr/all", "fgpr/blue"]
    assert err.startswith(f"{folder}: fgpr/white is left out: ") and err.count("\n") == 1


def test_unlabelled_lists_get_what_their_labels_allow(prepared, evaluate, tmp_path):
    folder = edited(prepared("ltcc")[1], tmp_path, "train", None)
    (folder / "list" / "prepared.json").unlink()
    code, out, _ = evaluate(folder, "--json", "--stream", "shape")
    assert code == 0
    assert [row["protocol"] for row in objects(out)] == ["standard", "cloth-changing", "same-clothes"]


@pytest.mark.slow
def test_a_damaged_picture_is_named(prepared, monkeypatch, capsys, tmp_path, shipped_checkpoint):
    root = trees.build_market1501(tmp_path)
    main(["prepare", "market1501", str(root), "--out", str(tmp_path / "out")])
    damaged = next((root / "query").glob("0*.jpg"))
    damaged.write_bytes(damaged.read_bytes()[:200])
    monkeypatch.setenv("THREEDSL_CACHE", str(tmp_path / "cache"))
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "out"), "--device", "cpu"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and damaged.name in captured.err and captured.err.count("\n") == 1


def test_a_missing_checkpoint(prepared, capsys):
    capsys.readouterr()
    assert main(["evaluate", str(prepared("market1501")[1]), "--checkpoint", "no/such/place"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("error: ") and captured.err.count("\n") == 1


def test_a_negative_seed_is_wrong_usage(prepared, evaluate, capsys):
    _, folder = prepared("folder")
    with pytest.raises(SystemExit) as stopped:
        evaluate(folder, "--seed", "-1")
    assert stopped.value.code == 2
    assert "argument --seed: '-1' is not a whole number of 0 or more" in capsys.readouterr().err


def test_a_cache_that_cannot_be_written_is_reported(prepared, evaluate, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("THREEDSL_CACHE", str(tmp_path / "file"))
    code, out, err = evaluate(prepared("market1501")[1], "--json")
    assert code == 0 and len(objects(out)) == 3
    assert (
        err.startswith("descriptors are not kept: ") and "(Not a directory)" in err and err.count("\n") == 1
    )


def test_missing_folders_are_reported(prepared, evaluate, tmp_path):
    _, folder = prepared("market1501")
    for place, sentence in (
        (tmp_path / "nowhere.json", "nowhere.json does not exist; give a dataset folder"),
        (folder / "list", f"is not a dataset folder; give {folder}."),
        (folder / "list" / "query.txt", f"is not a dataset folder; give {folder}."),
    ):
        code, out, err = evaluate(place)
        assert (code, out, err.count("\n")) == (2, "", 1) and sentence in err


def test_wrong_models_are_reported_before_torch_is_imported(prepared):
    folder = prepared("market1501")[1]
    code = (
        "import sys\nfrom threedsl.cli import main\n"
        f"code = main(['evaluate', {str(folder)!r}, '--checkpoint', 'no/such/place'])\n"
        "sys.exit(9 if 'torch' in sys.modules else code)"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert done.returncode == 2 and "no/such/place does not exist" in done.stderr
    assert "or 3dsl-lite, the shipped one" in done.stderr


def test_a_device_that_does_not_exist(prepared, evaluate, capsys):
    with pytest.raises(SystemExit) as stopped:
        evaluate("anywhere", "--device", "tpu")
    assert stopped.value.code == 2
    assert "argument --device: 'tpu' is not auto, cpu, cuda or cuda:N" in capsys.readouterr().err


def test_expansion_by_the_whole_gallery_is_refused(prepared, evaluate):
    _, folder = prepared("ltcc")
    words = [folder, "--protocol", "standard", "--stream", "shape", "--expand"]
    assert evaluate(*words, 35)[0] == 0
    evaluate.model.described.clear()
    code, out, err = evaluate(*words, 36, "--no-cache")
    assert (code, out) == (2, "") and evaluate.model.described == []
    assert (
        "--expand 36 averages the whole gallery" in err
        and "ranks 36 under 'standard'; give 35 or less." in err
    )
