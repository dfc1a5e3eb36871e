"""truth.npz files that are none."""

import pytest

from threedsl.data.listfile import Record
from threedsl.errors import InputError
from train.synthesize.truth import read_truth


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no zip at all", b"PK\x05\x06" + bytes(18)])
def test_truth_of_unlisted_pictures(tmp_path, data):
    (tmp_path / "truth.npz").write_bytes(data)
    with pytest.raises(InputError, match=r"truth\.npz"):
        read_truth(tmp_path, [Record(tmp_path / "images" / "a.jpg")])
