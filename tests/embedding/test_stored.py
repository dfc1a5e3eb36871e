"""Blocks that others left in a shared folder: the right ones are taken, and of the rest a sentence says what to do."""

import io
import zipfile

import numpy as np
import pytest

from threedsl.embedding.stored import is_made_by, load_block
from threedsl.errors import InputError

GOOD = {
    "rows": np.array([4, 6]),
    "appearance": np.zeros((2, 3), np.float32),
    "shape": np.zeros((2, 3), np.float32),
    "digests": np.array(["", "0f" * 32]),
    "skipped": np.array(["one"]),
}


def without(name: str) -> dict[str, np.ndarray]:
    return {key: array for key, array in GOOD.items() if key != name}


def test_a_block_comes_back(tmp_path):
    np.savez(tmp_path / "a.npz", **GOOD)
    assert load_block(tmp_path / "a.npz", 4, 3, (3, 3))["rows"].tolist() == [4, 6]


@pytest.mark.parametrize(
    "arrays",
    [
        GOOD | {"rows": np.array([4, 7])},
        GOOD | {"rows": np.array([4, 4])},
        GOOD | {"rows": np.array([6, 4])},
        GOOD | {"digests": np.array([1, 2])},
        GOOD | {"digests": np.array(["", "not hexadecimal"])},
        GOOD | {"appearance": np.full((2, 3), np.nan, np.float32)},
        GOOD | {"appearance": np.zeros((2, 4), np.float32)},
        GOOD | {"appearance": np.zeros((2, 3), np.int64)},
        GOOD | {"skipped": np.zeros(0, "U1")},
        GOOD | {"rows": np.array([-1, 4])},
        GOOD | {"rows": np.array([4.0, 5.0])},
        GOOD | {"rows": np.array([4])},
        GOOD | {"shape": np.zeros((1, 3), np.float32)},
        GOOD | {"shape": np.float32(1)},
        without("skipped"),
        without("rows"),
    ],
    ids=str,
)
def test_a_block_of_something_else_goes(tmp_path, arrays):
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)
    with pytest.raises(InputError, match="start the command again"):
        load_block(path, 4, 3, (3, 3))
    assert not path.exists()


def test_a_header_that_lies_takes_no_memory(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<U100", "fortran_order": False, "shape": (10**12,)}
    )
    path = tmp_path / "a.npz"
    np.savez(path, **without("skipped"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("skipped.npy", header.getvalue())
        archive.writestr("job.npy", header.getvalue())
    assert not is_made_by(path, "key")
    with pytest.raises(InputError):
        load_block(path, 4, 3, (3, 3))


def test_whose_an_output_is(tmp_path):
    np.savez(tmp_path / "a.npz", job=np.array("key"))
    assert is_made_by(tmp_path / "a.npz", "key") and not is_made_by(tmp_path / "a.npz", "other")
    assert not is_made_by(tmp_path / "b.npz", "key")
