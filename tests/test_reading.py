"""Files from outside: ordinary ones only, bounded, and a Git LFS pointer is called that."""

import os
import time

import pytest

from threedsl.errors import InputError
from threedsl.reading import is_ordinary, open_file, parse_json, read_file, read_json

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"1" * 64 + b"\nsize 3000000\n"


def test_ordinary_files_are_read(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert read_file(tmp_path / "a", 3) == read_file(tmp_path / "link", 3) == b"abc"
    with open_file(tmp_path / "a") as file:
        assert file.read() == b"abc"
    assert is_ordinary(tmp_path / "link") and not is_ordinary(tmp_path) and not is_ordinary("a\0b")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "does not exist; make it."),
        (lambda path: path.mkdir(), "is a folder, not a file."),
        (os.mkfifo, "is a pipe, not an ordinary file"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device, not an ordinary file"),
        (lambda path: path.write_bytes(bytes(2049)), "is 2 kB, more than 2 kB"),
        (
            lambda path: path.write_bytes(POINTER),
            "is a Git LFS pointer, not the file itself; run `git lfs pull`",
        ),
    ],
    ids=["missing", "folder", "pipe", "device", "large", "pointer"],
)
def test_others_end_in_a_sentence_at_once(tmp_path, make, words):
    path = tmp_path / "x"
    make(path)
    start = time.monotonic()
    with pytest.raises(InputError) as error:
        read_file(path, 2048, "The thing", "make it")
    assert time.monotonic() - start < 5
    assert str(error.value).startswith("The thing ") and words in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_do_not_tell_their_size_are_bounded():
    """/proc says that its files are empty."""
    with pytest.raises(InputError, match="more than 0 kB"):
        read_file("/proc/self/status", 16)


def test_json_with_and_without_a_mark(tmp_path):
    path = tmp_path / "a.json"
    for start in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(start + b'{"a": [1]}')
        assert read_json(path) == {"a": [1]}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"a": ', "not valid JSON: Expecting value"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"1" * 100_000, "too many digits"),
        (b'"\xff"', "not text in UTF-8"),
        (b"", "not valid JSON"),
    ],
)
def test_json_that_is_none_ends_in_a_sentence(data, words):
    with pytest.raises(InputError) as error:
        parse_json(data, "Index x", "build it again")
    sentence = str(error.value)
    assert sentence.startswith("Index x is damaged") and sentence.endswith("; build it again.")
    assert words in sentence and "\n" not in sentence
