"""The demo galleries: computed once, kept on disk, built again where something changed."""

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

import pytest

from tests.models import count_calls, random_model
from threedsl.locks import locked
from threedsl.ui.demo_galleries import Shelf


def test_descriptors_are_computed_once_and_kept(model, demo, tmp_path, monkeypatch):
    calls = count_calls(model, monkeypatch)
    Shelf(model, {"tiny": demo}, tmp_path / "cache").get("tiny")
    assert sum(calls) == 6
    opened = Shelf(model, {"tiny": demo}, tmp_path / "cache").get("tiny")
    assert sum(calls) == 6
    assert len(opened.thumbnails) == 6 and opened.thumbnails[0].startswith("data:image/jpeg;base64,")


@pytest.mark.slow
def test_another_model_or_a_damaged_file_builds_anew(model, demo, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    Shelf(model, {"tiny": demo}, cache).get("tiny")
    calls = count_calls(model, monkeypatch)
    Shelf(random_model(seed=1), {"tiny": demo}, cache).get("tiny")
    assert sum(calls) == 6
    for path in cache.glob("tiny-*/index/appearance.npy"):
        path.write_bytes(path.read_bytes()[:100])
    Shelf(model, {"tiny": demo}, cache).get("tiny")
    assert sum(calls) == 12


def test_a_changed_picture_builds_anew(model, demo, tmp_path, monkeypatch):
    Shelf(model, {"tiny": demo}, tmp_path / "cache").get("tiny")
    calls = count_calls(model, monkeypatch)
    demo.records[0].path.write_bytes(demo.records[1].path.read_bytes())
    Shelf(model, {"tiny": demo}, tmp_path / "cache").get("tiny")
    assert sum(calls) == 6


def test_other_labels_or_a_picture_of_the_same_size_build_anew(model, demo, tmp_path):
    """As after an update: the matches had the old clothes and cameras, and the old pictures."""
    cache = tmp_path / "cache"
    before = Shelf(model, {"tiny": demo}, cache).get("tiny")
    records = [replace(record, camid="7", clothes="scarf") for record in demo.records]
    relabelled = Shelf(model, {"tiny": replace(demo, list_records=lambda: records)}, cache).get("tiny")
    assert {(record.camid, record.clothes) for record in relabelled.index.records} == {("7", "scarf")}
    first, second = (demo.records[row].path for row in (0, 1))
    content = first.read_bytes()
    size = max(len(content), second.stat().st_size)
    first.write_bytes(content.ljust(size, b"\0"))
    padded = Shelf(model, {"tiny": demo}, cache).get("tiny")
    first.write_bytes(second.read_bytes().ljust(size, b"\0"))
    after = Shelf(model, {"tiny": demo}, cache).get("tiny")
    assert padded.thumbnails == before.thumbnails and after.thumbnails[0] == before.thumbnails[1]


def test_a_gallery_is_read_while_another_page_replaces_it(model, demo, tmp_path, monkeypatch):
    """Between the other one's two renames there is no folder; it had just been built, and was said to be missing."""
    cache = tmp_path / "cache"
    Shelf(model, {"tiny": demo}, cache).get("tiny")
    calls = count_calls(model, monkeypatch)
    (folder,) = cache.glob("tiny-*")
    shelf = Shelf(model, {"tiny": demo}, cache)
    with ThreadPoolExecutor(1) as pool:
        with locked(cache):
            folder.rename(tmp_path / "aside")
            opening = pool.submit(shelf.get, "tiny")
            wait([opening], timeout=0.5)
            (tmp_path / "aside").rename(folder)
        assert len(opening.result().thumbnails) == 6
    assert sum(calls) == 0


def test_who_waits_for_a_gallery_is_told(service):
    told = []
    service.shelf.wait_for("tiny", lambda done, desc: told.append((done, desc)), poll=0.001)
    assert service.shelf.is_open("tiny")
    assert told and told[0][0][1] == 6 and "gallery" in told[0][1]
    told.clear()
    service.shelf.wait_for("tiny", lambda *args, **kwargs: told.append(args))
    assert not told
