"""Untrusted NumPy files, read without trusting their headers and without pickle."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np

from threedsl.errors import InputError

MOST_UNPACKED = 2**30  # bytes of all arrays of an .npz
PLAIN = frozenset((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
DAMAGE = (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile, zlib.error, struct.error, RuntimeError)


def read_npz(data: bytes, name: str, remedy: str) -> dict[str, np.ndarray]:
    """The arrays of an .npz file, of which zip keeps checksums.

    Args:
        data: the file's bytes. name: its name in error sentences. remedy: what to do if it is damaged.

    Raises:
        InputError: damaged, more than MOST_UNPACKED bytes when unpacked, pickled, or an array's size differs
            from its header's.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            check_members(archive, archive.infolist())
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}
    except DAMAGE as error:  # NotImplementedError, which zip files of other methods raise, is a RuntimeError
        reason = (str(error) or type(error).__name__).splitlines()[0][:120].rstrip(".")
        raise InputError(f"{name} is damaged ({reason}); {remedy}.") from None


def check_members(
    archive: zipfile.ZipFile, members: Iterable[zipfile.ZipInfo], most: int | None = None
) -> None:
    """Check the headers of arrays in an .npz before one of them is read: NumPy believes them.

    most: bytes of all of them; by default MOST_UNPACKED.

    Raises:
        ValueError: more than `most` bytes together, or as `check_npy`.
    """
    members, most = list(members), MOST_UNPACKED if most is None else most
    if sum(member.file_size for member in members) > most:
        raise ValueError(f"it unpacks to more than {most / 2**30:g} GB")
    for member in members:
        if member.compress_type not in PLAIN:
            raise ValueError(f"{member.filename[:40]!r} uses an unusual compression method")
        with archive.open(member) as file:
            check_npy(file, member.file_size, member.filename[:40])


def check_npy(file: BinaryIO, size: int, name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """(shape, whether in Fortran order, dtype) of the .npy file at the start of `file`.

    size: bytes of the file, which must match shape and type; nothing is allocated by the header's word alone.

    Raises:
        ValueError: not an .npy file, Python objects, or a size that does not match its shape and type.
    """
    shape, fortran, dtype = npy_header(file, name)
    if dtype.itemsize == 0:
        raise ValueError(f"{name} claims elements without a size")
    if dtype.hasobject:
        raise ValueError(f"{name} contains Python objects, which are never loaded")
    count = 1
    for length in shape:
        if length < 0:
            raise ValueError(f"{name} has a negative length")
        count *= length  # Python's integers, which do not overflow
    if file.tell() + count * dtype.itemsize != size:
        raise ValueError(f"{name} has {size:,} bytes, which is not what its shape {shape} needs"[:120])
    return shape, fortran, dtype


def npy_header(file: BinaryIO, name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """(shape, whether in Fortran order, dtype) as an .npy file's header says.

    Raises:
        ValueError: it is none; Python's parser, which NumPy asks, has other exceptions for thousands of signs.
    """
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(file)
        if version == (2, 0):
            return np.lib.format.read_array_header_2_0(file)
    except (ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile):
        raise
    except Exception:
        raise ValueError(f"the header of {name} is invalid") from None
    raise ValueError(f"{name} uses another version of NumPy's format")
