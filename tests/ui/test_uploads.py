"""The files behind uploads."""

import pytest

from threedsl.errors import InputError
from threedsl.ui.uploads import path_of


@pytest.mark.parametrize(
    ("upload", "words"),
    [
        (None, "Add a photo"),
        ("", "Add a photo"),
        ({"path": None}, "Add a photo"),
        ("/gone.jpg", "upload it again"),
    ],
)
def test_no_photo(upload, words):
    with pytest.raises(InputError, match=words):
        path_of(upload)
