"""Searching a gallery equals ranking by hand, whatever the index; a saved gallery comes back bit for bit."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.conftest import REPOSITORY
from threedsl.data.listfile import Record
from threedsl.descriptors import STREAMS, Descriptors
from threedsl.errors import InputError
from threedsl.gallery import Gallery, index_kinds


def unit(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    vectors = rng.standard_normal((count, size)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def output_of(appearance: np.ndarray, shape: np.ndarray, fingerprint: str = "model") -> Descriptors:
    return Descriptors(appearance, shape, fingerprint)


def records_of(folder, count: int) -> list[Record]:
    return [
        Record(folder / f"{i}.jpg", str(i % 7) if i % 5 else "", str(i % 3), "coat") for i in range(count)
    ]


@pytest.fixture
def made(tmp_path):
    """(gallery of 60, output of 9 queries)."""
    rng = np.random.default_rng(0)
    gallery = Gallery(records_of(tmp_path, 60), unit(rng, 60, 32), unit(rng, 60, 16), "model")
    return gallery, output_of(unit(rng, 9, 32), unit(rng, 9, 16))


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("k", [1, 10, 60, 500])
def test_search_is_brute_force_by_cosine(made, stream, k):
    gallery, output = made
    known = {"appearance": gallery.appearance, "shape": gallery.shape}.get(stream)
    if known is None:
        known = np.concatenate([gallery.appearance, gallery.shape], 1).astype(np.float64)
        known /= np.linalg.norm(known, axis=1, keepdims=True)
    scores = output.stream(stream).astype(np.float64) @ known.astype(np.float64).T
    for query, matches in enumerate(gallery.search(output, stream=stream, k=k)):
        best = np.argsort(-scores[query])[:k]
        assert [match.index for match in matches] == best.tolist()
        assert np.allclose([match.score for match in matches], scores[query, best], atol=1e-6)
        assert [match.rank for match in matches] == list(range(1, len(best) + 1))
        for match in matches:
            record = gallery.records[match.index]
            assert match.path == record.path and match.person == (record.pid or None)


def test_combined_score_is_the_mean_of_both(made):
    gallery, output = made
    scores = [
        np.array([match.score for match in sorted(found, key=lambda match: match.index)])
        for found in (gallery.search(output, stream=stream, k=60)[0] for stream in STREAMS)
    ]
    assert np.allclose(scores[2], (scores[0] + scores[1]) / 2, atol=1e-6)


def test_equal_scores_keep_the_order_of_the_gallery(tmp_path):
    vectors = np.tile(unit(np.random.default_rng(0), 1, 8), (5, 1))
    gallery = Gallery(records_of(tmp_path, 5), vectors, vectors, "m")
    assert [match.index for match in gallery.search(output_of(vectors[:1], vectors[:1], "m"))[0]] == [
        0,
        1,
        2,
        3,
        4,
    ]


@pytest.mark.parametrize("k", [0, -3, 2.5])
def test_number_of_matches_is_checked(made, k):
    gallery, output = made
    with pytest.raises(InputError, match="1 or more"):
        gallery.search(output, k=k)


def test_other_models_and_streams_are_refused(made):
    gallery, output = made
    with pytest.raises(InputError, match="'face' is unknown"):
        gallery.search(output, stream="face")
    with pytest.raises(InputError, match="another model"):
        gallery.search(output_of(output.appearance, output.shape, "other"))
    narrow = unit(np.random.default_rng(0), 1, 5)
    with pytest.raises(InputError, match="another model"):
        gallery.search(output_of(narrow, narrow, ""))


def test_a_model_without_shape_stream(tmp_path):
    rng = np.random.default_rng(0)
    none = np.zeros((20, 0), np.float32)
    gallery = Gallery(records_of(tmp_path, 20), unit(rng, 20, 8), none, "m")
    output = output_of(unit(rng, 1, 8), none[:1], "m")
    assert gallery.streams == ("appearance", "combined")
    rows = [[m.index for m in gallery.search(output, stream=stream)[0]] for stream in gallery.streams]
    assert rows[0] == rows[1]
    with pytest.raises(InputError, match="no shape stream"):
        gallery.search(output, stream="shape")


def test_empty_galleries_are_refused():
    with pytest.raises(InputError, match="empty"):
        Gallery([], np.zeros((0, 4), np.float32), np.zeros((0, 4), np.float32), "m")


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_saved_galleries_come_back_bit_for_bit(made, tmp_path, kind):
    gallery, output = made
    gallery = Gallery(gallery.records, gallery.appearance, gallery.shape, "model", kind)
    gallery.boxes[3] = (1, 2, 30, 40)
    gallery.save(tmp_path / "index")
    again = Gallery.load(tmp_path / "index")
    assert (again.records, again.boxes) == (gallery.records, gallery.boxes)
    assert (again.fingerprint, again.kind) == ("model", kind)
    assert np.array_equal(again.appearance, gallery.appearance) and np.array_equal(again.shape, gallery.shape)
    for stream in STREAMS:
        assert again.search(output, stream) == gallery.search(output, stream)


def test_saving_replaces_an_index_and_nothing_else(made, tmp_path):
    gallery, _ = made
    gallery.save(tmp_path / "index")
    Gallery(gallery.records[:4], gallery.appearance[:4], gallery.shape[:4], "model").save(tmp_path / "index")
    assert len(Gallery.load(tmp_path / "index")) == 4
    precious = tmp_path / "photos"
    precious.mkdir()
    (precious / "wedding.jpg").touch()
    with pytest.raises(InputError, match="not a saved index"):
        gallery.save(precious)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "photos"]
    assert (precious / "wedding.jpg").exists()


def test_a_failed_save_keeps_the_old_index(made, tmp_path, monkeypatch):
    gallery, _ = made
    gallery.save(tmp_path / "index")
    monkeypatch.setattr(json, "dumps", lambda *args, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        gallery.save(tmp_path / "index")
    monkeypatch.undo()
    assert len(Gallery.load(tmp_path / "index")) == 60
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


@pytest.mark.parametrize("error", [OSError("disk"), KeyboardInterrupt()], ids=["disk", "ctrl-c"])
def test_a_failed_swap_puts_the_old_index_back(made, tmp_path, monkeypatch, error):
    gallery, _ = made
    gallery.save(tmp_path / "index")
    rename = Path.rename

    def fail(self, target):
        if self.name == "new":
            raise error
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    smaller = Gallery(gallery.records[:4], gallery.appearance[:4], gallery.shape[:4], "model")
    with pytest.raises(InputError if isinstance(error, OSError) else KeyboardInterrupt):
        smaller.save(tmp_path / "index")
    monkeypatch.undo()
    assert len(Gallery.load(tmp_path / "index")) == 60
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


KILLED = """
import os, sys
from pathlib import Path
from threedsl.gallery import Gallery
rename = Path.rename
Path.rename = lambda self, target: os._exit(9) if self.name == "new" else rename(self, target)
gallery = Gallery.load(sys.argv[1])
gallery.save(sys.argv[1])
"""


@pytest.mark.slow
@pytest.mark.parametrize("then", ["load", "open", "save"])
def test_a_kill_between_the_renames_loses_nothing(made, tmp_path, then):
    gallery, _ = made
    gallery.save(tmp_path / "index")
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "index"], cwd=REPOSITORY)
    assert killed.returncode == 9 and not (tmp_path / "index").exists()
    if then == "load":
        assert len(Gallery.load(tmp_path / "index")) == 60
    elif then == "open":
        model = SimpleNamespace(fingerprint="model")
        assert len(Gallery.open(tmp_path / "index", model)) == 60
    else:
        gallery.save(tmp_path / "index")
        assert len(Gallery.load(tmp_path / "index")) == 60
        assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_index_and_pictures_move_together(made, tmp_path):
    gallery, _ = made
    (tmp_path / "here").mkdir()
    records = [Record(tmp_path / "here" / "images" / "a.jpg", "1"), Record(tmp_path / "far.jpg", "2")]
    Gallery(records, gallery.appearance[:2], gallery.shape[:2], "model").save(tmp_path / "here" / "index")
    (tmp_path / "here").rename(tmp_path / "there")
    paths = [record.path for record in Gallery.load(tmp_path / "there" / "index").records]
    assert paths == [tmp_path / "there" / "images" / "a.jpg", tmp_path / "far.jpg"]


def damage_half(folder):
    path = folder / "appearance.npy"
    path.write_bytes(path.read_bytes()[:-100])


def damage_byte(folder):
    path = folder / "shape.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def damage_json(folder):
    (folder / "records.json").write_text('{"format": 1, ')


def damage_format(folder):
    (folder / "records.json").write_text('{"format": 99}')


def damage_fields(folder):
    (folder / "records.json").write_text('{"format": 1}')


def damage_missing(folder):
    (folder / "appearance.npy").unlink()


def damage_rows(folder):
    header = json.loads((folder / "records.json").read_text())
    header["records"].pop()
    (folder / "records.json").write_text(json.dumps(header))


def damage_list(folder):
    (folder / "records.json").write_text("[1, 2]")


@pytest.mark.parametrize(
    "damage",
    [
        damage_half,
        damage_byte,
        damage_json,
        damage_format,
        damage_fields,
        damage_missing,
        damage_rows,
        damage_list,
    ],
)
def test_damaged_indices_give_a_sentence(made, tmp_path, damage):
    made[0].save(tmp_path / "index")
    damage(tmp_path / "index")
    with pytest.raises(InputError, match="build it again") as error:
        Gallery.load(tmp_path / "index")
    assert str(tmp_path / "index") in str(error.value)


def test_folders_that_are_no_index(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        Gallery.load(tmp_path / "nowhere")
    with pytest.raises(InputError, match="not a saved index"):
        Gallery.load(tmp_path)


def clustered(count: int, size: int, centres: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    vectors = unit(rng, centres, size)[rng.integers(0, centres, count)]
    vectors = vectors + 0.25 * unit(rng, count, size)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(
    ("kind", "recall"), [("flat", 1.0), ("hnsw", 0.98), ("ivfsq", 0.98), ("ivfpq", 0.95)]
)
def test_recall_of_approximate_indices(tmp_path, kind, recall, stream):
    """Share of the true ten best among the ten found, over people-like clusters; the scores are exact."""
    count = 9984
    known = clustered(count, 64, 1000, 0), clustered(count, 32, 1000, 1)
    gallery = Gallery(records_of(tmp_path, count), *known, "model", kind, shape_share=0.3)
    rows = np.arange(0, count, 250)
    rng = np.random.default_rng(2)
    asked = [vectors[rows] + 0.1 * unit(rng, len(rows), vectors.shape[1]) for vectors in known]
    scores = {"appearance": asked[0] @ known[0].T, "shape": asked[1] @ known[1].T}
    scores["combined"] = 0.7 * scores["appearance"] + 0.3 * scores["shape"]
    answers = gallery.search(output_of(*asked), stream)
    truth = np.argsort(-scores[stream], axis=1)[:, :10].tolist()
    found = [{match.index for match in answer} for answer in answers]
    assert np.mean([len(one & set(true)) / 10 for one, true in zip(found, truth, strict=True)]) >= recall
    for query, answer in enumerate(answers):
        exact = [scores[stream][query, match.index] for match in answer]
        assert np.allclose([match.score for match in answer], exact, atol=1e-5)
        assert [match.score for match in answer] == sorted((match.score for match in answer), reverse=True)


def test_ivfpq_states_how_many_pictures_it_needs(made):
    gallery, _ = made
    with pytest.raises(InputError, match="624 pictures"):
        Gallery(gallery.records, gallery.appearance, gallery.shape, "m", "ivfpq")
    with pytest.raises(InputError, match="'tree' is unknown"):
        Gallery(gallery.records, gallery.appearance, gallery.shape, "m", "tree")


@pytest.mark.slow
def test_ivfpq_galleries_are_saved_and_loaded(tmp_path):
    count = index_kinds.MINIMUM["ivfpq"]
    vectors = clustered(count, 16, 60, 0).astype(np.float32)
    gallery = Gallery(records_of(tmp_path, count), vectors, vectors[::-1].copy(), "model", "ivfpq")
    gallery.save(tmp_path / "index")
    output = output_of(vectors[:5], vectors[::-1][:5].copy())
    assert Gallery.load(tmp_path / "index").search(output, "shape") == gallery.search(output, "shape")


@pytest.mark.slow
def test_more_rows_are_proposed_where_two_streams_count(tmp_path, monkeypatch):
    """The best by both may be far down the list of either."""
    rng = np.random.default_rng(6)
    appearance, shape = (unit(rng, 20_000, 24).astype(np.float32) for _ in range(2))
    gallery = Gallery(records_of(tmp_path, 20_000), appearance, shape, "model", "ivfsq")
    exact = Gallery(gallery.records, appearance, shape, "model")
    asked = Descriptors(unit(rng, 50, 24), unit(rng, 50, 24), "model")
    monkeypatch.setattr(index_kinds, "CANDIDATES", 20)
    monkeypatch.setattr(index_kinds, "CANDIDATES_PER_MATCH", 2)

    def recall() -> float:
        found, truth = (
            [{match.index for match in matches} for matches in one.search(asked, "combined", 10)]
            for one in (gallery, exact)
        )
        return np.mean([len(one & true) / 10 for one, true in zip(found, truth, strict=True)])

    few = recall()
    monkeypatch.setattr(index_kinds, "ROWS_PER_CANDIDATE_OF_TWO", 20)
    assert few < 0.8 and recall() > 0.97
