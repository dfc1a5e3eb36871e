"""Headers of NumPy's files, which Python's own parser reads."""

import io
import struct

import numpy as np
import pytest

from tests.zips import zipped
from threedsl.arrays import npy_header, read_npz
from threedsl.errors import InputError

ONE = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s,)}"


def array_file(header: str, version: bytes = b"\1\0") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H" if version == b"\1\0" else "<I", len(text)) + text


@pytest.mark.parametrize(
    "header", ["-" * 9000 + "1", ONE % ("-" * 8000 + "1"), "(" * 300, "[" * 150, "", "\0"]
)
@pytest.mark.parametrize("version", [b"\1\0", b"\2\0", b"\3\0"])
def test_headers_that_the_parser_gives_up_on_are_a_sentence(header, version):
    """The first three ended in a traceback."""
    with pytest.raises(InputError, match=r"a\.npz is damaged \(.*\); copy it\."):
        read_npz(zipped({"a.npy": array_file(header, version)}), "a.npz", "copy it")


def test_usual_headers_are_read():
    file = io.BytesIO()
    np.save(file, np.zeros((2, 3), np.float32))
    file.seek(0)
    assert npy_header(file, "a") == ((2, 3), False, np.dtype("<f4"))
    assert file.read() == bytes(24)
