"""Where annotations lie, and which picture a result belongs to."""

from pathlib import Path, PurePosixPath

import pytest

from threedsl.annotations.pairing import pair
from threedsl.data.layout import check_masks, mask_path, pose_id
from threedsl.errors import InputError


def test_where_keypoints_and_masks_lie(tmp_path):
    outside = Path(tmp_path.anchor, "data", "a", "b.jpeg")
    for picture, name, mask in (
        (tmp_path / "images/a/b.jpg", "images/a/b.jpg", "mask/a/b.png"),
        (tmp_path / "images/b.jpg", "images/b.jpg", "mask/b.png"),
        (tmp_path / "rgb/a/b.jpg", "rgb/a/b.jpg", "mask/rgb/a/b.png"),
        (tmp_path / "b.jpg", "b.jpg", "mask/b.png"),
        (tmp_path / "rgb/../images/./b.x.PNG", "images/b.x.PNG", "mask/b.x.png"),
        (outside, outside.as_posix(), "mask/outside/data/a/b.png"),
    ):
        assert pose_id(tmp_path, picture) == name
        assert mask_path(tmp_path, picture) == tmp_path / mask
    check_masks(tmp_path, [tmp_path / "images/a.jpg"] * 2)
    with pytest.raises(InputError, match=r"a\.jpg and .*a\.png would share"):
        check_masks(tmp_path, [tmp_path / "images/a.jpg", tmp_path / "images/a.png"])
    with pytest.raises(
        InputError, match=r"mask of .*images/a\.jpg would replace the listed picture .*mask/a\.png"
    ):
        check_masks(tmp_path, [tmp_path / "images/a.jpg", tmp_path / "mask/a.png"])


def test_pairing_never_crosses_folders_it_can_tell_apart(tmp_path):
    """A result of a folder that is not listed must not reach the same name in another folder."""
    pictures = [tmp_path / "images" / person / f"{number}.jpg" for person in "ab" for number in range(3)]
    results = [PurePosixPath(f"out/{person}/{number}.jpg") for person in "abc" for number in range(4)]
    found = pair(results, pictures, tmp_path, lambda picture: {picture.name}, tmp_path, "stop.")
    expected = {PurePosixPath("out", *picture.parts[-2:]): picture for picture in pictures}
    assert found == [expected.get(result) for result in results]


@pytest.mark.parametrize(
    ("folder", "paired"), [("777", False), ("train_777", False), ("7", False), ("out", True), ("run1", True)]
)
def test_a_single_folder_numbered_like_the_pictures_own_is_another_person(tmp_path, folder, paired):
    pictures = [tmp_path / "d/train/001/x.jpg", tmp_path / "d/train/002/y.jpg"]
    notes = []
    result = PurePosixPath(folder, "x.jpg")
    found = pair([result], pictures, tmp_path, lambda picture: {picture.name}, tmp_path, "stop.", notes)
    assert found == [pictures[0] if paired else None]
    expected = f"no picture folder is called {folder}, so results were matched by file name alone"
    assert notes == ([expected] if paired else [])
