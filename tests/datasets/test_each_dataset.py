"""What `prepare` makes of the peculiarities of one dataset."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.datasets import trees
from tests.datasets.options import lines
from threedsl.data.listfile import Record, read_list
from threedsl.datasets.folder import draw_split
from threedsl.errors import InputError


@pytest.mark.parametrize("version", [1, 2])
def test_msmt17_versions_keep_two_spaces_of_ids(version, tmp_path, prepare):
    root = trees.build_msmt17(tmp_path, version=version)
    code, out, _ = prepare("msmt17", tmp_path, "--out", root)
    assert code == 0 and f"MSMT17 version {version}" in out
    folder = ("train", "test") if version == 1 else ("mask_train_v2", "mask_test_v2")
    assert lines(root, "train")[0].split("/")[0] == folder[0]
    train, query = (read_list(root / "list" / f"{name}.txt") for name in ("train", "query"))
    assert {record.pid for record in train} == {record.pid for record in query} == {"0", "1", "2"}
    assert {record.camid for record in query} == {"1", "9", "12", "15"}
    assert lines(root, "trainval") == lines(root, "train") + lines(root, "val")


@pytest.mark.parametrize("separator", "-_")
def test_both_separators_of_vc_clothes(separator, tmp_path, prepare):
    root = trees.build_vcclothes(tmp_path, separator=separator)
    assert prepare("vcclothes", root, "--out", root)[0] == 0
    name = separator.join(["0206", "03", "01", "01"])
    assert f"query/{name}.jpg 0206 3 1" in lines(root, "query")


@pytest.mark.slow
def test_prcc_without_val(tree, prepare):
    root = tree("prcc")
    shutil.rmtree(root / "rgb" / "val")
    code, out, _ = prepare("prcc", root, "--out", root)
    assert code == 0 and "val.txt and trainval.txt are not written" in out
    assert not (root / "list" / "trainval.txt").exists()
    listed = [int(line.split()[1]) for line in out.splitlines() if line.startswith("all ")]
    assert listed and "33,698" not in out, "the published total counts val's pictures as well"


@pytest.mark.slow
def test_celebreid_has_two_conventions_of_cameras(built, tmp_path, prepare):
    assert prepare("celebreid", built["celebreid"], "--out", tmp_path)[0] == 0
    own = [
        record.camid
        for name in ("train", "query", "gallery")
        for record in read_list(tmp_path / "list" / f"{name}.txt")
    ]
    assert len(set(own)) == len(own) == 33
    for name in ("query", "gallery"):
        digits = read_list(tmp_path / "list" / f"{name}_digit.txt")
        assert [record.camid for record in digits] == [record.path.name.split("_")[1][0] for record in digits]


def test_the_light_celebreid_is_known_by_its_folder(tree, tmp_path, prepare):
    root = tree("celebreid").rename(tmp_path / "Celeb-reID-light")
    for place in (root, tmp_path):
        answer = json.loads(prepare("celebreid", place, "--out", tmp_path / "out", "--json")[1])
        assert answer["dataset"] == "celebreid-light"
        assert answer["splits"]["train"]["published"]["images"] == 9_021


def test_fgpr_without_groups_and_cameras(built, tmp_path, prepare):
    pattern = r"._(?P<pid>\d+)/.*"
    code, out, _ = prepare("fgpr", built["fgpr"], "--out", tmp_path, "--pattern", pattern)
    assert code == 0 and "every picture counts as its own" in out
    assert sorted(path.name for path in (tmp_path / "list").glob("*.txt")) == [
        "gallery.txt",
        "query.txt",
        "train.txt",
    ]
    records = read_list(tmp_path / "list" / "query.txt") + read_list(tmp_path / "list" / "gallery.txt")
    assert len({record.camid for record in records}) == len(records)


def test_fgpr_with_folders_values_and_clothes_of_ones_own(tree, tmp_path, prepare):
    root = tree("fgpr")
    (root / "query").rename(root / "probe pictures")
    pattern = r"(?P<colour>[BW])_(?P<pid>\d+)/cam(?P<camera>\d+)_(?P<clothes>\d)\d+\.jpg"
    words = ("--pattern", pattern, "--group-field", "colour", "--blue", "W", "--white", "B")
    code, _, err = prepare("fgpr", root, "--out", root, *words, "--query", "probe pictures")
    assert code == 0, err
    assert lines(root, "query_blue")[0] == "probe pictures/W_004/cam11_0001.jpg 004 11 0"


def test_folder_splits_people_and_asks_about_cameras(built, tmp_path, prepare):
    code, out, err = prepare("folder", built["folder"], "--out", tmp_path)
    assert (code, err) == (0, "")
    assert "No cameras are given, so every picture counts as its own" in out and "--camera-pattern" in out
    parts = {name: read_list(tmp_path / "list" / f"{name}.txt") for name in ("train", "query", "gallery")}
    people = {name: {record.pid for record in records} for name, records in parts.items()}
    assert people["train"].isdisjoint(people["query"] | people["gallery"])
    assert people["train"] | people["gallery"] == {
        "anna",
        "Bo_Li",
        "carla",
        "dan",
        "eve",
        "finn",
        "once_seen",
    }
    assert sum(map(len, parts.values())) == 25
    before = [lines(tmp_path, name) for name in parts]
    assert prepare("folder", built["folder"], "--out", tmp_path)[0] == 0
    assert [lines(tmp_path, name) for name in parts] == before
    assert prepare("folder", built["folder"], "--out", tmp_path, "--seed", 1)[0] == 0
    assert [lines(tmp_path, name) for name in parts] != before


def test_folder_with_cameras_clothes_and_annotations(tree, prepare):
    root = tree("folder")
    shutil.copytree(root / "anna", root / "mask" / "anna")  # what `annotate` adds to the same folder
    words = ("--camera-pattern", r"(\w+)_\d", "--clothes-pattern", r"_(\d)", "--test-share", 1)
    code, out, err = prepare("folder", root, "--out", root, *words)
    assert (code, err) == (0, "") and "Cameras: door, hall." in out and "train.txt is not written" in out
    assert not (root / "list" / "train.txt").exists()
    records = read_list(root / "list" / "query.txt") + read_list(root / "list" / "gallery.txt")
    assert len(records) == 25
    for record in records:
        camera, clothes = record.path.stem.split("_")
        assert (record.camid, record.clothes) == (camera, clothes)
    assert [record.path.name for record in records if record.pid == "once_seen"] == ["door_1.png"]


def test_folder_keeps_a_split_of_ones_own(tree, tmp_path, prepare):
    root = tree("folder")
    for split, people in (
        ("query", ("anna", "dan")),
        ("gallery", ("anna", "dan", "eve")),
        ("train", ("finn",)),
    ):
        for person in people:
            shutil.copytree(root / person, tmp_path / "own" / split / person)
    code, out, _ = prepare("folder", tmp_path / "own", "--out", tmp_path / "own")
    assert code == 0 and "drawn with seed" not in out
    assert [len(lines(tmp_path / "own", name)) for name in ("train", "query", "gallery")] == [4, 8, 12]
    shutil.rmtree(tmp_path / "own" / "gallery" / "anna")
    shutil.rmtree(tmp_path / "own" / "gallery" / "dan")
    shutil.copytree(root / "carla", tmp_path / "own" / "gallery" / "carla")
    code, _, err = prepare("folder", tmp_path / "own", "--out", tmp_path / "other")
    assert code == 2 and "No query of" in err and not (tmp_path / "other").exists()


@pytest.mark.parametrize("by_camera", [True, False])
def test_a_drawn_split_leaves_every_query_a_match(by_camera):
    for seed in range(50):
        rng = np.random.default_rng(seed)
        records = [
            Record(Path(f"{pid}/{number}.jpg"), f"p{pid}", str(rng.integers(1, 4)) if by_camera else "")
            for pid in range(rng.integers(4, 9))
            for number in range(rng.integers(1, 8))
        ]
        share = rng.uniform(0.1, 1)
        try:
            lists = draw_split(records, rng.uniform(0.3, 1), share, by_camera, rng)
        except InputError:
            continue
        assert sorted(map(str, (r.path for part in lists.values() for r in part))) == sorted(
            str(record.path) for record in records
        )
        for query in lists["query"]:
            assert any(
                other.pid == query.pid and (not by_camera or other.camid != query.camid)
                for other in lists["gallery"]
            )


def test_the_training_people_of_market1501_divided(tree, prepare):
    """Nothing but bounding_box_train is needed; queries are each test person's first picture of each camera."""
    root = tree("market1501")
    for name in ("query", "bounding_box_test"):
        shutil.rmtree(root / name)
    pictures = root / "bounding_box_train"
    first = min(pictures.glob("0010_c3*.jpg"))
    # A person whose number is later though the name sorts before, and a picture of a third camera.
    shutil.copyfile(first, pictures / "0009_c3s1_000001_01.jpg")
    shutil.copyfile(first, pictures / "0009_c2s1_000002_01.jpg")
    code, out, err = prepare("market1501", root, "--out", root, "--divide", 2)
    assert code == 0 and "its last 2 people by number are the test set" in out
    assert "cannot be compared with papers" in err
    train, query, gallery = (read_list(root / "list" / f"{n}.txt") for n in ("train", "query", "gallery"))
    assert {record.pid for record in train} == {"0002", "0007"} and len(train) == 12
    everything = sorted(path for pid in ("0009", "0010") for path in pictures.glob(f"{pid}_*.jpg"))
    assert [record.path for record in gallery] == everything and len(everything) == 8
    expected = [
        min(pictures.glob(f"{pid}_c{camera}*.jpg"))
        for pid, cameras in (("0009", "23"), ("0010", "136"))
        for camera in cameras
    ]
    assert [record.path for record in query] == expected
    assert json.loads((root / "list" / "prepared.json").read_text())["options"] == {"divide": 2}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_division_leaves_people_on_both_sides(count, built, tmp_path, prepare):
    code, _, err = prepare("market1501", built["market1501"], "--out", tmp_path / "out", "--divide", count)
    assert code == 2 and f"--divide {count} must leave two people or more" in err
    assert not (tmp_path / "out" / "list").exists()
