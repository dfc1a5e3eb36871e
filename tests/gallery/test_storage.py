"""Saved galleries that are replaced while they are read, left by killed writers, altered, or too large for the disk."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import faiss
import numpy as np
import pytest

from threedsl.data.listfile import Record
from threedsl.errors import InputError
from threedsl.gallery import Gallery

REPOSITORY = Path(__file__).resolve().parents[2]


def gallery_of(folder: Path, rows: range, kind: str = "flat") -> Gallery:
    """Picture i has descriptors of nothing but i."""
    numbers = np.array(rows, np.float32)
    records = [Record(folder / f"{i}.jpg", str(i)) for i in rows]
    appearance = np.repeat(numbers[:, None], 16, 1)
    return Gallery(records, appearance, 2 * appearance, "model", kind)


WRITER = """
import sys, time
from pathlib import Path
from tests.gallery.test_storage import gallery_of
folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
both = [gallery_of(folder, rows) for rows in (range(300), range(299, -1, -1))]
stop, count = time.monotonic() + seconds, 0
while time.monotonic() < stop:
    both[count % 2].save(folder / "index")
    count += 1
print(count)
"""


@pytest.mark.slow
def test_what_is_loaded_is_what_one_writer_saved(tmp_path):
    """Two writers replace the index all the time, in two orders; every load has each picture's own descriptors."""
    gallery_of(tmp_path, range(300)).save(tmp_path / "index")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), "6"],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    loads, orders = 0, set()
    while any(writer.poll() is None for writer in writers):
        loaded = Gallery.load(tmp_path / "index")
        pids = np.array([float(record.pid) for record in loaded.records])
        assert np.array_equal(loaded.appearance[:, 0], pids) and np.array_equal(loaded.shape[:, 0], 2 * pids)
        loads += 1
        orders.add(pids[0])
    replaced = sum(int(writer.communicate()[0]) for writer in writers)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert replaced > 10 and loads > 10 and orders == {0.0, 299.0}
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


@pytest.mark.slow
def test_a_deleted_index_never_comes_back(tmp_path):
    """Killed after the new index took its place, before the old one was gone; then the user deletes the index."""
    gallery_of(tmp_path, range(5)).save(tmp_path / "index")
    killed = """
import os, sys
from pathlib import Path
from tests.gallery.test_storage import gallery_of
from threedsl import files
replace = files._replace_folder
def then_die(*arguments):
    replace(*arguments)
    os._exit(9)
files._replace_folder = then_die
gallery_of(Path(sys.argv[1]), range(7)).save(Path(sys.argv[1]) / "index")
"""
    done = subprocess.run([sys.executable, "-c", killed, str(tmp_path)], cwd=REPOSITORY)
    assert done.returncode == 9 and len(Gallery.load(tmp_path / "index")) == 7
    for path in (tmp_path / "index").iterdir():
        path.unlink()
    (tmp_path / "index").rmdir()
    with pytest.raises(InputError, match="does not exist"):
        Gallery.load(tmp_path / "index")
    gallery_of(tmp_path, range(3)).save(tmp_path / "index")
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


FULL = """
import resource, sys
from pathlib import Path
from tests.gallery.test_storage import gallery_of
gallery = gallery_of(Path(sys.argv[1]), range(3000), sys.argv[2])
gallery.search  # what is imported is written before the limit
import faiss, numpy
if gallery.kind != "flat":
    gallery._index("appearance")
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
from threedsl.errors import InputError
try:
    gallery.save(Path(sys.argv[1]) / "index")
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("kind", "limit"), [("flat", 10_000), ("flat", 220_000), ("hnsw", 300_000)], ids=["npy", "json", "faiss"]
)
@pytest.mark.slow
def test_a_full_disk_is_a_sentence_and_the_old_index_stays(tmp_path, kind, limit):
    """The system refuses to let a file grow, which is what each of the three writers then says in its own words."""
    gallery_of(tmp_path, range(5)).save(tmp_path / "index")
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path), kind, str(limit)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.stderr == "" and done.returncode == 0
    assert "index cannot be written (" in done.stdout and done.stdout.count("\n") == 1
    assert len(Gallery.load(tmp_path / "index")) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def rewritten(folder: Path, name: str, array: np.ndarray) -> None:
    """Replace an array and its checksum, as a program would that makes indices of its own."""
    import hashlib

    np.save(folder / name, array)
    header = json.loads((folder / "records.json").read_text())
    header["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "records.json").write_text(json.dumps(header))


def header_with(**fields):
    def change(folder: Path) -> None:
        header = json.loads((folder / "records.json").read_text()) | fields
        (folder / "records.json").write_text(json.dumps(header))

    return change


def unlisted(folder: Path) -> None:
    header = json.loads((folder / "records.json").read_text())
    del header["files"]["shape.npy"]
    (folder / "records.json").write_text(json.dumps(header))


def pipe(folder: Path) -> None:
    (folder / "shape.npy").unlink()
    os.mkfifo(folder / "shape.npy")


def pointer(name: str):
    def change(folder: Path) -> None:
        (folder / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n")

    return change


def box(value):
    def change(folder: Path) -> None:
        header = json.loads((folder / "records.json").read_text())
        header["records"][2]["box"] = value
        (folder / "records.json").write_text(json.dumps(header))

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda folder: rewritten(folder, "shape.npy", np.zeros((5, 4, 4), np.float32)),
            "of shape (5, 4, 4)",
        ),
        (lambda folder: rewritten(folder, "shape.npy", np.zeros(5, np.float32)), "of shape (5,)"),
        (lambda folder: rewritten(folder, "shape.npy", np.zeros((4, 4), np.float32)), "for 5 records"),
        (lambda folder: rewritten(folder, "shape.npy", np.zeros((5, 4), np.int32)), "int32 numbers"),
        (
            lambda folder: rewritten(folder, "shape.npy", np.full((5, 4), np.nan, np.float32)),
            "NaN or infinity",
        ),
        pytest.param(
            lambda folder: rewritten(folder, "shape.npy", np.float32([[np.inf, -np.inf, 0, 0]] * 5)),
            "NaN or infinity",
            marks=pytest.mark.filterwarnings("error"),
        ),
        (lambda folder: rewritten(folder, "shape.npy", np.array([{}] * 5)), "Python objects"),
        (unlisted, "shape.npy"),
        (pipe, "is a pipe"),
        (pointer("shape.npy"), "`git lfs pull`"),
        (pointer("records.json"), "`git lfs pull`"),
        (lambda folder: (folder / "records.json").write_text('{"a":' * 100_000), "nested too deeply"),
        (box([1e400, 1, 2, 3]), "damaged"),
        (box([1, 2, 3]), "damaged"),
        (header_with(records=7), "damaged"),
        (header_with(files=["appearance.npy"]), "damaged"),
        (header_with(format={"a": [1] * 1000}), "this program reads 1 to 2"),
        (header_with(shape_share=float("nan")), "shape_share is out of range"),
    ],
)
def test_indices_that_cannot_be_right_end_in_a_sentence(tmp_path, change, words):
    gallery_of(tmp_path, range(5)).save(tmp_path / "index")
    change(tmp_path / "index")
    start = time.monotonic()
    with pytest.raises(InputError) as error:
        Gallery.load(tmp_path / "index")
    sentence = str(error.value)
    assert time.monotonic() - start < 20
    assert words in sentence and str(tmp_path / "index") in sentence and "\n" not in sentence
    assert len(sentence) < 1000


def test_an_approximate_index_of_other_pictures_is_refused(tmp_path):
    import hashlib

    gallery_of(tmp_path, range(1, 6), "hnsw").save(tmp_path / "index")
    other = faiss.IndexHNSWFlat(16, 8)
    other.add(np.ones((4, 16), np.float32))
    path = tmp_path / "index" / "appearance.faiss"
    faiss.write_index(other, str(path))
    header = json.loads((tmp_path / "index" / "records.json").read_text())
    header["files"]["appearance.faiss"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "index" / "records.json").write_text(json.dumps(header))
    with pytest.raises(InputError, match="4 vectors for 5 records"):
        Gallery.load(tmp_path / "index")


def test_descriptors_in_column_order_come_back(tmp_path):
    made = gallery_of(tmp_path, range(5))
    appearance = np.asfortranarray(made.appearance * np.arange(1, 17, dtype=np.float32))
    gallery = Gallery(made.records, appearance, made.shape, "model")
    gallery.save(tmp_path / "index")
    assert np.array_equal(Gallery.load(tmp_path / "index").appearance, gallery.appearance)


@pytest.mark.parametrize("width", [2**15 + 1, 10**12, 2**70])
def test_columns_that_no_network_has_are_refused_before_memory_is_taken(tmp_path, width):
    saved = tmp_path / "index"
    gallery_of(tmp_path, range(1, 5)).save(saved)
    path = saved / "records.json"
    header = json.loads(path.read_text(encoding="utf-8"))
    stored = list(range(np.load(saved / "appearance.npy", mmap_mode="r").shape[1]))
    header["columns"] = {"appearance": {"width": width, "stored": stored}}
    path.write_text(json.dumps(header), encoding="utf-8")
    with pytest.raises(InputError, match="the stored columns are not those of its descriptors"):
        Gallery.load(saved)


@pytest.mark.parametrize("theirs", ['{"annotations": []}', "[]", "[1, 2]", "photo;person"])
def test_a_file_of_somebody_else_that_has_the_name_of_an_index_stays(tmp_path, theirs):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "records.json").write_text(theirs)
    with pytest.raises(InputError, match=r"photos exists and is not a saved index; choose another name"):
        gallery_of(tmp_path, range(3)).save(tmp_path / "photos")
    assert (tmp_path / "photos" / "records.json").read_text() == theirs


@pytest.mark.parametrize("theirs", ["", '{"format": 2, "finger', '{\n "format": 1,\n "title": "exported"}'])
def test_a_damaged_index_is_replaced(tmp_path, theirs):
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "records.json").write_text(theirs)
    gallery_of(tmp_path, range(3)).save(tmp_path / "index")
    assert len(Gallery.load(tmp_path / "index")) == 3
