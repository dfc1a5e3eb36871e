"""Folders as sources: what a dataset folder means, and what is hidden."""

from pathlib import Path

import pytest

from tests.zips import crop, zipped
from threedsl.data.listfile import about_dataset, may_be_photos, records_from
from threedsl.datasets.folders import people_in, pictures_in
from threedsl.errors import InputError
from threedsl.gallery.upload import open_upload

HIDDEN = ("anna/.thumbnails/1.png", "anna/x/.y/z/2.png", "ben/__MACOSX/1.png", ".Trash/carl/1.png")


def folder_of(place: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(crop(number))
    return place


@pytest.fixture
def dataset(tmp_path) -> Path:
    """A folder as `prepare` leaves it where no people are kept for the test: pictures, masks and one list."""
    folder = folder_of(tmp_path / "teams", "images/0001_1.png", "mask/0001_1.png", "list/train.txt")
    (folder / "list" / "train.txt").write_text("images/0001_1.png 1 2\n")
    return folder


def test_a_dataset_without_the_list_is_no_folder_of_people(dataset):
    with pytest.raises(InputError) as error:
        records_from(dataset)
    said = f"{dataset} is a dataset folder without list/gallery.txt; name the list to read, such as "
    assert str(error.value) == f"{said}{dataset / 'list' / 'train.txt'}."
    assert [record.pid for record in records_from(dataset / "list" / "train.txt")] == ["1"]


def test_which_pictures_of_a_dataset_are_used_is_said(dataset):
    (dataset / "list" / "gallery.txt").write_text("images/0001_1.png 1 2\n")
    gallery = dataset / "list" / "gallery.txt"
    assert (
        about_dataset(dataset)
        == f"{dataset} is a dataset folder: the pictures of {gallery} are used, no others."
    )
    assert len(records_from(dataset)) == 1 and not may_be_photos(dataset)
    assert about_dataset(gallery) == about_dataset(dataset / "images") == about_dataset("nowhere") == ""


def test_a_person_may_be_called_list(tmp_path):
    folder = folder_of(tmp_path, "list/1.png", "anna/1.png")
    assert [record.pid for record in records_from(folder)] == ["anna", "list"]
    assert may_be_photos(folder) and about_dataset(folder) == ""


def test_hidden_folders_are_passed_over_everywhere(tmp_path):
    folder = folder_of(tmp_path / "people", "anna/1.png", "ben/x/1.png", *HIDDEN)
    (folder / "anna" / ".notes").mkdir()
    (folder / "anna" / ".notes" / "a.md").write_text("of the day")
    names = ["anna/1.png", "ben/x/1.png"]
    assert [record.path.relative_to(folder).as_posix() for record in records_from(folder)] == names
    assert pictures_in(folder) == names
    packed = tmp_path / "people.zip"
    packed.write_bytes(
        zipped(
            {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.*g"))}
        )
    )
    with open_upload([packed]) as found:
        assert [source.record.path.as_posix() for source in found.sources] == names and not found.left_out


def test_someone_with_hidden_pictures_alone_is_not_among_the_people(tmp_path):
    folder = folder_of(tmp_path, "anna/1.png", "ben/x/1.png", "carl/.thumbnails/1.png")
    assert [path.name for path in people_in(folder)] == ["anna", "ben"]
