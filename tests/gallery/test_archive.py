"""Zips read without unpacking, what an upload is understood as, and galleries as one zip."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.models import random_model
from tests.zips import crop, declaring, link, locked, overlapping, zipped
from threedsl.data.images import load_image
from threedsl.errors import InputError
from threedsl.gallery import Gallery, archive, exchange, upload
from threedsl.gallery.archive import Archive, TooMuch, open_archive, shorten
from threedsl.gallery.upload import open_upload
from threedsl.pipeline import ThreeDSL

PEOPLE = {"anna/1.png": crop(1), "anna/sub/2.png": crop(2), "ben/1.png": crop(3), "alone.png": crop(4)}


def opened(tmp_path: Path, data: bytes) -> Archive:
    path = tmp_path / "people.zip"
    path.write_bytes(data)
    return open_archive(path, path.name)


def understood(tmp_path: Path, files: dict[str, bytes]) -> tuple[list[tuple[str, ...]], bool, list[str]]:
    """(path, person, camera, clothes) of every picture, whether they are crops, and what was left out."""
    paths = []
    for name, data in files.items():
        paths.append(tmp_path / "uploads" / name)
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        paths[-1].write_bytes(data)
    with open_upload(paths) as found:
        rows = []
        for source in found.sources:
            record, content = source.record, source.content()
            assert len(content if isinstance(content, bytes) else content.read_bytes()) > 100
            rows.append((record.path.as_posix(), record.pid, record.camid, record.clothes))
        return rows, found.crops, found.left_out


def test_entries_are_read_as_they_were_packed(tmp_path):
    with opened(tmp_path, zipped(PEOPLE)) as found:
        assert {entry.name: found.read(entry) for entry in found.entries} == PEOPLE
    assert [path.name for path in tmp_path.iterdir()] == ["people.zip"], "nothing was unpacked"


def test_folders_are_people_and_a_folder_around_everything_is_not(tmp_path):
    people = {
        ("alone.png", "", "", ""),
        ("anna/1.png", "anna", "", ""),
        ("anna/sub/2.png", "anna", "", ""),
        ("ben/1.png", "ben", "", ""),
    }
    for wrapper in ("", "holiday/", "a/b/"):
        files = {wrapper + name: data for name, data in PEOPLE.items()}
        rows, crops, left_out = understood(tmp_path, {"people.zip": zipped(files | {"READ ME.md": b"Hello"})})
        assert set(rows) == people and not crops
        assert left_out == ["1 file is not a picture in people.zip: READ ME.md."]


def test_pictures_alone_name_no_one(tmp_path):
    rows, crops, _ = understood(tmp_path, {"b.png": crop(1), "0002_c1s1_000451_03.jpg": crop(2)})
    assert rows == [("b.png", "", "", ""), ("0002_c1s1_000451_03.jpg", "", "", "")] and not crops


@pytest.mark.parametrize("place", ["list/gallery.txt", "gallery.txt", "people.list"])
@pytest.mark.parametrize("wrapper", ["", "dataset/"])
def test_a_zip_with_a_list_is_what_the_list_says(tmp_path, place, wrapper):
    text = "images/a.png 7 2 red\n# nobody\nimages\\b.png 8\nimages/c.png -1 2\nimages/gone.png 9 1\n"
    files = {
        "images/a.png": crop(1),
        "images/b.png": crop(2),
        "images/other.png": crop(3),
        place: text.encode(),
    }
    packed = zipped({wrapper + name: data for name, data in files.items()})
    rows, crops, left_out = understood(tmp_path, {"set.zip": packed})
    assert [row[1:] for row in rows] == [("7", "2", "red"), ("8", "", "")] and crops
    assert left_out[0] == f"images/gone.png, named in {place}, was not sent with it."
    assert left_out[1:] == [f"images/other.png was sent, but {place} does not list it."]


def test_of_several_text_files_only_a_list_counts(tmp_path):
    files = PEOPLE | {"notes.txt": b"Made in Rome.", "copyright.txt": b"(c)"}
    rows, crops, _ = understood(tmp_path, {"people.zip": zipped(files)})
    assert len(rows) == 4 and not crops
    with pytest.raises(InputError, match=r"contains 2 lists; name the one to use gallery\.txt"):
        two = PEOPLE | {"one.txt": b"anna/1.png 1", "two.txt": b"ben/1.png 1"}
        understood(tmp_path, {"people.zip": zipped(two)})


def test_a_list_next_to_its_pictures_finds_them_by_their_bare_names(tmp_path):
    files = {"a.png": crop(1), "b.png": crop(2), "list.txt": b"images/x/a.png 7 2\nb.png 8 1 red\n"}
    rows, crops, _ = understood(tmp_path, files)
    assert rows == [("images/x/a.png", "7", "2", ""), ("b.png", "8", "1", "red")] and crops


def test_folders_in_a_list_are_as_long_as_an_exported_gallery_may_name(tmp_path):
    listed = b"x" * 200_000 + b"/" + b"y" * 494 + b"/a.png 7\n"
    rows, *_ = understood(tmp_path, {"a.png": crop(1), "list.txt": listed})
    assert rows == [("y" * 494 + "/a.png", "7", "", "")] and len(rows[0][0]) <= archive.LONGEST_NAME


def test_sentences_about_a_list_name_it_as_the_visitor_does(tmp_path):
    with pytest.raises(InputError, match=r"^list\.txt, line 2: .*path person camera") as error:
        understood(tmp_path, {"a.png": crop(1), "list.txt": b"a.png 7\na.png 7 1 2 3\n"})
    assert "/" not in str(error.value).split(":")[0]


def test_a_list_reads_nothing_of_the_server(tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(crop(9))
    with pytest.raises(InputError, match=r"named in list\.txt, was not sent with it"):
        understood(tmp_path, {"a.png": crop(1), "list.txt": f"{secret} 1\n../../secret.png 1\n".encode()})


def test_links_are_left_out(tmp_path):
    rows, _, left_out = understood(tmp_path, {"people.zip": link("passwd.png", "/etc/passwd")})
    assert [row[0] for row in rows] == ["good.png"]
    assert left_out == ["passwd.png is a link or a device, not a file."]


@pytest.mark.parametrize(
    "name",
    [
        "../a.png",
        "a/../../b.png",
        "/etc/a.png",
        "C:\\a.png",
        "c:a.png",
        "\\\\server\\share\\a.png",
        "a.png\0.exe",
    ],
)
def test_names_that_lead_outside_refuse_the_zip(tmp_path, name):
    with pytest.raises(InputError, match=r"^people\.zip contains a file whose path leads outside the zip"):
        opened(tmp_path, zipped({name: crop()}))


def test_a_password_is_reported(tmp_path):
    with pytest.raises(InputError, match="protected by a password"):
        opened(tmp_path, locked(zipped(PEOPLE)))


def test_a_bomb_is_refused_before_it_is_read(tmp_path, monkeypatch):
    many = zipped({f"{i}.png": bytes(2**19) for i in range(5)})
    monkeypatch.setattr(archive, "MOST_BYTES", 2**21)
    bombs = {
        zipped({"a.png": bytes(5 * 2**20)}): "unpacks to much more",
        declaring(zipped(PEOPLE), 2**30): "unpacks to much more",
        many: "unpacks to more than 2 MB",
    }

    def read(*_, **__):
        raise AssertionError("an entry was opened")

    monkeypatch.setattr(zipfile.ZipFile, "open", read)
    for bomb, words in bombs.items():
        with pytest.raises(InputError, match=words):
            opened(tmp_path, bomb)


def test_what_is_really_read_is_counted(tmp_path, monkeypatch):
    """The directory may lie: entries that share their bytes, and sizes that are too small."""
    monkeypatch.setattr(archive, "MOST_BYTES", 1500)
    with opened(tmp_path, zipped({"a.png": b"x" * 900, "b.png": b"y" * 500})) as found:
        found.read(found.entries[0])
        with pytest.raises(TooMuch, match="unpacks to more than"):
            found.read(found.entries[1]), found.read(found.entries[1])
        with pytest.raises(InputError, match=r"a\.png has more than"):
            found.read(found.entries[0], 899)
    with opened(tmp_path, declaring(zipped({"a.png": crop()}), 10)) as found:
        with pytest.raises(InputError, match="is damaged inside"):
            found.read(found.entries[0])


def test_overlapping_entries_are_damaged(tmp_path):
    with opened(tmp_path, overlapping(zipped({"a0000.png": crop()}), 50)) as found:
        assert len(found.entries) == 50
        damaged = 0
        for entry in found.entries:
            try:
                found.read(entry)
            except InputError:
                damaged += 1
    assert damaged == 49


def test_entries_are_counted_before_they_are_parsed(tmp_path, monkeypatch):
    many = zipped({f"{i}.txt": b"" for i in range(31)})
    monkeypatch.setattr(archive, "MOST_ENTRIES", 30)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(InputError, match="more than 30 files"):
        opened(tmp_path, many)


def test_more_pictures_than_a_gallery_takes(tmp_path, monkeypatch):
    monkeypatch.setattr(upload, "MOST_PICTURES", 3)
    with pytest.raises(InputError, match="has 4 pictures; a gallery takes at most 3"):
        understood(tmp_path, {"people.zip": zipped(PEOPLE)})


def test_long_and_unprintable_names_fit_in_a_sentence():
    assert shorten("a\nb\u202egpj.exe") == "a?b?gpj.exe"
    assert shorten("x" * 100 + ".jpg").endswith("xx.jpg") and len(shorten("x" * 100)) == 60


@pytest.fixture
def gallery(model, tmp_path) -> Gallery:
    with open_upload([write(tmp_path / "people.zip", zipped(PEOPLE))]) as found:
        records = [source.record for source in found.sources]
        output = model([load_image(source.content()) for source in found.sources], bodies=False)
    return Gallery(records, output.appearance, output.shape, model.fingerprint)


@pytest.fixture(scope="module")
def model() -> ThreeDSL:
    return random_model()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def exported(tmp_path: Path, gallery: Gallery) -> Path:
    path = tmp_path / "exported.zip"
    exchange.write_exported(path, "Holiday", gallery, [crop(i) for i in range(len(gallery))])
    return path


def imported(path: Path, model, most: int = 500) -> exchange.Exported:
    widths = model.config.descriptor, model.config.shape_width
    with open_archive(path, path.name) as found:
        assert exchange.is_exported(found)
        return exchange.read_exported(found, model.fingerprint, widths, most)


@pytest.mark.slow
def test_an_exported_gallery_comes_back(tmp_path, gallery, model):
    back = imported(exported(tmp_path, gallery), model)
    assert back.title == "Holiday" and back.gallery.records == gallery.records
    assert np.array_equal(back.gallery.appearance, gallery.appearance)
    assert np.array_equal(back.gallery.shape, gallery.shape)
    assert [np.array_equal(a, load_image(crop(i))) for i, a in enumerate(back.thumbnails)] == [True] * 4


@pytest.mark.slow
def test_an_exported_gallery_is_an_index_of_the_command_line(tmp_path, gallery, model):
    with zipfile.ZipFile(exported(tmp_path, gallery)) as found:
        found.extractall(tmp_path / "index")
    loaded = Gallery.load(tmp_path / "index", model)
    assert [record.pid for record in loaded.records] == [record.pid for record in gallery.records]
    assert all(record.path.is_file() for record in loaded.records)


def changed(path: Path, **files: bytes | None) -> Path:
    """The zip with files replaced; None takes one out. `__` stands for the folder's slash, `_` for the dot."""
    with zipfile.ZipFile(path) as found:
        all_files = {name: found.read(name) for name in found.namelist()}
    for key, data in files.items():
        name = key.replace("__", "/").replace("_", ".")
        all_files[name] = data
    path.write_bytes(zipped({name: data for name, data in all_files.items() if data is not None}))
    return path


def header_of(path: Path) -> dict:
    with zipfile.ZipFile(path) as found:
        return json.loads(found.read("records.json"))


def with_array(path: Path, array: np.ndarray) -> Path:
    """The exported zip with other descriptors, whose checksum is right."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    header = header_of(path)
    header["files"]["appearance.npy"] = hashlib.sha256(buffer.getvalue()).hexdigest()
    return changed(path, appearance_npy=buffer.getvalue(), records_json=json.dumps(header).encode())


@pytest.mark.slow
def test_an_index_of_another_model_is_refused(tmp_path, gallery, model):
    gallery.fingerprint = "0" * 64
    with pytest.raises(InputError, match="was made with another model"):
        imported(exported(tmp_path, gallery), model)


def test_descriptors_are_checked(tmp_path, gallery, model):
    for array in (
        gallery.appearance * 2,
        gallery.appearance * np.nan,
        gallery.appearance[:3],
        gallery.appearance.astype(np.float64),
        np.asfortranarray(gallery.appearance),
        np.zeros((4, 64), np.float32),
    ):
        with pytest.raises(InputError, match=r"^exported\.zip is damaged \(appearance\.npy"):
            imported(with_array(exported(tmp_path, gallery), array), model)


def test_no_pickle_and_no_promise_of_size_is_believed(tmp_path, gallery, model):
    objects = np.array([[{}] * 64] * 4, object)
    objects_file = with_array(exported(tmp_path, gallery), objects)  # NumPy pickles them
    with pytest.raises(InputError, match="does not hold 4 x 64 numbers"):
        imported(objects_file, model)
    path = exported(tmp_path, gallery)
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f4", "fortran_order": False, "shape": (10**12, 64)}
    )
    header = header_of(path)
    header["files"]["appearance.npy"] = hashlib.sha256(buffer.getvalue()).hexdigest()
    with pytest.raises(InputError, match="does not hold 4 x 64 numbers"):
        imported(
            changed(path, appearance_npy=buffer.getvalue(), records_json=json.dumps(header).encode()), model
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda header: header.update(format=9), "another format version"),
        (lambda header: header.update(kind="hnsw"), "only flat ones"),
        (lambda header: header.update(records=[]), "no pictures or more than"),
        (lambda header: header.update(records=header["records"] * 200), "no pictures or more than"),
        (lambda header: header.update(records={"a": 1}), "no pictures or more than"),
        (lambda header: header.pop("fingerprint"), "lacks 'fingerprint'"),
        (lambda header: header["files"].clear(), "lacks 'appearance.npy'"),
        (lambda header: header["files"].update({"shape.npy": "0"}), "shape.npy is not what was exported"),
        (lambda header: header["records"].append(header["records"][0]), "does not hold 5 x 64"),
        (lambda header: header["records"][0].update(name="../../x.png"), "leads outside"),
        (lambda header: header["records"][0].update(name="/etc/x.png"), "leads outside"),
        (lambda header: header["records"][0].update(pid=7), "not text"),
        (
            lambda header: header["records"][0].update(pid="x" * 81),
            "too long",
        ),  # 9 MB in each answer with 500
        (lambda header: header["records"][0].update(name="x" * 501), "too long"),
        (lambda header: header["records"][0].update(pid="a\nb"), "not printable"),
        (lambda header: header["records"].__setitem__(0, None), "is damaged"),
    ],
)
def test_the_header_is_checked(tmp_path, gallery, model, change, words):
    path = exported(tmp_path, gallery)
    header = header_of(path)
    change(header)
    with pytest.raises(InputError) as error:
        imported(changed(path, records_json=json.dumps(header).encode()), model)
    assert words in str(error.value) and str(error.value).endswith(".")


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b'{"format": 1e999}'])
def test_a_header_that_is_none(tmp_path, gallery, model, text):
    with pytest.raises(InputError, match=r"^exported\.zip (is damaged|lacks|has another format version)"):
        imported(changed(exported(tmp_path, gallery), records_json=text), model)


def test_thumbnails_are_checked(tmp_path, gallery, model):
    with pytest.raises(InputError, match=r"lacks 'thumbnails/00002\.jpg'"):
        imported(changed(exported(tmp_path, gallery), thumbnails__00002_jpg=None), model)
    with pytest.raises(InputError, match="thumbnail 1 is not a picture"):
        imported(changed(exported(tmp_path, gallery), thumbnails__00001_jpg=b"<svg/>"), model)


def test_thumbnails_of_a_few_kilobytes_and_many_megapixels_are_refused(tmp_path, gallery, model):
    """Hundreds of them would take gigabytes together."""
    for kind in ("PNG", "JPEG", "GIF"):
        large = io.BytesIO()
        Image.new("L", (2000, 2000), 128).save(large, kind)
        path = exported(tmp_path, gallery)
        with pytest.raises(InputError, match=r"is damaged \(thumbnail 0 has (2000 x 2000|4,000,000) pixels"):
            imported(changed(path, **{"thumbnails__00000_jpg": large.getvalue()}), model)
