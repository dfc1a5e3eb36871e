"""Files of descriptors whose headers lie, and indices that name what is not there: a sentence, and no memory by a
header's word."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.gallery.test_gallery import unit
from threedsl.errors import InputError
from threedsl.gallery import describing, index_kinds
from threedsl.gallery.describing import read_npz
from threedsl.gallery.pieces import Piece

EMPTY = ("<U1", (2,), bytes(8))


def npy(dtype: str, shape: tuple[int, ...], content: bytes) -> bytes:
    file = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + content


def write(to: Path, **changed: tuple[str, tuple[int, ...], bytes]) -> Path:
    arrays = {
        "path": EMPTY,
        "pid": EMPTY,
        "camid": EMPTY,
        "clothes": EMPTY,
        "fingerprint": ("<U1", (), "m".encode("utf-32-le")),
        "appearance": ("<f4", (2, 3), bytes(24)),
        "shape": ("<f4", (2, 3), bytes(24)),
    }
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in (arrays | changed).items():
            archive.writestr(f"{name}.npy", npy(*array))
    return to


@pytest.mark.parametrize("name", ["path", "clothes", "fingerprint", "time"])
@pytest.mark.parametrize(
    "array",
    [
        ("<U100", (10**12,), b"x" * 100),
        ("|S0", (10**12,), b""),
        ("<U1", (-5,), b"x" * 100),
        ("<U1", (2**40, 2**40), b""),
        ("|O", (2,), b"x" * 100),
    ],
    ids=str,
)
def test_headers_that_claim_what_is_not_there(tmp_path, name, array):
    with pytest.raises(InputError, match="cannot be read"):
        read_npz(write(tmp_path / "a.npz", **{name: array}), "m")


def test_text_that_unpacks_to_far_more_than_labels_have(tmp_path, monkeypatch):
    monkeypatch.setattr(describing, "MOST_TEXT_BYTES", 10**6)
    path = write(tmp_path / "a.npz", path=("<U1000000", (2,), bytes(8_000_000)))
    with pytest.raises(InputError, match="unpacks to more than"):
        read_npz(path, "m")


def test_damaged_compression(tmp_path):
    path = write(tmp_path / "a.npz", appearance=("<f4", (2, 3000), np.random.default_rng(0).bytes(24000)))
    data = bytearray(path.read_bytes())
    at = data.find(b"appearance.npy") + 40
    data[at : at + 100] = b"\xff" * 100
    path.write_bytes(data)
    with pytest.raises(InputError, match="cannot be read"):
        read_npz(path, "m")


def test_what_is_right_is_read(tmp_path):
    records, pieces = read_npz(write(tmp_path / "a.npz"), "m")
    assert len(records) == 2 and len(pieces["shape"]) == 2


@pytest.mark.parametrize("kind", ["ivfsq", "ivfpq"])
@pytest.mark.parametrize("row", [640, -1, 2**62])
def test_an_ivf_index_that_names_other_rows_is_told(row, kind):
    import faiss

    index = index_kinds.build_index(Piece(unit(np.random.default_rng(0), 640, 8)), kind)
    assert index_kinds.has_own_rows(index)
    lists = faiss.downcast_InvertedLists(index.invlists)
    cell = next(cell for cell in range(lists.nlist) if lists.list_size(cell))
    faiss.rev_swig_ptr(lists.get_ids(cell), lists.list_size(cell))[0] = row
    assert not index_kinds.has_own_rows(index)
