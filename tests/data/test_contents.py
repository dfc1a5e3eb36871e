"""The same picture is known by its bytes, whatever its path."""

import os

import pytest

from threedsl.data import contents
from threedsl.data.contents import content_ids, copies_among, repeated, sha256_of
from threedsl.data.listfile import Record, read_list
from threedsl.errors import InputError


@pytest.fixture
def files(tmp_path):
    """a, a copy, two links to it, another of the same size, one of another size."""
    for name, data in {"a": b"12345", "copy": b"12345", "other": b"54321", "longer": b"123456"}.items():
        (tmp_path / f"{name}.jpg").write_bytes(data)
    (tmp_path / "soft.jpg").symlink_to("a.jpg")
    (tmp_path / "hard.jpg").hardlink_to(tmp_path / "a.jpg")
    return [tmp_path / f"{name}.jpg" for name in ("a", "copy", "soft", "hard", "other", "longer", "a")]


def test_copies_and_links_have_one_number(files):
    ids = content_ids(files).tolist()
    assert len({*ids[:4], ids[6]}) == 1 and len(set(ids)) == 3


def test_only_files_of_equal_size_are_read(files, monkeypatch):
    contents.digest_of.cache_clear()
    read = []
    monkeypatch.setattr(contents, "read_file", lambda path, *_: read.append(path) or path.read_bytes())
    content_ids([files[0], files[2], files[3], files[5]])  # one file under three names, and a longer one
    assert read == []
    content_ids([files[0], files[4], files[5]])
    content_ids([files[0], files[4], files[5]])
    assert read == [files[0], files[4]]


def test_a_changed_file_is_read_again(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"1")
    before = sha256_of(path)
    path.write_bytes(b"2")
    os.utime(path, ns=(1, 1))
    assert sha256_of(path) != before


def test_copies_among_others(files, tmp_path):
    assert copies_among(files[0], [*files[1:6], tmp_path / "gone.jpg"]) == set(files[1:4])
    assert copies_among(tmp_path / "gone.jpg", files) == set()


def test_what_is_missing_or_no_file_is_a_sentence(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "empty.jpg").touch()
    for name, words in (("gone.jpg", "cannot be read"), ("pipe.jpg", "is a pipe")):
        with pytest.raises(InputError, match=words):
            content_ids([tmp_path / name, tmp_path / "empty.jpg"])


def test_notes_about_pictures_listed_twice(files):
    pids = ["1", "1", "1", "2", "1", "1", ""]
    records = [Record(path, pid) for path, pid in zip(files, pids, strict=True)]
    same, other = repeated(records, content_ids(files), "gallery.txt")
    assert same.startswith(
        f"2 pictures are in gallery.txt more than once (first {files[1]}, the same as {files[0]})"
    )
    assert (
        other.startswith("2 pictures are in gallery.txt under two identities")
        and "as 2, the same as" in other
    )
    assert repeated(records[4:6], content_ids(files[4:6]), "gallery.txt") == []


def test_a_repeated_line_of_a_list_counts_once(tmp_path):
    (tmp_path / "a.jpg").touch()
    (tmp_path / "b.jpg").touch()
    (tmp_path / "l.txt").write_text("a.jpg 1 1\nb.jpg 1 2\na.jpg 1 1\n")
    assert [record.path.name for record in read_list(tmp_path / "l.txt")] == ["a.jpg", "b.jpg"]


def test_a_list_that_is_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "l.txt")
    with pytest.raises(InputError, match="is a pipe"):
        read_list(tmp_path / "l.txt")
