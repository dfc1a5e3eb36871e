"""Adding, deleting, filtering: the same calls on every kind of index and in Milvus, against brute force."""

from dataclasses import replace

import numpy as np
import pytest

from tests.gallery.backends import BACKENDS, described, make, picture
from threedsl.descriptors import STREAMS, weights_of
from threedsl.errors import InputError
from threedsl.gallery import Filter, index_kinds

FILTERS = [
    Filter(),
    Filter(camid=("1",)),
    Filter(not_camid=("1", "2"), clothes=("coat",)),
    Filter(pid=("p3", "p4", "nobody")),
    Filter(pid=("p3", "p4"), not_pid=("p4",)),
    Filter(not_clothes=("coat",), since=1000.0),
    Filter(until=1100.0),
    Filter(since=1020.0, until=1020.0),
    Filter(pid=()),
]


def fits(record, where: Filter) -> bool:
    """Word for word as the filter says it."""
    for name in ("pid", "camid", "clothes"):
        allowed, refused = getattr(where, name), getattr(where, f"not_{name}")
        if allowed is not None and getattr(record, name) not in allowed:
            return False
        if refused is not None and getattr(record, name) in refused:
            return False
    if where.since is not None and (record.time is None or record.time < where.since):
        return False
    return where.until is None or (record.time is not None and record.time <= where.until)


def best(known, asked, stream, k, rows, share=0.5):
    """Rows of the k best among some rows, for every query."""
    weights = weights_of(stream, share)
    scores = sum(weights[name] * (getattr(asked, name) @ getattr(known, name).T) for name in weights)
    rows = np.array(rows, int)
    return [rows[np.argsort(-line[rows], kind="stable")][:k].tolist() for line in scores]


def found(gallery, asked, **options):
    return [[match.index for match in answer] for answer in gallery.search(asked, **options)]


@pytest.fixture(params=BACKENDS)
def backend(request, tmp_path, monkeypatch):
    """Few allowed rows do not lead to a search of all of them, so that the indexes show their filters."""
    monkeypatch.setattr(index_kinds, "EXHAUSTIVE", 0)
    with make(request.param, tmp_path) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("stream", STREAMS)
def test_filters_work_inside_the_search(backend, stream):
    records = [picture(i) for i in range(700)]
    known, asked = described(700, 0), described(5, 1)
    gallery = backend(records, known)
    for where in FILTERS:
        rows = [row for row, record in enumerate(records) if fits(record, where)]
        assert found(gallery, asked, stream=stream, k=20, where=where) == best(known, asked, stream, 20, rows)


@pytest.mark.slow
def test_added_pictures_are_found_and_deleted_ones_are_not(backend):
    records, known, asked = [picture(i) for i in range(700)], described(700, 0), described(4, 1)
    gallery = backend(records[:500], known.rows(slice(0, 500)))
    first = found(gallery, asked, k=5)
    assert first == best(known, asked, "combined", 5, range(500))
    assert gallery.add(records[500:501], known.rows(slice(500, 501))) == range(500, 501)
    assert gallery.add(records[501:], known.rows(slice(501, 700))) == range(501, 700)
    assert len(gallery) == 700
    for stream in STREAMS:
        assert found(gallery, asked, stream=stream, k=5) == best(known, asked, stream, 5, range(700))
    gone = {row for answer in first for row in answer}
    assert gallery.delete(sorted(gone)) == len(gone) and gallery.delete(sorted(gone)) == 0
    left = [row for row in range(700) if row not in gone]
    assert len(gallery) == len(left)
    assert found(gallery, asked, k=5) == best(known, asked, "combined", 5, left)
    where = Filter(camid=("2",))
    among = [row for row in left if records[row].camid == "2"]
    assert gallery.delete(where) == len(among) and found(gallery, asked, where=where) == [[]] * 4
    left = [row for row in left if row not in set(among)]
    assert found(gallery, asked, k=700) == best(known, asked, "combined", 700, left)


@pytest.mark.slow
def test_what_cannot_be_added_or_deleted_is_a_sentence(backend):
    known = described(400, 0)
    gallery = backend([picture(i) for i in range(400)], known)
    for rows in ([400], [-1], [1.5]):
        with pytest.raises(InputError, match="whole numbers from 0 to 399"):
            gallery.delete(rows)
    with pytest.raises(InputError, match="give one for each"):
        gallery.add([picture(1)], known.rows(slice(0, 2)))
    with pytest.raises(InputError, match="another model"):
        gallery.add([picture(1)], described(1, 0, width=5))
    with pytest.raises(InputError, match="tuple of labels"):
        gallery.search(known.rows(slice(0, 1)), where=Filter(pid="p3"))
    with pytest.raises(InputError, match="1 or more"):
        gallery.search(known.rows(slice(0, 1)), k=0)
    assert len(gallery) == 400


@pytest.mark.slow
def test_labels_come_back_whatever_they_hold(backend):
    records = [picture(i) for i in range(400)]
    odd = ['a"b', "c\\d", "e'f", "ä 中", "% _ *"]
    records[: len(odd)] = [replace(record, pid=pid) for record, pid in zip(records, odd, strict=False)]
    known = described(400, 0)
    gallery = backend(records, known)
    for row, pid in enumerate(odd):
        (match,) = gallery.search(known.rows(slice(row, row + 1)), where=Filter(pid=(pid,)))[0]
        assert (match.index, match.person, match.path) == (row, pid, records[row].path)
        assert match.score == pytest.approx(1, abs=1e-5)
