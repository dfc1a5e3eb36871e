"""Other files in a zip do not change whom its pictures show."""

import unicodedata

import pytest

from tests.zips import crop, zipped
from threedsl.errors import InputError
from threedsl.gallery.archive import LONGEST_LABEL
from threedsl.gallery.upload import open_upload
from threedsl.ui.sessions import one_line

PEOPLE = {"people/anna/1.png": crop(1), "people/anna/2.png": crop(2), "people/ben/1.png": crop(3)}
LIST = b"images/a.png 7 2\nimages/b.png 8 1\n"


def labels(tmp_path, files: dict[str, bytes]) -> tuple[list[tuple[str, str]], list[str]]:
    """(path, person) of every picture of a zip, and the sentences about the rest."""
    path = tmp_path / "people.zip"
    path.write_bytes(zipped(files))
    with open_upload([path]) as found:
        return [
            (source.record.path.as_posix(), source.record.pid) for source in found.sources
        ], found.left_out


@pytest.mark.parametrize(
    "name", ["LICENSE.txt", "READ ME.md", "notes/of/mine.txt", "people.list", "people/x/y.txt"]
)
def test_a_text_beside_the_folder_of_people_does_not_make_it_a_person(tmp_path, name):
    rows, left_out = labels(tmp_path, PEOPLE | {name: b"Free for any use."})
    assert rows == [("anna/1.png", "anna"), ("anna/2.png", "anna"), ("ben/1.png", "ben")]
    assert left_out == [f"1 file is not a picture in people.zip: {name}."]


@pytest.mark.parametrize("place", ["list/gallery.txt", "gallery.txt", "people.list"])
def test_a_text_beside_a_dataset_does_not_hide_its_list(tmp_path, place):
    files = {"images/a.png": crop(1), "images/b.png": crop(2), place: LIST}
    inside = {f"dataset/{name}": data for name, data in files.items()}
    rows, left_out = labels(tmp_path, inside | {"LICENSE.txt": b"Free for any use."})
    assert rows == [("images/a.png", "7"), ("images/b.png", "8")]
    assert left_out == ["1 file is not a picture in people.zip: LICENSE.txt."]


def test_a_list_beside_the_folder_of_pictures_names_them_from_there(tmp_path):
    rows, _ = labels(tmp_path, PEOPLE | {"who.txt": b"people/anna/1.png 7\npeople/ben/1.png 8\n"})
    assert rows == [("people/anna/1.png", "7"), ("people/ben/1.png", "8")]


def test_a_list_that_names_nothing_is_said(tmp_path):
    with pytest.raises(InputError, match=r"^gallery\.txt"):
        labels(tmp_path, PEOPLE | {"gallery.txt": b"Free for any use."})


def test_a_picture_that_the_list_does_not_name_is_said(tmp_path):
    pictures = {name: crop(i) for i, name in enumerate(("images/a.png", "images/b.png", "images/junk.png"))}
    files = pictures | {"images/new.png": crop(4), "gallery.txt": LIST + b"images/junk.png -1 1\n"}
    _, left_out = labels(tmp_path, files)
    assert left_out == ["images/new.png was sent, but gallery.txt does not list it."]
    inside = {f"dataset/{name}": data for name, data in files.items()} | {"more/new.png": crop(5)}
    rows, left_out = labels(tmp_path, inside)
    assert [name for name, _ in rows] == ["images/a.png", "images/b.png"]
    assert left_out == [
        "images/new.png was sent, but dataset/gallery.txt does not list it.",
        "more/new.png was sent, but dataset/gallery.txt does not list it.",
    ]


def test_a_file_that_the_list_sent_with_it_does_not_name_is_said(tmp_path):
    paths = [tmp_path / name for name in ("a.png", "b.png", "new.png", "list.txt")]
    for i, path in enumerate(paths[:3]):
        path.write_bytes(crop(i))
    paths[3].write_bytes(b"photos\\a.png anna\nb.png -1\nc.png carl\n")
    with open_upload(paths) as found:
        assert [source.record.pid for source in found.sources] == ["anna"]
        assert found.left_out == [
            "c.png, named in list.txt, was not sent with it.",
            "new.png was sent, but list.txt does not list it.",
        ]


@pytest.mark.parametrize("how", ["folders", "list"])
def test_people_whose_long_names_only_differ_at_the_end_stay_two(tmp_path, how):
    """Labels are shortened; people with equal labels are one person."""
    names = [f"{'p' * 90}{i}" for i in range(2)]
    if how == "folders":
        files = {f"{name}/{i}.png": crop(i) for i, name in enumerate(names)}
    else:
        lines = "".join(f"{i}.png {name}\n" for i, name in enumerate(names))
        files = {"0.png": crop(0), "1.png": crop(1), "gallery.txt": lines.encode()}
    found = {person for _, person in labels(tmp_path, files)[0]}
    assert len(found) == 2 and all(len(person) == LONGEST_LABEL for person in found)


@pytest.mark.parametrize("zip_file", [True, False], ids=["zip", "files"])
def test_accents_are_equal_however_they_are_written(tmp_path, zip_file):
    """A Mac's list of a folder has them apart from their letters; what is typed has not. The pictures were said not to
    have come, and one person was two."""
    apart, typed = (unicodedata.normalize(form, "Zoë") for form in ("NFD", "NFC"))
    files = {f"{apart}1.png": crop(1), f"{typed}2.png": crop(2), f"{apart}3.png": crop(3)}
    lines = f"{typed}1.png {apart}\n{apart}2.png {typed}\n{apart}3.png {apart}\n"
    paths = []
    for name, data in (
        {"all.zip": zipped(files | {"gallery.txt": lines.encode()})} if zip_file else files
    ).items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    if not zip_file:
        paths.append(tmp_path / "list.txt")
        paths[-1].write_text(lines, encoding="utf-8")
    with open_upload(paths) as found:
        assert found.left_out == [] and len(found.sources) == 3
        assert {source.record.pid for source in found.sources} == {typed} == {one_line(apart, 80)}
        contents = [source.content() for source in found.sources]
    assert contents == (list(files.values()) if zip_file else paths[:3])
