"""--shape-share of evaluate and search."""

import json

import pytest

from tests.evaluation.outputs import objects

pytestmark = pytest.mark.slow


def scores(run, *words):
    code, out, err = run("search", *words, "--top", 6, "--json")
    assert code == 0, err
    return {match["path"]: match["score"] for match in json.loads(out)["matches"]}, err


@pytest.mark.parametrize("saved", [False, True])
def test_a_search_weighs_its_streams_as_it_is_asked(run, world, tmp_path, saved):
    query, gallery = world / "people" / "anna" / "0.png", world / "people"
    if saved:
        assert run("index", gallery, "--out", tmp_path / "saved", "--kind", "hnsw")[0] == 0
        gallery = tmp_path / "saved"
    words = (query, "--gallery", gallery)
    appearance, shape = (scores(run, *words, "--stream", stream)[0] for stream in ("appearance", "shape"))
    plain, _ = scores(run, *words)
    weighed, err = scores(run, *words, "--shape-share", "0.9")
    assert "weight 0.9, as given" in err
    for path, score in weighed.items():
        assert score == pytest.approx(0.1 * appearance[path] + 0.9 * shape[path], abs=1e-4)
    assert plain != weighed
    _, err = scores(run, *words, "--shape-share", world / "list.txt")
    assert f"chosen on the 6 pictures of {world / 'list.txt'} (mAP " in err


def test_evaluate_weighs_its_streams_as_it_is_asked(run, world, tmp_path):
    lines = (world / "list.txt").read_text()
    (tmp_path / "set" / "list").mkdir(parents=True)
    lines = "".join(f"{world}/{line}\n" for line in lines.splitlines())
    for name in ("query", "gallery"):
        (tmp_path / "set" / "list" / f"{name}.txt").write_text(lines)
    words = ("evaluate", tmp_path / "set", "--protocol", "standard", "--no-cache", "--json")
    found = {}
    for share in ("0.0001", "0.9999"):
        code, out, err = run(*words, "--shape-share", share)
        assert code == 0 and f"weight {share}" in err
        rows = {row["stream"]: row for row in objects(out)}
        assert {row["shape_share"] for row in rows.values()} == {float(share)}
        found[share] = {stream: row["mAP"]["value"] for stream, row in rows.items()}
    assert found["0.0001"]["combined"] == pytest.approx(found["0.0001"]["appearance"])
    assert found["0.9999"]["combined"] == pytest.approx(found["0.9999"]["shape"])
    assert run(*words, "--shape-share", "2")[0] == 2
