"""Pillow's reader of TIFF and EXIF directories, limited to the bytes that are there and to so many numbers.

Each field of a directory says where its value is, and Pillow copies the value of every field, read or not. Fields that
all point at the same bytes make half a megabyte of EXIF several gigabytes. Every format ends in the same reader (TIFF
directly, JPEG, PNG, WebP, AVIF and HEIF with their EXIF, the first and AVIF as soon as a file is opened), so the limit
is put there: it holds wherever a file hides its directory. Values that do not overlap are read as before.

A field that is asked for becomes one Python object for each of its numbers: an orientation of thirty million numbers
takes a gigabyte. So no field has very many, but for bytes and text, which stay as they are.
"""

from __future__ import annotations

import os
from typing import IO

from PIL import TiffImagePlugin

SPARE = 2**20  # bytes that values may overlap by; real files have none
MOST_NUMBERS = 2**20  # bytes of one field of numbers
_BYTES = frozenset((1, 2, 7))  # BYTE, ASCII, UNDEFINED


class OverlappingFieldsError(Exception):
    """The fields of a directory name far more bytes than the file holds."""


class EndlessFieldError(Exception):
    """A field of a directory holds far more numbers than any picture needs."""


class _Bounded:
    """The file of one directory, which refuses to be read several times over."""

    def __init__(self, file: IO[bytes]):
        self.tell, self.seek, self._file = file.tell, file.seek, file
        here = file.tell()
        self._left = file.seek(0, os.SEEK_END) + SPARE
        file.seek(here)

    def read(self, count: int = -1, /) -> bytes:
        data = self._file.read(count)
        self._left -= len(data)
        if self._left < 0:
            raise OverlappingFieldsError("its EXIF or TIFF fields name far more data than there are")
        return data


_load = TiffImagePlugin.ImageFileDirectory_v2.load


def _load_bounded(self: TiffImagePlugin.ImageFileDirectory_v2, fp: IO[bytes]) -> None:
    _load(self, _Bounded(fp))
    for tag, data in self._tagdata.items():
        if len(data) > MOST_NUMBERS and self.tagtype[tag] not in _BYTES:
            raise EndlessFieldError("one of its EXIF or TIFF fields holds far too many numbers")


def bound_directories() -> None:
    """Put the limits into Pillow, for the whole process; calling it again changes nothing.

    Reading a directory of overlapping fields then raises OverlappingFieldsError, and one with a field of very many
    numbers EndlessFieldError.
    """
    TiffImagePlugin.ImageFileDirectory_v2.load = _load_bounded
