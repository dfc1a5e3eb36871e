"""Zip files as people and attackers make them, as bytes: shared by several tests."""

import io
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image

from tests.pictures import encoded


def crop(seed: int = 0) -> bytes:
    """A small picture of coloured patches, another one for every seed, as PNG."""
    patches = np.random.default_rng(seed).integers(0, 255, (8, 4, 3), dtype=np.uint8)
    return encoded(Image.fromarray(patches).resize((64, 128), Image.Resampling.NEAREST))


def zipped(
    files: Mapping[str, bytes] | Sequence[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A zip of files; a sequence may name one twice."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as archive:
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, data in files.items() if isinstance(files, Mapping) else files:
            info = zipfile.ZipInfo()  # the constructor would tidy the name up
            info.filename = info.orig_filename = name
            info.compress_type = method
            archive.writestr(info, data)
    return buffer.getvalue()


def of_kind(name: str, data: bytes, mode: int) -> bytes:
    """A zip whose only entry says that it is a link, a device or a pipe."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.create_system = 3
        info.external_attr = (mode | 0o777) << 16
        archive.writestr(info, data)
        archive.writestr("good.png", crop(1))
    return buffer.getvalue()


def link(name: str, target: str) -> bytes:
    """A zip with a symbolic link and a good picture."""
    return of_kind(name, target.encode(), stat.S_IFLNK)


def patched(data: bytes, change: Callable[[bytearray, int], None], local: bool = False) -> bytes:
    """The zip with every entry of its directory changed, or every local header; `change` gets the bytes and where
    the entry begins."""
    out = bytearray(data)
    signature, at = b"PK\x03\x04" if local else b"PK\x01\x02", -1
    while (at := data.find(signature, at + 1)) >= 0:
        change(out, at)
    return bytes(out)


def declaring(data: bytes, size: int) -> bytes:
    """The zip whose entries say that they unpack to `size` bytes."""
    return patched(data, lambda out, at: struct.pack_into("<I", out, at + 24, size))


def with_method(data: bytes, method: int) -> bytes:
    """The zip whose entries say that they are packed in another way."""
    return patched(data, lambda out, at: struct.pack_into("<H", out, at + 10, method))


def locked(data: bytes) -> bytes:
    """The zip whose entries say that they are encrypted."""
    return patched(data, lambda out, at: struct.pack_into("<H", out, at + 8, 1))


def renamed(data: bytes, old: bytes, new: bytes, utf8: bool = False) -> bytes:
    """The zip with an entry's raw name replaced by one of the same length, said to be UTF-8 or not."""
    assert len(old) == len(new)
    out = data.replace(old, new)
    flag = 0x800 if utf8 else 0
    out = patched(out, lambda raw, at: struct.pack_into("<H", raw, at + 8, flag))
    return patched(out, lambda raw, at: struct.pack_into("<H", raw, at + 6, flag), local=True)


def overlapping(data: bytes, copies: int) -> bytes:
    """Fifield's trick: many entries of the directory that share the bytes of the first."""
    end = data.rfind(b"PK\x05\x06")
    start = struct.unpack_from("<I", data, end + 16)[0]
    entry = data[start:end]
    directory = b"".join(entry.replace(b"a0000", f"a{i:04d}".encode()) for i in range(copies))
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, copies, copies, len(directory), start, 0)
    return data[:start] + directory + tail
