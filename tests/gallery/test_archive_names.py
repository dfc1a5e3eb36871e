"""Names in a zip that cost more than they say."""

import time

import pytest

from tests.zips import crop, zipped
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
