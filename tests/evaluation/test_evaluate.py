"""`prepare` then `evaluate`, against a slow oracle."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.oracle import Picture, pictures_in, score, trials
from tests.evaluation.outputs import DATASETS, FIGURES, edited, objects
from tests.evaluation.standin import vector
from threedsl.cli import main
from threedsl.evaluation.metrics import bootstrap_interval
from threedsl.pipeline import ThreeDSL


@pytest.mark.slow
@pytest.mark.parametrize("dataset", DATASETS)
def test_figures_equal_the_oracle(prepared, evaluate, dataset):
    root, folder = prepared(dataset)
    expected = trials(dataset, root)
    words = [word for name in expected for word in ("--protocol", name)]
    code, out, err = evaluate(folder, *words, "--json")
    assert (code, err) == (0, "")
    rows = objects(out)
    assert [(row["protocol"], row["stream"]) for row in rows] == [
        (name, stream) for name in expected for stream in ("appearance", "shape", "combined")
    ]
    for row in rows:
        figures = score(
            *expected[row["protocol"]], lambda path, stream=row["stream"]: vector(path, stream).tolist()
        )
        assert {name: row[name]["value"] for name in FIGURES} == pytest.approx(
            {name: figures[name] for name in FIGURES}, abs=1e-9
        )
        assert (row["queries"], row["gallery"]) == (figures["queries"], figures["gallery"])
        assert row["dataset"].startswith(dataset)
        for name in FIGURES:
            low, high = row[name]["interval"]
            assert 0 <= low <= row[name]["value"] + 1e-12 and row[name]["value"] <= high + 1e-12


@pytest.mark.parametrize("dataset", DATASETS)
def test_all_stands_for_the_published_protocols(prepared, evaluate, dataset):
    root, folder = prepared(dataset)
    published = [name for name in trials(dataset, root) if (dataset, name) != ("ltcc", "same-clothes")]
    for words in ([], ["--protocol", "all"]):
        code, out, _ = evaluate(folder, *words, "--stream", "shape", "--json")
        assert code == 0 and [row["protocol"] for row in objects(out)] == published


def test_a_folder_of_ones_own(prepared, evaluate):
    """Its split is drawn, so the oracle takes the pictures from the written lists; nothing is removed."""
    _, folder = prepared("folder")
    lists = [
        [
            Picture(Path(words[0]), words[1], "")
            for words in map(lambda line: line.rsplit(" ", 2), text.splitlines())
        ]
        for text in ((folder / "list" / f"{name}.txt").read_text() for name in ("query", "gallery"))
    ]
    figures = score(
        lists[0], [lists[1]], lambda query, other: False, lambda path: vector(path, "combined").tolist()
    )
    code, out, _ = evaluate(folder, "--stream", "combined", "--json")
    (row,) = objects(out)
    assert code == 0 and row["protocol"] == "nothing-removed"
    assert {name: row[name]["value"] for name in FIGURES} == pytest.approx(
        {name: figures[name] for name in FIGURES}, abs=1e-9
    )


def test_intervals_draw_people(prepared, evaluate):
    """The interval is the documented one of the oracle's own first ranks, whole people drawn at a time."""
    root, folder = prepared("vcclothes")
    queries, galleries, removed = trials("vcclothes", root)["vcclothes/all"]
    _, out, _ = evaluate(folder, "--protocol", "vcclothes/all", "--stream", "shape", "--seed", 3, "--json")
    (row,) = objects(out)
    alone = [
        score([query], galleries, removed, lambda path: vector(path, "shape").tolist()) for query in queries
    ]
    people = np.array([query.pid for query in queries])
    for name in ("rank-1", "mAP"):
        values = np.array([figures[name] for figures in alone])
        assert row[name]["interval"] == pytest.approx(bootstrap_interval(values, people, seed=3))
    assert row["people"] == 3


def test_single_shot_states_its_spread(prepared, evaluate):
    root, folder = prepared("prcc")
    name = "prcc/cross-clothes-single-shot"
    queries, galleries, removed = trials("prcc", root)[name]
    _, out, _ = evaluate(folder, "--protocol", name, "--stream", "shape", "--json")
    (row,) = objects(out)
    draws = [
        score(queries, [gallery], removed, lambda path: vector(path, "shape").tolist())
        for gallery in galleries
    ]
    assert row["draws"] == 10
    for figure in ("rank-1", "mAP"):
        values = [draw[figure] for draw in draws]
        assert len(set(values)) > 1
        assert row[figure]["spread"] == pytest.approx(np.std(values, ddof=1))
    _, out, _ = evaluate(folder, "--protocol", name, "--stream", "shape")
    assert max(map(len, out.split("differences from")[0].splitlines())) <= 100
    value, spread = 100 * row["rank-1"]["value"], 100 * row["rank-1"]["spread"]
    assert f"{value:.1f} ± {spread:.1f} (" in out and "in each of 10 draws" in out


def test_another_seed_draws_other_pictures(prepared, evaluate):
    _, folder = prepared("prcc")
    words = [folder, "--protocol", "prcc/cross-clothes-single-shot", "--stream", "combined", "--json"]
    figures = [objects(evaluate(*words, "--seed", seed)[1])[0]["mAP"]["value"] for seed in (0, 0, 1)]
    assert figures[0] == figures[1] != figures[2]


def test_every_printed_number_carries_its_protocol(prepared, evaluate):
    _, folder = prepared("ltcc")
    code, out, _ = evaluate(folder)
    assert code == 0
    headings = [
        "standard: 18 queries of 3 people, 36 gallery pictures",
        "cloth-changing: 14 queries of 2 people (4 more have no true match), 36 gallery pictures",
    ]
    blocks = [block.splitlines() for block in out.split("\n\n")]
    tables = [block for block in blocks if any(re.search(r"\d\.\d \(\d", line) for line in block)]
    assert [table[0] for table in tables] == headings
    for table in tables:
        assert table[1].split() == ["stream", *FIGURES] and max(map(len, table)) <= 100
        assert [line.split()[0] for line in table[2:]] == ["appearance", "shape", "combined", "chance"]
        for line in table[2:-1]:
            assert len(re.findall(r" \(\d+\.\d–\d+\.\d\)", line)) == 2


def test_text_and_json_agree(prepared, evaluate):
    _, folder = prepared("market1501")
    _, out, _ = evaluate(folder, "--json")
    _, text, _ = evaluate(folder)
    rows = objects(out)
    for row in rows:
        (line,) = [line for line in text.splitlines() if line.startswith(f"{row['stream']} ")]
        cells = [f"{100 * row[figure]['value']:.1f}" for figure in FIGURES]
        assert re.sub(r"\(\S+\)", "", line).split()[1:] == cells
        intervals = [[f"{100 * end:.1f}" for end in row[figure]["interval"]] for figure in ("rank-1", "mAP")]
        assert [found.split("–") for found in re.findall(r"\((\S+)\)", line)] == intervals
    (line,) = [line for line in text.splitlines() if line.startswith("chance ")]
    assert line.split()[1:] == [f"{100 * rows[0]['chance'][figure]:.1f}" for figure in FIGURES]


def test_several_folders_make_one_table(prepared, evaluate):
    market, ltcc = prepared("market1501")[1], prepared("ltcc")[1]
    code, out, _ = evaluate(market, ltcc, "--protocol", "standard", "--stream", "shape", "--json")
    together = objects(out)
    assert code == 0 and [row["folder"] for row in together] == [str(market), str(ltcc)]
    for folder, row in zip((market, ltcc), together, strict=True):
        assert objects(evaluate(folder, "--protocol", "standard", "--stream", "shape", "--json")[1]) == [row]
    _, text, _ = evaluate(market, ltcc, "--protocol", "standard")
    words = " ".join(text.split())
    places = [words.index(f"{folder}, standard: ") for folder in (market, ltcc)]
    assert places == sorted(places) and text.count("chance  ") == 2


def test_mirror_images_are_averaged_by_the_model(prepared, evaluate):
    root, folder = prepared("market1501")
    queries, galleries, removed = trials("market1501", root)["standard"]
    figures = score(queries, galleries, removed, lambda path: vector(path, "shape", mirror=True).tolist())
    evaluate(folder)  # fills the cache with the descriptors of plain pictures, which must not be taken
    _, out, _ = evaluate(folder, "--stream", "shape", "--flip", "--json")
    (row,) = objects(out)
    assert row["flip"] is True and row["mAP"]["value"] == pytest.approx(figures["mAP"], abs=1e-9)


def test_re_ranking_and_expansion_are_named_and_change_the_order(prepared, evaluate):
    _, folder = prepared("ltcc")
    plain, reranked, expanded = (
        evaluate(folder, "--protocol", "standard", "--stream", "combined", "--json", *words)[1]
        for words in ([], ["--rerank"], ["--expand", 3])
    )
    values = [objects(out)[0]["mAP"]["value"] for out in (plain, reranked, expanded)]
    assert len(set(values)) == 3
    assert objects(reranked)[0]["rerank"] is True and objects(expanded)[0]["expand"] == 3
    _, text, _ = evaluate(folder, "--protocol", "standard", "--rerank", "--expand", 3)
    assert "\nstandard (expanded by 3, re-ranked): 18 queries of 3 people" in text


def test_a_model_without_a_shape_stream(prepared, evaluate):
    _, folder = prepared("market1501")
    evaluate.model.config.shape_stream = False
    code, out, _ = evaluate(folder, "--json")
    assert code == 0 and [row["stream"] for row in objects(out)] == ["appearance"]
    evaluate.model.described.clear()
    code, out, err = evaluate(folder, "--stream", "shape", "--no-cache")
    assert (code, out) == (2, "") and "no shape stream" in err and evaluate.model.described == []


def test_pictures_are_described_once(prepared, evaluate):
    _, folder = prepared("ltcc")
    evaluate(folder)
    pictures = {path.read_bytes() for path in evaluate.model.described}
    assert len(evaluate.model.described) == len(pictures) == 18 + 36
    evaluate(folder, "--protocol", "same-clothes")
    assert len(evaluate.model.described) == 54
    evaluate(folder, "--no-cache")
    assert len(evaluate.model.described) == 108


@pytest.mark.slow
def test_plot_and_pictures(prepared, evaluate, tmp_path):
    _, folder = prepared("ltcc")
    code, _, err = evaluate(
        folder, "--plot", tmp_path / "new" / "cmc.png", "--pictures", tmp_path / "lists.jpg"
    )
    names = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert code == 0 and (tmp_path / "new" / "cmc.png").is_file()
    assert names == {"lists-standard.jpg", "lists-cloth-changing.jpg"}
    assert all(name in err for name in ("cmc.png", *names))


def test_help_documents_every_protocol(capsys):
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    printed = capsys.readouterr().out
    assert "prcc/cross-clothes-single-shot\n" in printed and "source: QizaoWang/FIRe-CCReID" in printed


@pytest.mark.slow
def test_the_shipped_model_end_to_end(prepared, monkeypatch, capsys, tmp_path, shipped_checkpoint):
    """prepare, evaluate and the real network; its descriptors, ranked by the oracle, give the same figures."""
    root, folder = prepared("ltcc")
    monkeypatch.setenv("THREEDSL_CACHE", str(tmp_path / "cache"))
    capsys.readouterr()
    words = ["evaluate", str(folder), "--checkpoint", str(shipped_checkpoint), "--device", "cpu", "--json"]
    assert main(words) == 0
    first = capsys.readouterr().out
    assert main(words) == 0
    assert capsys.readouterr().out == first, "descriptors from the cache are those of the model"

    model = ThreeDSL.from_pretrained(shipped_checkpoint, device="cpu")
    pictures = [
        picture.path for name in ("query", "test") for picture in pictures_in(root / name, lambda _: ("", ""))
    ]
    output = model(pictures, bodies=False)
    expected = trials("ltcc", root)
    for row in objects(first):
        rows = dict(zip(pictures, output.stream(row["stream"]).tolist(), strict=True))
        figures = score(*expected[row["protocol"]], rows.__getitem__)
        # Another batch size rounds differently and may swap two pictures at the same distance.
        assert {name: row[name]["value"] for name in FIGURES} == pytest.approx(
            {name: figures[name] for name in FIGURES}, abs=0.01
        )


def test_protocols_with_commas_between(prepared, evaluate):
    _, folder = prepared("ltcc")
    words = ["--stream", "shape", "--json", "--protocol", "same-clothes, standard"]
    code, out, _ = evaluate(folder, *words)
    assert code == 0 and [row["protocol"] for row in objects(out)] == ["same-clothes", "standard"]


def test_differences_from_the_published_sizes_are_reported(prepared, evaluate, tmp_path):
    _, folder = prepared("market1501")
    found = json.loads((folder / "list" / "prepared.json").read_text())["differences"]
    assert len(found) > 1
    _, out, _ = evaluate(folder, "--stream", "shape", "--json")
    assert objects(out)[0]["differences"] == found
    _, text, _ = evaluate(folder, "--stream", "shape")
    line = f"{len(found)} differences from the published sizes ({'; '.join(found)}): "
    assert f"\n{line}results cannot be compared with papers.\n" in text
    copy = edited(folder, tmp_path, "train", None)
    (copy / "list" / "prepared.json").unlink()
    assert objects(evaluate(copy, "--stream", "shape", "--json")[1])[0]["differences"] == []
    assert "published sizes" not in evaluate(copy, "--stream", "shape")[1]
