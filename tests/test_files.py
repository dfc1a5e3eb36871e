"""Files that appear whole or not at all."""

import pytest

from threedsl.errors import InputError
from threedsl.files import whole_file, write_whole


def test_what_was_there_stays_when_writing_fails(tmp_path):
    target = tmp_path / "new" / "a.bin"
    write_whole(target, b"old")
    with pytest.raises(ZeroDivisionError), whole_file(target) as file:
        file.write(b"half")
        raise ZeroDivisionError
    with (
        pytest.raises(InputError, match=r"a\.bin cannot be written \(No space left"),
        whole_file(target) as file,
    ):
        file.write(b"half")
        raise OSError(28, "No space left on device")
    assert target.read_bytes() == b"old"
    assert [path.name for path in target.parent.iterdir()] == ["a.bin"]
    with whole_file(target) as file:
        file.write(b"new")
        file.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"


def test_a_folder_in_its_place_ends_in_a_sentence(tmp_path):
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(InputError, match=r"a\.bin cannot be written"):
        write_whole(tmp_path / "a.bin", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
