"""Queries that are in the gallery as copies, and pictures listed twice, on the lists of a folder of one's own."""

import shutil

import numpy as np
import pytest
from PIL import Image

from tests.evaluation.outputs import objects
from tests.evaluation.standin import vector
from threedsl.cli import main

PEOPLE, EACH = 6, 4


def write(path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def folders(root, copied: bool):
    """root/query and root/gallery; with `copied` each query also lies in the gallery, under another name."""
    for person in range(PEOPLE):
        name = f"{person:05d}"
        write(root / "query" / name / "q.png", 100 * person)
        for i in range(1, EACH):
            write(root / "gallery" / name / f"{i}.png", 100 * person + i)
        if copied:
            shutil.copy(root / "query" / name / "q.png", root / "gallery" / name / "0.png")
    return root


@pytest.fixture
def evaluated(tmp_path, evaluate):
    def run(name, change=None, **options):
        root = folders(tmp_path / name, **options)
        assert main(["prepare", "folder", str(root), "--out", str(tmp_path / f"{name}-lists")]) == 0
        if change:
            change(tmp_path / f"{name}-lists" / "list", root)
        code, out, err = evaluate(tmp_path / f"{name}-lists", "--json")
        return code, [{key: row.get(key) for key in ("rank-1", "mAP", "mINP")} for row in objects(out)], err

    return run


def by_hand(root, stream: str) -> tuple[float, float]:
    """(rank-1, mAP) where a query sees no picture of its person that has its own bytes; one query at a time."""
    first, precisions = [], []
    for query in sorted((root / "query").rglob("*.png")):
        pid, own = query.parent.name, vector(query, stream)
        seen = [
            path
            for path in (root / "gallery").rglob("*.png")
            if path.parent.name != pid or path.read_bytes() != query.read_bytes()
        ]
        order = sorted(seen, key=lambda path, own=own: -float(vector(path, stream) @ own))
        right = np.array([path.parent.name == pid for path in order])
        first.append(right[0])
        precisions.append((np.cumsum(right) / np.arange(1, len(right) + 1))[right].mean())
    return float(np.mean(first)), float(np.mean(precisions))


def test_a_query_does_not_find_its_own_copy(evaluated, tmp_path):
    code, rows, err = evaluated("copied", copied=True)
    assert code == 0 and err.count("6 of 6 queries are themselves in gallery.txt, as copies") == 1
    for row, stream in zip(rows, ("appearance", "shape", "combined"), strict=True):
        rank_1, mean_precision = by_hand(tmp_path / "copied", stream)
        assert rank_1 < 1
        assert row["rank-1"]["value"] == pytest.approx(rank_1, abs=1e-9)
        assert row["mAP"]["value"] == pytest.approx(mean_precision, abs=1e-9)


def test_no_notes_without_copies(evaluated):
    assert evaluated("plain", copied=False)[::2] == (0, "")


def test_links_are_copies_too(evaluated):
    def link(lists, root):
        for person in range(PEOPLE):
            copy = root / "gallery" / f"{person:05d}" / "0.png"
            copy.unlink()
            copy.symlink_to(root / "query" / f"{person:05d}" / "q.png")

    assert evaluated("linked", link, copied=True)[1] == evaluated("copied", copied=True)[1]


def test_pictures_listed_twice_are_reported(evaluated):
    def twice(lists, root):
        first, second = (root / "gallery" / name / "1.png" for name in ("00000", "00001"))
        shutil.copy(first, first.with_name("2.png"))
        shutil.copy(first, second.with_name("3.png"))

    code, _, err = evaluated("twice", twice, copied=False)
    assert code == 0
    assert "1 picture is in gallery.txt more than once" in err and "under two identities" in err


def test_queries_with_nothing_but_copies_have_no_match(tmp_path, evaluate):
    for person in range(3):
        write(tmp_path / "query" / str(person) / "q.png", person)
        (tmp_path / "gallery" / str(person)).mkdir(parents=True)
        shutil.copy(tmp_path / "query" / str(person) / "q.png", tmp_path / "gallery" / str(person) / "g.png")
    assert main(["prepare", "folder", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    code, _, err = evaluate(tmp_path / "out")
    assert code == 2 and "no query" in err and "copies of their files" in err and "Traceback" not in err
