"""One rule for which files are pictures: in folders, in zips, in lists and alone; and a word about the rest."""

import io
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.pictures import encoded, person_like
from tests.zips import zipped
from threedsl.data.images import FORMATS, load_image
from threedsl.data.listfile import read_list, records_and_rest, records_from
from threedsl.data.picture_files import SUFFIXES, is_picture, starts_like_picture
from threedsl.gallery.upload import open_upload

FORMAT_OF = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".mpo": "JPEG", ".png": "PNG", ".webp": "WEBP",
    ".gif": "GIF", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF", ".avif": "AVIF", ".heic": "HEIF", ".heif": "HEIF",
}  # fmt: skip


def picture(suffix: str) -> bytes:
    if FORMAT_OF[suffix] == "HEIF":
        return b"\0\0\0\x18ftyp" + suffix[1:].replace("heif", "mif1").encode() + bytes(16)
    return encoded(person_like(), FORMAT_OF[suffix])


@pytest.fixture
def folder(tmp_path):
    """A picture of every suffix, in small letters and in capitals, of two people; and pictures named otherwise."""
    for suffix in SUFFIXES:
        for person, name in (("anna", f"a{suffix}"), ("ben", f"B{suffix.upper()}")):
            path = tmp_path / "people" / person / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture(suffix))
    (tmp_path / "people" / "ben" / "no suffix").write_bytes(picture(".webp"))
    (tmp_path / "people" / "ben" / "wrong.dat").write_bytes(picture(".jpg"))
    return tmp_path / "people"


OTHERS = {
    "notes.txt": b"of the day",
    "anna/film.mp4": b"\0\0\0\x20ftypisom",
    "ben/empty": b"",
    "ben/song.wav": b"RIFF\0\0\0\0WAVE",
}
CLUTTER = {"Thumbs.db": b"x", "anna/.DS_Store": b"x", "ben/._B.jpg": b"x", "ben/desktop.ini": b"x"}


def add(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)


def test_every_format_that_is_read_has_a_suffix():
    assert set(FORMAT_OF) == SUFFIXES
    assert set(FORMATS) | {"HEIF"} == set(FORMAT_OF.values())


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_what_is_taken_for_a_picture_is_read_as_one(tmp_path, suffix):
    data = picture(suffix)
    expected = np.asarray(person_like(), np.int16)
    for name in (f"a{suffix}", f"a{suffix.upper()}", "a", "a.dat"):
        path = tmp_path / name
        path.write_bytes(data)
        assert is_picture(path) and starts_like_picture(data[:32])
        if FORMAT_OF[suffix] == "HEIF":  # its decoder is an extra
            continue
        assert np.abs(load_image(path).astype(np.int16) - expected).mean() < 20


def test_folder_zip_and_single_files_agree(folder, tmp_path):
    add(folder, OTHERS | CLUTTER)
    records, said = records_and_rest(folder)
    found = {(record.path.relative_to(folder).as_posix(), record.pid) for record in records}
    assert len(found) == 2 * len(SUFFIXES) + 2
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.relative_to(folder).as_posix() for path in files if is_picture(path)} == {
        name for name, _ in found
    }
    for path in files:
        if is_picture(path):
            assert records_from(path)[0].path == path

    made = tmp_path / "people.zip"
    made.write_bytes(
        zipped({path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(files)})
    )
    with open_upload([made]) as upload:
        assert {(s.record.path.as_posix(), s.record.pid) for s in upload.sources} == found
        in_zip = upload.left_out
    start = "4 files are not pictures in {}: "
    for sentences, where in ((said, folder), (in_zip, "people.zip")):
        assert len(sentences) == 1 and sentences[0].startswith(start.format(where))
        assert "and 1 more" in sentences[0] and "Thumbs" not in sentences[0]
    with open_upload([path for path in files if is_picture(path)]) as upload:
        assert len(upload.sources) == len(found)


def test_a_folder_of_pictures_alone_needs_no_word(folder):
    add(folder, CLUTTER)
    assert records_and_rest(folder)[1] == []


def test_lists_name_pictures_of_every_suffix(folder, tmp_path):
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.suffix != ".dat"
    )
    path = tmp_path / "list.txt"
    path.write_text("".join(f"people/{name} 1 {number}\n" for number, name in enumerate(names)))
    assert [record.path.relative_to(folder).as_posix() for record in read_list(path)] == names


def test_pipes_and_devices_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert not is_picture(tmp_path / "pipe") and not is_picture(tmp_path / "none")


@pytest.mark.parametrize(
    "head", [b"", b"BM", b"BMW and other cars of Bavaria", b"RIFF\0\0\0\0AVI LIST", b"\xff\xd8", b"%PDF-1.4"]
)
def test_what_is_no_picture(head):
    assert not starts_like_picture(head)


@pytest.mark.slow
def test_the_index_command_reports_what_it_leaves_out(tmp_path, capsys):
    from threedsl.cli import main

    add(tmp_path / "photos", {"a.jfif": picture(".jfif"), "notes.txt": b"of the day", "b": picture(".avif")})
    assert main(["index", str(tmp_path / "photos"), "--out", str(tmp_path / "index"), "--whole"]) == 0
    out, err = capsys.readouterr()
    assert err == f"left out: 1 file is not a picture in {tmp_path / 'photos'}: notes.txt.\n"
    assert out.startswith("2 pictures indexed")


def test_prepare_reports_what_it_skips(folder, tmp_path, capsys):
    from threedsl.cli import main

    for path in folder.rglob("*"):
        if path.suffix == ".dat" or path.name == "no suffix":
            path.unlink()
    shutil.copytree(folder, tmp_path / "own")
    (tmp_path / "own" / "anna" / "film.mp4").write_bytes(b"x")
    assert (
        main(
            ["prepare", "folder", str(tmp_path / "own"), "--out", str(tmp_path / "out"), "--test-share", "1"]
        )
        == 0
    )
    assert (
        f"1 file is not a picture in {tmp_path / 'own'} and left out: anna/film.mp4."
        in capsys.readouterr().out
    )


def test_a_picture_without_pillow_s_avif_is_named(monkeypatch):
    from threedsl.data.decoding import decode
    from threedsl.errors import InputError

    monkeypatch.setattr(decode, "FORMATS", ("JPEG", "PNG"))
    with pytest.raises(InputError, match="is an AVIF picture, which the Pillow installed here does not read"):
        load_image(encoded(person_like(), "AVIF"))
    assert Image.open(io.BytesIO(encoded(person_like(), "AVIF"))).format == "AVIF"
