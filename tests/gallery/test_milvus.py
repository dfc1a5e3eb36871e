"""What a Milvus collection has of its own: opening it again, refusals, and the filter's language."""

import sys
from dataclasses import replace

import pytest

from tests.gallery.backends import described, picture
from threedsl.errors import InputError
from threedsl.gallery import Filter, milvus
from threedsl.gallery.milvus import MilvusGallery, expression

pytestmark = pytest.mark.slow


@pytest.fixture
def address(tmp_path):
    for package in ("pymilvus", "milvus_lite"):
        pytest.importorskip(package, reason=f"{package} is not installed (tests/requirements.txt)")
    return str(tmp_path / "milvus.db")


def test_a_collection_is_opened_again_with_its_model_and_rows(address):
    known = described(30, 0)
    gallery = MilvusGallery.create(address, "people", known, "hnsw")
    gallery.add([picture(i) for i in range(30)], known)
    gallery.delete([29])
    gallery.close()
    again = MilvusGallery.open(address, "people")
    assert (len(again), again.kind, again.fingerprint) == (29, "hnsw", "model")
    assert again.add([picture(30)], described(1, 2)) == range(30, 31), "a row is never given twice"
    assert again.search(described(1, 2), k=1)[0][0].index == 30
    with pytest.raises(InputError, match="exists"):
        MilvusGallery.create(address, "people", known)
    with pytest.raises(InputError, match="no gallery others"):
        MilvusGallery.open(address, "others")
    again.close()


def test_without_pymilvus_there_is_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(InputError, match=r"pip install 'threedsl\[milvus\]'"):
        MilvusGallery.open("people.db", "people")


def test_a_server_that_does_not_answer_is_a_sentence(address):
    with pytest.raises(InputError, match="check its address"):
        MilvusGallery.open("http://127.0.0.1:9", "people")


def test_too_long_a_label_adds_nothing(address):
    known = described(2, 0)
    gallery = MilvusGallery.create(address, "people", known)
    with pytest.raises(InputError, match="4,096 bytes"):
        gallery.add([picture(0), replace(picture(1), pid="x" * 5000)], known)
    assert len(gallery) == 0
    gallery.close()


def test_pictures_added_after_a_failure_have_rows_of_their_own(address, monkeypatch):
    monkeypatch.setattr(milvus, "AT_ONCE", 1)
    known = described(3, 0)
    gallery = MilvusGallery.create(address, "people", known)
    with pytest.raises(InputError, match="refuses"):
        gallery.add([picture(0), replace(picture(1), pid="\ud800")], known.rows(slice(0, 2)))
    gallery.add([picture(2)], known.rows(slice(2, 3)))
    found = [gallery.search(known.rows(slice(i, i + 1)), k=1)[0][0].path for i in (0, 2)]
    assert found == [picture(0).path, picture(2).path]
    gallery.close()


def test_a_cluster_that_ends_before_an_addition_is_a_sentence(address):
    known = described(1, 0)
    gallery = MilvusGallery.create(address, "people", known)
    gallery._client.drop_collection("people_about")
    with pytest.raises(InputError, match="Milvus at people refuses"):
        gallery.add([picture(0)], known)
    gallery.close()


def test_filters_in_milvus_language():
    assert expression(None) == expression(Filter()) == ""
    assert expression(Filter(not_pid=('a"b',))) == 'pid not in ["a\\"b"]'
    assert expression(Filter(camid=(), since=2.0)) == "id < 0 and time >= 2.0 and time > -1e+300"
    assert expression(Filter(pid=("\\x\n\0\x1b",))) == 'pid in ["\\\\x\\n\0\x1b"]'
    assert expression(Filter(since=-float("inf"), until=float("inf"))) == (
        "time >= -1e+308 and time <= 1e+308 and time > -1e+300"
    )
    with pytest.raises(InputError, match="not NaN"):
        Filter(since=float("nan"))


ODD = [
    "a",
    '"',
    "\\",
    '\\"',
    '" or id >= 0 or pid == "',
    "\n\r\t",
    "\0",
    "\x1b",
    "\b\f\v",
    "{x}",
    "%",
    "\\u0041",
    "\u2028",
]


@pytest.mark.slow
def test_no_label_is_read_as_a_filter(address):
    records = [replace(picture(row), pid=label) for row, label in enumerate(ODD)]
    known = described(len(ODD), 0)
    gallery = MilvusGallery.create(address, "odd", known)
    gallery.add(records, known)
    for row, label in enumerate(ODD):
        found = gallery.search(known.rows(slice(0, 1)), k=100, where=Filter(pid=(label,)))[0]
        assert [match.index for match in found] == [row], label
        others = gallery.search(known.rows(slice(0, 1)), k=100, where=Filter(not_pid=(label,)))[0]
        assert sorted([row, *(match.index for match in others)]) == list(range(len(ODD)))
    gallery.close()


@pytest.mark.slow
@pytest.mark.parametrize("about", ["{}", "[]", "x", "null", '{"widths": 1}'])
def test_a_collection_that_describes_no_gallery_is_a_sentence(address, about):
    gallery = MilvusGallery.create(address, "people", described(2, 0))
    gallery._client.upsert("people_about", [{"id": 0, "about": about, "unused": [0.0, 1.0]}])
    with pytest.raises(InputError, match="does not describe a gallery"):
        MilvusGallery(gallery._client, "people")
    gallery.close()
