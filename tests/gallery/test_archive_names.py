"""Names in a zip that cost more than they say."""

import struct
import time
from pathlib import Path

import pytest

from tests.zips import crop, zipped
from threedsl.errors import InputError
from threedsl.gallery.archive import MOST_COMPOSED, open_archive


@pytest.mark.slow
def test_a_name_of_many_accents_is_left_out_at_once(tmp_path):
    """Sorting the accents of a name of 64 kB took 6 s, in which the whole page stood still; a zip holds thousands."""
    path = tmp_path / "people.zip"
    path.write_bytes(zipped({"a" + "\u0301" * 15_900 + "\u0323" * 15_900 + ".png": b"", "b.png": crop(1)}))
    start = time.thread_time()
    with open_archive(path, path.name) as archive:
        assert time.thread_time() - start < 2
        assert [entry.name for entry in archive.entries] == ["b.png"]
        assert len(archive.left_out) == 1 and archive.left_out[0].endswith("has too long a name.")


def test_accents_are_composed_in_names_of_any_length_that_is_kept(tmp_path):
    path = tmp_path / "people.zip"
    written = "/".join(["u\u0308" * 60] * 4) + ".png"
    assert len(written) <= MOST_COMPOSED
    path.write_bytes(zipped({written: crop(1)}))
    with open_archive(path, path.name) as archive:
        assert [entry.name for entry in archive.entries] == ["/".join(["ü" * 60] * 4) + ".png"]


def with_directory(path: Path, count: int, name: bytes, extra: bytes = b"") -> None:
    """A zip of so many empty files, whose directory says more of each than its files do."""
    parts, directory = b"", b""
    for number in range(count):
        own = b"%05d" % number + name
        head = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, 5, 0) + own[:5]
        sizes = len(own), len(extra), 0, 0, 0, 0, len(parts)
        directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, *sizes) + own + extra
        parts += head
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(directory), len(parts), 0)
    path.write_bytes(parts + directory + end)


def test_names_of_thousands_of_folders_are_left_out_at_once(tmp_path):
    """Three hundred took 4 s, of 1,500 that fit in a zip."""
    path, start = tmp_path / "people.zip", time.process_time()
    with_directory(path, 100, b"/a" * 32_000)
    with open_archive(path, path.name) as archive:
        assert not archive.entries and len(archive.left_out) == 100
    assert time.process_time() - start < 0.5


def test_a_zip_that_says_very_much_about_its_files_is_refused(tmp_path):
    """A hundred took 3 s, the 1,500 that fit in a zip two minutes of the builds' turn."""
    path, field, start = tmp_path / "people.zip", struct.pack("<HH", 0x9999, 0), time.process_time()
    with_directory(path, 100, b".png", field * 16_000)
    with pytest.raises(InputError, match="more about its files than"):
        open_archive(path, path.name)
    assert time.process_time() - start < 0.5
    with_directory(path, 1000, b".png", field * 100)
    with open_archive(path, path.name) as archive:
        assert len(archive.entries) == 1000
