"""What a Milvus collection has of its own: opening it again, refusals, and the filter's language."""

import sys

import pytest

from tests.gallery.backends import described, picture
from threedsl.errors import InputError
from threedsl.gallery import Filter
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
    from dataclasses import replace

    known = described(2, 0)
    gallery = MilvusGallery.create(address, "people", known)
    with pytest.raises(InputError, match="4,096 bytes"):
        gallery.add([picture(0), replace(picture(1), pid="x" * 5000)], known)
    assert len(gallery) == 0
    gallery.close()


def test_filters_in_milvus_language():
    assert expression(None) == expression(Filter()) == ""
    assert expression(Filter(not_pid=('a"b',))) == 'pid not in ["a\\"b"]'
    assert expression(Filter(camid=(), since=2.0)) == "id < 0 and time >= 2.0 and time > -1e+300"
