"""The paper's figures next to ours, tables over several seeds, and LaTeX."""

import json
import re
import shutil
import statistics

import pytest

from benchmarks.results.records import read_records
from benchmarks.results.tables import comparison
from tests.conftest import REPOSITORY
from tests.evaluation.outputs import objects
from threedsl.cli import main
from threedsl.evaluation.tables.latex import _comment, escaped
from threedsl.evaluation.tables.published import PUBLISHED, find_published

PAPER = "Learning 3D Shape Feature"


@pytest.fixture
def whole(prepared, tmp_path):
    """A prepared dataset whose sizes are said to be the published ones."""

    def copy(dataset):
        folder = tmp_path / f"whole-{dataset}"
        shutil.copytree(prepared(dataset)[1], folder)
        path = folder / "list" / "prepared.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"differences": []}))
        return folder

    return copy


def printed(dataset, protocol):
    """The paper's figures of one row in docs/method.md, section 4: {metric: (3DSL, baseline)}."""
    names = {
        "prcc": "PRCC", "ltcc": "LTCC", "vcclothes": "VC-Clothes", "market1501": "Market-1501",
        "dukemtmc": "DukeMTMC-reID", "fgpr": f"FGPR, {protocol.partition('/')[2]}",
    }  # fmt: skip
    text = (REPOSITORY / "docs" / "method.md").read_text(encoding="utf-8")
    (row,) = re.findall(
        rf"^\| {names[dataset]}[^|]*\|([^|]+)\|([^|]+)\| \*\*([^|]+)\*\* \|", text, re.MULTILINE
    )
    metrics = [name.strip().replace("R", "rank-") for name in row[0].split(" / ")]
    pairs = zip(row[2].split(" / "), row[1].split(" / "), strict=True)
    return {name: tuple(map(float, pair)) for name, pair in zip(metrics, pairs, strict=True)}


@pytest.mark.parametrize(("dataset", "protocol"), PUBLISHED)
def test_the_papers_figures_are_those_of_the_document(dataset, protocol):
    found = PUBLISHED[dataset, protocol]
    assert found.ours.keys() == found.baseline.keys()
    shown = {name: (100 * found.ours[name], 100 * found.baseline[name]) for name in found.ours}
    expected = printed(dataset, protocol)
    assert shown.keys() == expected.keys()
    for name, pair in shown.items():
        assert pair == pytest.approx(expected[name])


@pytest.mark.parametrize("dataset", ["market1501", "ltcc", "vcclothes"])
def test_the_papers_figures_stand_below_ours_under_its_protocol(whole, evaluate, dataset):
    code, out, _ = evaluate(whole(dataset))
    assert code == 0
    blocks = {block.split(":")[0]: block for block in out.split("\n\n") if "chance " in block}
    with_paper = {name for name, block in blocks.items() if "3DSL, paper" in block}
    assert with_paper == {protocol for name, protocol in PUBLISHED if name == dataset}
    (protocol,) = with_paper
    paper = PUBLISHED[dataset, protocol]
    line = next(line for line in blocks[protocol].splitlines() if line.startswith("3DSL, paper"))
    cells = dict(
        zip(("rank-1", "rank-5", "rank-10", "rank-20", "mAP", "mINP"), line.split()[2:], strict=True)
    )
    assert cells == {name: f"{100 * paper.ours[name]:.1f}" if name in paper.ours else "-" for name in cells}
    words = " ".join(out.split())
    assert PAPER in words and paper.note in words


def test_json_has_the_papers_figures(whole, evaluate):
    rows = objects(evaluate(whole("market1501"), "--json")[1])
    for row in rows:
        assert (
            row["paper"]["3DSL, paper"] == {"rank-1": 0.95, "mAP": 0.873} and PAPER in row["paper"]["source"]
        )


@pytest.mark.parametrize("words", [["--rerank"], ["--expand", "2"]])
def test_a_refined_ranking_is_not_compared(whole, evaluate, words):
    _, out, _ = evaluate(whole("market1501"), *words)
    assert "paper" not in out.replace("papers", "")


def test_an_incomplete_copy_is_not_compared(prepared, evaluate):
    _, out, _ = evaluate(prepared("market1501")[1])
    assert "3DSL, paper" not in out and "cannot be compared with papers" in " ".join(out.split())
    assert find_published("market1501", "standard", ["train: …"], refined=False) is None


@pytest.fixture
def seeds(prepared, evaluate, tmp_path):
    """What `evaluate --save` writes of three seeds: the stand-in's, and the same with every figure moved."""

    def save(*words):
        first = tmp_path / "seed-0.json"
        code, out, err = evaluate(prepared("ltcc")[1], "--save", first, "--json", *words)
        assert code == 0 and f"figures: {first}" in err
        rows = json.loads(first.read_text())
        assert rows == objects(out)
        files = [first]
        for number, add in ((1, 0.01), (2, 0.05)):
            files.append(tmp_path / f"seed-{number}.json")
            files[-1].write_text(json.dumps([moved(row, add) for row in rows]))
        return files

    return save


def moved(row, add):
    """A result whose figures are higher by `add`, at most 1."""
    figures = {name: figure for name, figure in row.items() if isinstance(figure, dict) and "value" in figure}
    return row | {name: figure | {"value": min(1, figure["value"] + add)} for name, figure in figures.items()}


def value(path, stream, metric, protocol="cloth-changing"):
    rows = json.loads(path.read_text())
    return next(
        row[metric]["value"] for row in rows if (row["protocol"], row["stream"]) == (protocol, stream)
    )


def test_seeds_give_mean_and_deviation(seeds, tmp_path, capsys):
    files = seeds()
    named = f"ours={','.join(map(str, files))}"
    assert main(["summarize", named, f"one={files[0]}"]) == 0
    out = capsys.readouterr().out
    for protocol in ("standard", "cloth-changing"):
        block = next(block for block in out.split("\n\n") if block.startswith(f"ltcc, {protocol}: "))
        for stream in ("appearance", "shape", "combined"):
            lines = [re.split(r"  +", line) for line in block.splitlines()]
            (ours,) = [line for line in lines if line[:3] == ["ours", stream, "3"]]
            (one,) = [line for line in lines if line[:3] == ["one", stream, "1"]]
            for column, metric in ((3, "rank-1"), (7, "mAP")):
                values = [value(path, stream, metric, protocol) for path in files]
                mean, deviation = statistics.mean(values), statistics.stdev(values)
                assert ours[column] == f"{100 * mean:.1f} ± {100 * deviation:.1f}"
                assert one[column].startswith(f"{100 * values[0]:.1f} (")
    assert "± is the standard deviation over seeds" in out


def test_lines_of_json_are_read_as_well(seeds, tmp_path, capsys):
    (first, *_) = seeds()
    lines = tmp_path / "lines.json"
    lines.write_text("".join(json.dumps(row) + "\n" for row in json.loads(first.read_text())))
    found = []
    for path in (first, lines):
        capsys.readouterr()
        assert main(["summarize", f"ours={path}"]) == 0
        found.append(capsys.readouterr().out)
    assert found[0] == found[1] and "ours" in found[0]
    assert main(["summarize", str(first)]) == 0 and "seed-0  " in capsys.readouterr().out


def test_a_record_of_seeds_is_shown_in_the_results(seeds, tmp_path, capsys):
    """What --json writes is a record that docs/results.md can show."""
    files = seeds("--protocol", "cloth-changing")
    target = tmp_path / "records" / "ours.json"
    words = ["--json", target, "--title", "Ours", "--note", "Nothing was chosen."]
    assert main(["summarize", f"ours={','.join(map(str, files))}", *map(str, words)]) == 0
    record = read_records(target.parent, {})["ours"]
    values = [value(path, "shape", "mAP") for path in files]
    assert record.at("trainings", "ours", "shape", "mAP", "by seed") == values
    shown = re.sub(" +", " ", comparison(record))
    assert shown.startswith(
        "### Ours\n\nProtocol `cloth-changing`, 2 people, 14 queries, 36 gallery pictures."
    )
    assert "Nothing was chosen." in shown
    assert f"| {100 * statistics.mean(values):.1f} ± {100 * statistics.stdev(values):.1f} |" in shown


def test_a_record_holds_one_protocol(seeds, tmp_path, capsys):
    target = tmp_path / "both.json"
    assert main(["summarize", f"ours={seeds()[0]}", "--json", str(target)]) == 2
    assert "A record holds one protocol of one dataset" in capsys.readouterr().err and not target.exists()


def test_results_of_other_pictures_are_not_averaged(seeds, tmp_path, capsys):
    first, second, _ = seeds()
    rows = json.loads(second.read_text())
    second.write_text(json.dumps([row | {"queries": row["queries"] - 1} for row in rows]))
    assert main(["summarize", f"ours={first},{second}"]) == 2
    assert "was measured on other pictures" in capsys.readouterr().err
    second.write_text(json.dumps(rows[:2]))
    assert main(["summarize", f"ours={first},{second}"]) == 2
    assert "not every file has" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["ours="], "must look like NAME=FILE,FILE"),
        (["ours=a.json,a.json"], "names a file twice"),
        (["ours=a.json", "ours=b.json"], "Two trainings are called ours"),
        (["ours=missing.json"], "missing.json"),
        (["ours=a.json", "--latex", "table.txt"], "must end in .tex"),
    ],
)
def test_bad_words_are_refused(words, reason, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["summarize", *words]) == 2
    assert reason in capsys.readouterr().err and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "[1]", '[{"protocol": "standard", "stream": "shape"}]', "[" * 9999]
)
def test_files_that_hold_something_else_are_refused(text, tmp_path, capsys):
    path = tmp_path / "odd.json"
    path.write_text(text)
    assert main(["summarize", f"ours={path}"]) == 2
    err = capsys.readouterr().err
    assert str(path) in err and "Traceback" not in err


def test_latex(seeds, whole, evaluate, tmp_path, capsys):
    """A row a training and stream; the best of a column is bold; the paper's rows only where they may be compared."""
    files = seeds("--protocol", "cloth-changing")
    target = tmp_path / "table.tex"
    names = [f"ours_50%={','.join(map(str, files))}", f"last={files[2]}"]
    assert main(["summarize", *names, "--latex", str(target)]) == 0
    text = target.read_text()
    rows = [line.removesuffix(r" \\").split(" & ") for line in text.splitlines() if line.endswith(r"\\")]
    assert rows[0] == ["training", "stream", "R1", "R5", "R10", "mAP"]
    assert [row[:2] for row in rows[1:]] == [
        [name, stream] for name in (r"ours\_50\%", "last") for stream in ("appearance", "shape", "combined")
    ]
    assert all(len(row) == 6 for row in rows) and "3DSL" not in text
    best = max(value(files[2], stream, "mAP") for stream in ("appearance", "shape", "combined"))
    assert text.count(rf"\textbf{{{100 * best:.1f}}} \\") == 1
    assert main(["summarize", *names]) == 0
    # evaluate itself writes the same kind of table, here with the paper's rows.
    target = tmp_path / "market.tex"
    code, _, err = evaluate(whole("market1501"), "--latex", target)
    assert code == 0 and f"LaTeX table: {target}" in err
    assert r"3DSL, paper &  & 95.0 & -- & -- & 87.3 \\" in target.read_text()


def test_latex_escapes_names():
    assert _comment("data\n\\input{x}\r\u2028, protocol a") == "% data \\input{x} , protocol a"  # one line
    assert escaped("a_b&50%{x}~^\\") == r"a\_b\&50\%\{x\}\textasciitilde{}\textasciicircum{}\textbackslash{}"


@pytest.mark.parametrize("named", [True, False])
def test_folders_of_one_name_are_told_apart(prepared, evaluate, tmp_path, capsys, named):
    """Each had a table on the screen, and the last one alone was written."""
    folders = [tmp_path / place / "set" for place in ("one", "other")]
    for folder in folders:
        shutil.copytree(prepared("ltcc")[1], folder)
        if not named:
            (folder / "list" / "prepared.json").unlink()
    save, latex = tmp_path / "both.json", tmp_path / "both.tex"
    words = ["--protocol", "standard", "--stream", "shape", "--save", save, "--latex", latex]
    assert evaluate(*folders, *words)[0] == 0
    name = "ltcc" if named else "set"
    tables = [f"{name} in {folder}, protocol standard" for folder in folders]
    assert [line[2:].split(":")[0] for line in latex.read_text().splitlines() if "protocol" in line] == tables
    assert main(["summarize", f"ours={save}"]) == 0
    out = capsys.readouterr().out
    assert [line.split(": ")[0] for line in out.splitlines() if line.startswith(name)] == [
        f"{name} in {folder}, standard" for folder in folders
    ]
    one = tmp_path / "one.json"
    assert evaluate(folders[0], *words[:4], "--save", one)[0] == 0
    assert main(["summarize", f"ours={one}"]) == 0
    assert f"\n{name}, standard: " in f"\n{capsys.readouterr().out}"
