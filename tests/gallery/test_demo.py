"""The demo people: fifty clean crops, ten outdoor photos, made once."""

import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.pictures import person_like
from threedsl.data.images import load_image
from threedsl.data.listfile import Record, write_list
from threedsl.errors import InputError
from threedsl.gallery import demo
from threedsl.ui.demo_galleries import Shelf


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """The openpeople gallery, cut into a cache of the test's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THREEDSL_CACHE", str(tmp_path_factory.mktemp("cache")))
        made = demo.demo_galleries()["openpeople"]
        assert len(made.records) == 50
        yield made


@pytest.mark.slow
def test_ten_people_five_views_each(gallery):
    assert sorted({record.pid for record in gallery.records}) == [f"P{n:03d}" for n in range(1, 11)]
    for pid in {record.pid for record in gallery.records}:
        views = [record.camid for record in gallery.records if record.pid == pid]
        assert views == ["studio", "front", "left", "back", "right"]


@pytest.mark.slow
def test_every_crop_holds_one_whole_person(gallery):
    """Seen by difference from the crop's corners, which are wall and floor: tall, centred, with a margin."""
    for record in gallery.records:
        crop = load_image(record.path)
        height, width = crop.shape[:2]
        assert height == 512 and 1.97 < height / width < 2.03
        wall = np.median(np.concatenate([crop[:, :12], crop[:, -12:]], 1), axis=1)[:, None]
        rows, columns = np.nonzero(
            cv2.blur((np.abs(crop - wall).max(2) > 50).astype(np.float32), (5, 5)) > 0.6
        )
        assert 5 < rows.min() < 0.1 * height, record
        assert 0.9 * height < rows.max() < height - 2, record
        assert abs((columns.min() + columns.max()) / 2 - width / 2) < 0.06 * width, record


@pytest.mark.slow
def test_examples_are_the_outdoor_photos_other_clothes_first(gallery):
    assert len(gallery.examples) == 10
    changed = [record.clothes != "studio" for record in gallery.examples]
    assert changed == [True] * 8 + [False] * 2
    assert {record.pid for record in gallery.examples[8:]} == {"P002", "P003"}
    for record in gallery.examples:
        assert record.path.name == "amateur_posture.jpg" and record.path.is_file()


@pytest.mark.slow
def test_asking_for_examples_cuts_nothing(tmp_path, monkeypatch):
    """The first page shows examples at once; the cutting can wait for the first search."""
    monkeypatch.setenv("THREEDSL_CACHE", str(tmp_path))
    monkeypatch.setattr(demo, "cut_person", lambda assets: pytest.fail("the cutting began"))
    made = demo.demo_galleries()["openpeople"]
    shelf = Shelf(None, {"openpeople": made}, tmp_path)
    assert [example.gallery for example in shelf.examples()] == ["openpeople"] * 8
    assert len(made.examples) == 10 and len(made.listed) == 50 and shelf.progress("openpeople") == (0, 50)
    assert not list(tmp_path.glob("openpeople-*"))


@pytest.mark.slow
def test_crops_are_made_once_and_are_the_same(gallery, tmp_path, monkeypatch):
    before = {record.path: record.path.stat().st_mtime_ns for record in gallery.records}
    demo.cut_openpeople()
    records = demo.openpeople_records()
    assert {record.path: record.path.stat().st_mtime_ns for record in records} == before
    assets = demo.openpeople_folder() / "P007" / "assets"
    crops = demo.cut_person(assets)
    path = tmp_path / "again.jpg"
    path.write_bytes(demo._as_jpeg(crops["left"]))
    assert path.read_bytes() == next(p for p in before if p.name == "P007-left.jpg").read_bytes()
    (folder,) = records[0].path.parent.parent.iterdir()
    assert folder == records[0].path.parent and folder.name.startswith(f"openpeople-{demo.CROPS_VERSION}-")


def test_crops_of_another_release_of_the_package_are_others(tmp_path, monkeypatch):
    """As after an update of openpeople: the gallery showed the old people's pictures under the new people's names."""
    monkeypatch.setattr(demo, "openpeople_folder", lambda: tmp_path)
    assets = tmp_path / "P001" / "assets"
    assets.mkdir(parents=True)
    for name in demo.CUT_FROM:
        person_like(400, 300).save(assets / name)
    before = {record.path for record in demo.openpeople_records()}
    assert before == {record.path for record in demo.openpeople_records()} and len(before) == 5
    person_like(500, 300).save(assets / "character_sheet.jpg")
    assert not before & {record.path for record in demo.openpeople_records()}


def test_without_the_package_there_is_a_sentence(monkeypatch):
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    assert "openpeople" not in demo.demo_galleries()
    with pytest.raises(InputError, match="pip install openpeople"):
        demo.openpeople_records()


def test_other_sheets_give_a_sentence(tmp_path):
    for name in ("studio_posture.jpg", "character_sheet.jpg"):
        person_like(400, 300).save(tmp_path / name)
    with pytest.raises(InputError, match=r"character_sheet\.jpg shows 0 full-body panels"):
        demo.cut_person(tmp_path)
    with pytest.raises(InputError, match="No person stands out"):
        demo.studio_box(np.full((400, 200, 3), 128, np.uint8))


def test_synthetic_people_appear_when_their_files_are_there(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "SYNTHETIC", tmp_path)
    assert "synthetic" not in demo.demo_galleries()
    for name in ("a", "b"):
        person_like().save(tmp_path / f"{name}.png")
    write_list([Record(tmp_path / "a.png", "1", "1", "red")], tmp_path / "gallery.txt", tmp_path)
    write_list([Record(tmp_path / "b.png", "1", "2", "blue")], tmp_path / "query.txt", tmp_path)
    made = demo.demo_galleries()["synthetic"]
    assert made.records == [Record(tmp_path / "a.png", "1", "1", "red")]
    assert made.examples == [Record(tmp_path / "b.png", "1", "2", "blue")]


def test_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("THREEDSL_CACHE", str(tmp_path / "mine"))
    assert demo.cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("THREEDSL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert demo.cache_folder() == tmp_path / "xdg" / "threedsl"
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    found = demo.cache_folder()
    assert found.name.startswith("threedsl") and found.parent == Path(tempfile.gettempdir())
