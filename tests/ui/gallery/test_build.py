"""Building, importing and exporting a visitor's gallery through the functions that the page's events call."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.pictures import broken_pictures
from tests.zips import crop, zipped
from threedsl.data.images import load_image
from threedsl.errors import InputError
from threedsl.people import query_box
from threedsl.ui import sessions
from threedsl.ui.api.gallery import built_as_json
from threedsl.ui.gallery import handlers as handlers_gallery
from threedsl.ui.gallery.cards import MOST_SHOWN, built_line, card_of, count, size_of
from threedsl.ui.gallery.handlers import build, export, own_gallery
from threedsl.ui.search import handlers
from threedsl.ui.search.status import itself

PEOPLE = {"anna/1.png": crop(1), "anna/2.png": crop(2), "ben/1.png": crop(3)}


@pytest.fixture
def upload(tmp_path):
    def put(name: str, data: bytes) -> dict:
        path = tmp_path / "uploads" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return {"path": str(path)}

    return put


@pytest.mark.slow
def test_a_zip_becomes_a_gallery_that_can_be_searched(service, upload, tmp_path):
    built = build(service, [upload("people.zip", zipped(PEOPLE))], "", "anna")
    assert built.gallery.title == "people" and not built.left_out
    (tmp_path / "query.png").write_bytes(PEOPLE["ben/1.png"])
    answer, *_ = handlers.search(
        service, {"path": str(tmp_path / "query.png")}, None, built.gallery.name, 3, session="anna"
    )
    for cards in answer.rows.values():
        assert (cards[0].person, cards[0].picture) == ("ben", "1.png")
        assert cards[0].score == pytest.approx(1, abs=1e-4)


@pytest.mark.slow
def test_descriptors_are_those_of_the_pictures(service, upload, model):
    """Independent of the way in: the model called on the files' arrays."""
    built = build(service, [upload("people.zip", zipped(PEOPLE))], "", "anna")
    index = built.gallery.index
    arrays = [
        cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        for data in PEOPLE.values()
    ]
    output = model(arrays, bodies=False)
    assert [record.path.as_posix() for record in index.records] == list(PEOPLE)
    assert np.allclose(index.appearance, output.appearance, atol=1e-5)
    assert np.allclose(index.shape, output.shape, atol=1e-5)


@pytest.mark.slow
def test_a_photo_is_cut_to_its_person(service, outdoor_photo, model, upload):
    built = build(service, [upload("photo.jpg", outdoor_photo.read_bytes())], "", "anna")
    (box,) = built.gallery.index.boxes
    image = load_image(outdoor_photo)
    assert box is not None and box[3] - box[1] > 0.5 * image.shape[0]
    crop = query_box(image)[0].crop(image)
    expected = model([crop], bodies=False)
    assert np.allclose(built.gallery.index.appearance, expected.appearance, atol=1e-5)
    height, width = built.gallery.picture(0).shape[:2]
    assert height / width == pytest.approx(crop.shape[0] / crop.shape[1], rel=0.05)


def test_damaged_pictures_are_left_out_with_a_sentence_each(service, upload):
    broken = broken_pictures()
    files = PEOPLE | {f"carl/{name}": data for name, (data, _) in broken.items()}
    built = build(service, [upload("people.zip", zipped(files))], "", "anna")
    assert len(built.gallery.index) == 3 and len(built.left_out) == len(broken)
    for name, (_, words) in broken.items():
        if name != "photo.heic":  # a machine may have its decoder
            assert any(words in sentence and f"carl/{name}" in sentence for sentence in built.left_out)


def test_progress_is_told(service, upload):
    told = []
    files = {f"p{i % 3}/{i}.png": crop(i) for i in range(20)}
    build(
        service,
        [upload("people.zip", zipped(files))],
        "",
        "anna",
        lambda done, desc: told.append((done, desc)),
    )
    assert [done for done, _ in told] == [(0, 20), (8, 20), (16, 20)] and "pictures" in told[0][1]


def test_nothing_is_left_behind_when_a_build_fails(service, upload, tmp_path, monkeypatch):
    calls = []

    def fail(crops):
        calls.append(crops)
        raise RuntimeError("out of memory")

    monkeypatch.setattr(service, "describe", fail)
    before = sorted(path for path in tmp_path.rglob("*") if "uploads" not in path.parts)
    with pytest.raises(RuntimeError):
        build(service, [upload("people.zip", zipped(PEOPLE))], "", "anna")
    assert calls and service.visitors.names("anna") == []
    assert sorted(path for path in tmp_path.rglob("*") if "uploads" not in path.parts) == before
    monkeypatch.undo()
    assert build(service, [upload("people.zip", zipped(PEOPLE))], "", "anna")


def test_a_visitor_who_leaves_stops_the_build(service, upload):
    files = {f"{i}.png": crop(i) for i in range(30)}
    told = []

    def leave(done, desc):
        told.append(done)
        if done[0] == 8:
            service.visitors.forget("anna")

    with pytest.raises(InputError, match="The visit ended"):
        build(service, [upload("people.zip", zipped(files))], "", "anna", leave)
    assert told[-1] == (8, 30) and service.visitors.names("anna") == []


def test_a_build_may_not_take_forever(service, upload, monkeypatch):
    monkeypatch.setattr(handlers_gallery, "MOST_SECONDS", -1)
    with pytest.raises(InputError, match="take too long"):
        build(service, [upload("people.zip", zipped(PEOPLE))], "", "anna")


def test_pictures_are_not_kept(service, upload, tmp_path):
    """What is needed of them later is in memory."""
    built = build(service, [upload("people.zip", zipped(PEOPLE))], "", "anna")
    shutil.rmtree(tmp_path / "uploads")
    assert [built.gallery.picture(row).shape for row in range(3)] == [(128, 64, 3)] * 3
    original = load_image(PEOPLE["anna/1.png"])
    assert np.abs(built.gallery.picture(0).astype(int) - original).mean() < 12


def test_thin_strips_keep_a_readable_thumbnail(service, upload, tmp_path):
    strip = np.random.default_rng(0).integers(0, 255, (1900, 17, 3), dtype=np.uint8)
    data = cv2.imencode(".png", strip)[1].tobytes()
    built = build(service, [upload("strip.png", data)], "", "anna")
    assert min(built.gallery.picture(0).shape[:2]) >= 16
    path = export(service, built.gallery.name, "anna")
    assert build(service, [{"path": path}], "", "anna").imported


def test_an_exported_gallery_can_be_imported_by_somebody_else(service, upload):
    mine = build(service, [upload("people.zip", zipped(PEOPLE))], "My “people” / 1", "anna").gallery
    path = Path(export(service, mine.name, "anna"))
    assert path.name == "My-people-1.zip" and re.fullmatch(r"export-[0-9a-f]{32}", path.parent.name)
    built = build(service, [upload("again.zip", path.read_bytes())], "", "ben")
    yours = built.gallery
    assert built.imported and yours.title == mine.title and yours.name != mine.name
    assert yours.index.records == mine.index.records
    assert np.array_equal(yours.index.appearance, mine.index.appearance)
    assert all(
        np.abs(yours.picture(i).astype(int) - mine.picture(i)).mean() < 5 for i in range(len(yours.index))
    )
    named = build(service, [upload("again.zip", path.read_bytes())], "Another name", "ben")
    assert named.gallery.title == "Another name"


@pytest.mark.parametrize("place", ["C:\\photos\\", "..\\", "../x/../"])
def test_a_gallery_of_a_list_with_any_folders_can_be_imported_again(service, upload, place):
    listed = "".join(f"{place}{name}.png {name}\n" for name in ("anna", "ben"))
    files = [upload(f"{name}.png", crop(i)) for i, name in enumerate(("anna", "ben"))]
    mine = build(service, [*files, upload("list.txt", listed.encode())], "", "anna").gallery
    again = build(service, [{"path": export(service, mine.name, "anna")}], "", "anna")
    assert again.imported and again.gallery.index.records == mine.index.records


def test_an_imported_gallery_counts_as_many_pictures_as_it_has(service, upload, monkeypatch):
    path = Path(
        export(service, build(service, [upload("p.zip", zipped(PEOPLE))], "", "anna").gallery.name, "anna")
    )
    monkeypatch.setattr(sessions, "MOST_VISIT_PICTURES", 6)
    assert build(service, [{"path": str(path)}], "", "anna").imported
    with pytest.raises(InputError, match="more than 6 pictures"):
        build(service, [{"path": str(path)}], "", "anna")
    with zipfile.ZipFile(path) as found:
        files = {name: found.read(name) for name in found.namelist()}
    few = {name: data for name, data in files.items() if name != "thumbnails/00002.jpg"}
    with pytest.raises(InputError, match=r"lacks 'thumbnails/00002\.jpg'"):
        build(service, [upload("few.zip", zipped(few))], "", "ben")


@pytest.mark.parametrize("end", ["delete", "forget"])
def test_exported_files_go_with_the_gallery(service, upload, end):
    mine = build(service, [upload("people.zip", zipped(PEOPLE))], "", "anna").gallery
    paths = [Path(export(service, mine.name, "anna")) for _ in range(2)]
    assert paths[0] != paths[1] and all(path.is_file() for path in paths)
    if end == "delete":
        service.visitors.delete("anna", mine.name)
    else:
        service.visitors.forget("anna")
    assert not any(path.parent.exists() for path in paths)


def test_export_is_for_the_owner(service, upload, tmp_path):
    mine = build(service, [upload("people.zip", zipped(PEOPLE))], "", "anna").gallery
    for session in ("ben", None):
        with pytest.raises(InputError, match="This gallery is unknown"):
            export(service, mine.name, session)
    with pytest.raises(InputError, match="Choose one of your galleries first"):
        own_gallery(service, None, "anna")
    assert not (tmp_path / "files").exists()


@pytest.mark.parametrize("uploads", [None, [], "", [None], [{}], [{"path": ""}], [7]])
def test_no_upload(service, uploads):
    with pytest.raises(InputError, match="Add pictures first"):
        build(service, uploads, "", "anna")


def test_an_upload_that_is_gone(service, tmp_path):
    with pytest.raises(InputError, match="have expired; please upload them again"):
        build(service, [{"path": str(tmp_path / "gone.zip")}], "", "anna")


def test_the_api_s_report_is_plain_json(service, upload):
    files = PEOPLE | {"ben/2.png": b"no picture"}
    report = built_as_json(build(service, [upload("p.zip", zipped(files))], "T", None))
    assert json.loads(json.dumps(report)) == report
    assert report["gallery"].startswith("built-") and report["forgotten_after_seconds"] == 600
    assert (report["title"], report["pictures"], report["people"]) == ("T", 3, 2)
    assert report["left_out_count"] == len(report["left_out"]) == 1
    assert service.gallery(report["gallery"]).title == "T"


def test_what_is_shown_cannot_carry_html(service, upload):
    evil = "<img src=x onerror=alert(1)>"
    files = {f"{evil}/1.png": crop(1), "b/2.png": crop(2), f"b/{evil}.png": b"no picture"}
    built = build(service, [upload("people.zip", zipped(files))], f"<script>{evil}", "anna")
    html = built_line(built) + card_of(built.gallery)
    assert "<img src=x" not in html and "<script" not in html and html.count("&lt;img src=x") >= 4


@pytest.mark.slow
def test_large_galleries_show_their_beginning(service, upload):
    files = {f"{i:03d}.png": crop(i) for i in range(MOST_SHOWN + 2)}
    html = card_of(build(service, [upload("people.zip", zipped(files))], "", "anna").gallery)
    assert html.count("<img") == MOST_SHOWN and "and 2 more pictures" in html and "no people named" in html


def test_numbers_in_words():
    assert [count(n, "person", "people") for n in (0, 1, 1200)] == ["0 people", "1 person", "1,200 people"]
    assert [size_of(n) for n in (400, 23_400, 1_250_000)] == ["0 kB", "23 kB", "1.2 MB"]


def test_pictures_that_are_there_twice_are_reported(service, upload):
    """In a new gallery and in one that is imported, on the page and to a caller of the API."""
    files = PEOPLE | {"anna/again.png": PEOPLE["anna/1.png"], "ben/anna.png": PEOPLE["anna/2.png"]}
    built = build(service, [upload("people.zip", zipped(files))], "", "anna")
    assert [sentence[:50] for sentence in built.copies] == [
        "1 picture is in the gallery more than once (first ",
        "1 picture is in the gallery under two identities (",
    ]
    assert "anna/again.png, the same as anna/1.png" in built.copies[0]
    assert all(sentence in built_line(built).replace("&#x27;", "'") for sentence in built.copies)
    assert built_as_json(built)["copies"] == list(built.copies)
    path = export(service, built.gallery.name, "anna")
    again = build(service, [{"path": path}], "", "anna")
    assert again.imported and again.copies == built.copies
    assert build(service, [upload("p.zip", zipped(PEOPLE))], "", "anna").copies == ()


@pytest.mark.slow
def test_a_query_that_is_in_the_gallery_is_reported(service, upload, tmp_path):
    built = build(service, [upload("people.zip", zipped(PEOPLE | {"ben/same.png": crop(3)}))], "", "anna")
    for data, times in ((PEOPLE["ben/1.png"], 2), (PEOPLE["anna/1.png"], 1), (crop(9), 0)):
        (tmp_path / "query.png").write_bytes(data)
        answer, *_ = handlers.search(
            service, {"path": str(tmp_path / "query.png")}, None, built.gallery.name, 4, session="anna"
        )
        told = itself(answer.rankings)
        assert ("Your photo itself is in this gallery" in told) == (times > 0)
        assert (", 2 times" in told) == (times == 2)


def test_descriptors_of_the_same_picture_are_known_in_spite_of_their_last_bits():
    rows = np.random.default_rng(0).normal(size=(4, 32)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    again = rows[[2, 0]] + np.float32(1e-6)
    assert handlers_gallery.first_equals(np.vstack([rows, again])) == [0, 1, 2, 3, 2, 0]
