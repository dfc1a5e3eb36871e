"""Galleries of every kind with the same pictures: the kinds of FAISS index, and a Milvus collection."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from threedsl.data.listfile import Record
from threedsl.descriptors import Descriptors
from threedsl.gallery import Gallery

BACKENDS = ["flat", "hnsw", "ivfsq", "milvus"]


def picture(i: int) -> Record:
    """Seven people, three cameras, two outfits; every fourth without a time."""
    time = None if i % 4 == 3 else 1000.0 + i
    return Record(Path(f"/pictures/{i}.jpg"), f"p{i % 7}", str(i % 3), "coat" if i % 2 else "", time)


def described(count: int, seed: int, width: int = 24) -> Descriptors:
    rng = np.random.default_rng(seed)
    vectors = [rng.standard_normal((count, size)).astype(np.float32) for size in (width, 16)]
    return Descriptors(*(one / np.linalg.norm(one, axis=1, keepdims=True) for one in vectors), "model")


@contextmanager
def make(kind: str, folder: Path) -> Iterator:
    """A function (records, descriptors) -> gallery."""
    if kind != "milvus":
        yield lambda records, known: Gallery(records, known.appearance, known.shape, "model", kind)
        return
    for package in ("pymilvus", "milvus_lite"):
        pytest.importorskip(package, reason=f"{package} is not installed (tests/requirements.txt)")
    from threedsl.gallery.milvus import MilvusGallery

    opened = []

    def in_milvus(records, known):
        opened.append(MilvusGallery.create(str(folder / "milvus.db"), "people", known))
        opened[-1].add(records, known)
        return opened[-1]

    yield in_milvus
    for gallery in opened:
        gallery.close()
