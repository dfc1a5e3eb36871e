"""Descriptors stored once, without columns that count nothing; galleries read from .npz; changes on disk."""

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest

from tests.gallery.backends import described, picture
from threedsl.descriptors import Descriptors
from threedsl.errors import InputError
from threedsl.gallery import Filter, Gallery, pieces
from threedsl.gallery.pieces import Piece


@pytest.mark.parametrize("in_memory", [0, 10**9], ids=["file", "memory"])
def test_a_piece_grows_to_the_same_array(monkeypatch, in_memory):
    monkeypatch.setattr(pieces, "IN_MEMORY", in_memory)
    whole = np.random.default_rng(0).standard_normal((5000, 7)).astype(np.float32)
    piece = Piece(whole[:10])
    for cut in range(10, 5000, 499):
        assert piece.append(whole[cut : cut + 499])
    assert np.array_equal(piece.array(), whole)
    rows = np.random.default_rng(1).integers(0, 5000, 300)
    assert np.array_equal(piece.rows(rows), whole[rows])
    assert np.array_equal(piece.rows(slice(5, 4000)), whole[5:4000])
    assert np.array_equal(np.concatenate([block for _, block in piece.blocks(77)]), whole)


def test_features_of_weight_zero_are_not_stored_and_change_no_score(tmp_path):
    known, asked = described(300, 0), described(3, 1)
    zeros = known.shape.copy()
    zeros[:, 4:12] = 0
    gallery = Gallery([picture(i) for i in range(300)], known.appearance, zeros, "model", "hnsw")
    gallery.save(tmp_path / "index")
    assert np.load(tmp_path / "index" / "shape.npy").shape == (300, 8)
    again = Gallery.load(tmp_path / "index")
    assert np.array_equal(again.shape, zeros)
    scores = asked.shape @ zeros.T
    for one in (gallery, again):
        rows = [[match.index for match in answer] for answer in one.search(asked, "shape", 5)]
        assert rows == np.argsort(-scores, axis=1)[:, :5].tolist()
    # A descriptor that uses them makes all rows wide again.
    again.add([picture(300)], described(1, 2))
    assert again.shape.shape == (301, 16) and np.array_equal(again.shape[:300], zeros)
    assert again.search(described(1, 2), "shape", 1)[0][0].index == 300


def test_a_damaged_list_of_columns_is_refused(tmp_path):
    known = described(20, 0)
    zeros = known.shape * (np.arange(16) < 8)
    Gallery([picture(i) for i in range(20)], known.appearance, zeros, "model").save(tmp_path / "index")
    path = tmp_path / "index" / "records.json"
    for stored in ([0, 1], [0, 1, 2, 3, 4, 5, 6, 16], [0, 0, 2, 3, 4, 5, 6, 7], "abc"):
        header = json.loads(path.read_text())
        header["columns"]["shape"]["stored"] = stored
        path.write_text(json.dumps(header))
        with pytest.raises(InputError, match="damaged"):
            Gallery.load(tmp_path / "index")


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivfsq"])
@pytest.mark.slow
def test_a_changed_gallery_comes_back_from_disk_and_can_be_changed_again(tmp_path, kind):
    records, known, asked = [picture(i) for i in range(500)], described(500, 0), described(3, 1)
    gallery = Gallery(records[:400], known.appearance[:400], known.shape[:400], "model", kind)
    gallery.save(tmp_path / "index")
    gallery = Gallery.load(tmp_path / "index")
    assert isinstance(gallery.appearance, np.memmap)
    gallery.add(records[400:450], known.rows(slice(400, 450)))
    gallery.delete([0, 7, 420])
    gallery.save(tmp_path / "index")
    again = Gallery.load(tmp_path / "index")
    assert again.records == gallery.records and len(again) == 447
    assert again.records[6].time == 1006.0 and again.records[7].time is None
    where = Filter(camid=("0", "1"))
    assert again.search(asked, k=9, where=where) == gallery.search(asked, k=9, where=where)
    again.add(records[450:], known.rows(slice(450, 500)))
    assert again.search(known.rows(slice(499, 500)), k=1)[0][0].index == 499
    small = again.compacted()
    assert len(small) == len(small.records) == 497 and small.compacted() is small
    best = [[(match.path, match.score) for match in answer] for answer in small.search(asked, k=9)]
    assert best == [[(match.path, match.score) for match in answer] for answer in again.search(asked, k=9)]


def model_of(fingerprint: str = "model"):
    return SimpleNamespace(fingerprint=fingerprint, config=SimpleNamespace(shape_share=0.25))


def test_an_npz_of_embed_is_a_gallery(tmp_path):
    from threedsl.cli.embed import write_npz

    records, known, asked = [picture(i) for i in range(60)], described(60, 0), described(3, 1)
    whole = Gallery(records, known.appearance, known.shape, "model", shape_share=0.25)
    whole.delete([5])
    write_npz(whole, tmp_path / "all.npz")
    gallery = Gallery.open(tmp_path / "all.npz", model_of())
    assert len(gallery) == 59 and gallery.shape_share == 0.25
    assert [r.pid for r in gallery.records] == [r.pid for r in records[:5] + records[6:]]
    for one, other in zip(gallery.search(asked), whole.search(asked), strict=True):
        assert [(m.path, m.score) for m in one] == [(m.path, m.score) for m in other]
    with pytest.raises(InputError, match=r"^\S+/all\.npz was made with another model; write it again"):
        Gallery.open(tmp_path / "all.npz", model_of("other"))
    data = (tmp_path / "all.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(data[:-500])
    np.savez(tmp_path / "less.npz", appearance=known.appearance)
    np.savez(tmp_path / "objects.npz", path=np.array([{}]), pid=1, camid=1, clothes=1)
    for name in ("cut", "less", "objects"):
        with pytest.raises(InputError, match="threedsl embed"):
            Gallery.open(tmp_path / f"{name}.npz", model_of())


def test_indexes_of_the_first_format_are_read(tmp_path):
    """Written as the first version wrote them: HNSW over whole vectors, one index more for both streams together."""
    import hashlib

    import faiss

    records, known, asked = [picture(i) for i in range(300)], described(300, 0), described(3, 1)
    folder = tmp_path / "index"
    folder.mkdir()
    for name in ("appearance", "shape", "combined"):
        vectors = np.ascontiguousarray(known.stream(name))
        index = faiss.IndexHNSWFlat(vectors.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
        index.add(vectors)
        faiss.write_index(index, str(folder / f"{name}.faiss"))
        if name != "combined":
            np.save(folder / f"{name}.npy", vectors)
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    rows = [
        {"path": str(r.path), "pid": r.pid, "camid": r.camid, "clothes": r.clothes, "box": None}
        for r in records
    ]
    header = {"format": 1, "fingerprint": "model", "kind": "hnsw", "files": files, "records": rows}
    (folder / "records.json").write_text(json.dumps(header))
    new = Gallery(records, known.appearance, known.shape, "model")
    old = Gallery.load(folder)
    assert old.kind == "hnsw" and set(old._indices) == {"appearance", "shape"}
    for stream in old.streams:
        for one, other in zip(old.search(asked, stream), new.search(asked, stream), strict=True):
            assert [match.index for match in one] == [match.index for match in other]


def test_another_weight_is_searched_without_another_index():
    known, asked = described(300, 0), described(3, 1)
    gallery = Gallery([picture(i) for i in range(300)], known.appearance, known.shape, "model", "hnsw")
    gallery.search(asked)
    other = gallery.weighed(0.9)
    assert other._indices is gallery._indices and set(gallery._indices) == {"appearance", "shape"}
    exact = Descriptors(known.appearance, known.shape, shape_share=0.9).combined
    scores = Descriptors(asked.appearance, asked.shape, shape_share=0.9).combined @ exact.T
    assert [[m.index for m in a] for a in other.search(asked, k=3)] == np.argsort(-scores, axis=1)[
        :, :3
    ].tolist()


def test_a_full_temporary_folder_ends_in_a_sentence_and_not_in_a_signal(monkeypatch):
    """Written through memory, the first page that has no room would end the process."""

    def full(handle, start, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pieces, "IN_MEMORY", 0)
    monkeypatch.setattr(os, "posix_fallocate", full)
    piece = Piece(np.ones((3, 7), np.float32))
    with pytest.raises(
        InputError, match=r"no room for the descriptors \(No space left on device\); free some"
    ):
        piece.append(np.ones((3, 7), np.float32))
    assert len(piece) == 3
