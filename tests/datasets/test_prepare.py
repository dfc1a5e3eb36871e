"""`prepare` on trees in the published layouts."""

import importlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.datasets import trees
from tests.datasets.options import OPTIONS, lines
from threedsl.cli import main
from threedsl.cli.prepare import DATASETS
from threedsl.data.images import load_image
from threedsl.data.listfile import Record, read_list
from threedsl.datasets.collection import Collection, Counts, differences, table
from threedsl.datasets.folder import draw_split
from threedsl.errors import InputError

# (ids, images, cameras, outfits) of every list, counted by hand from what trees.py says it builds.
SIZES = {
    "market1501": {
        "train": (3, 18, 3, None),
        "query": (4, 10, 4, None),
        "gallery": (4, 26, 5, None),
        "all": (7, 54, 6, None),
    },
    "dukemtmc": {
        "train": (3, 18, 3, None),
        "query": (3, 9, 3, None),
        "gallery": (5, 21, 5, None),
        "all": (8, 48, 6, None),
    },
    "msmt17": {
        "train": (3, 21, 4, None),
        "val": (3, 3, 1, None),
        "query": (3, 12, 4, None),
        "gallery": (3, 24, 4, None),
        "trainval": (3, 24, 4, None),
        "all": (6, 60, 4, None),
    },
    "prcc": {
        "train": (3, 18, 3, 6),
        "val": (3, 9, 3, 6),
        "query": (3, 9, 1, 3),
        "query_same": (3, 6, 1, 3),
        "gallery": (3, 12, 1, 3),
        "trainval": (3, 27, 3, 6),
        "all": (6, 54, 3, 12),
    },
    "ltcc": {
        "train": (3, 36, 3, 6),
        "query": (3, 18, 4, 6),
        "gallery": (3, 36, 4, 6),
        "all": (6, 90, 6, 12),
    },
    "celebreid": {
        "train": (3, 12, None, None),
        "query": (3, 6, None, None),
        "gallery": (3, 15, None, None),
        "query_digit": (3, 6, None, None),
        "gallery_digit": (3, 15, None, None),
        "all": (6, 33, None, None),
    },
    "vcclothes": {
        "train": (3, 24, 4, 9),
        "query": (3, 12, 4, 9),
        "gallery": (3, 24, 4, 9),
        "all": (6, 60, 4, 18),
    },
    "fgpr": {
        "train": (6, 18, 3, None),
        "query": (6, 18, 3, None),
        "gallery": (6, 36, 3, None),
        "query_blue": (3, 9, 3, None),
        "query_white": (3, 9, 3, None),
        "gallery_blue": (3, 18, 3, None),
        "gallery_white": (3, 18, 3, None),
        "all": (12, 72, 3, None),
    },
}
# Lines written by hand, with the pictures below --out.
LINES = {
    "market1501": {
        "train": "bounding_box_train/0002_c1s1_000101_01.jpg 0002 1",
        "gallery": "bounding_box_test/0000_c5s1_000153_01.jpg 0000 5",
    },
    "dukemtmc": {"query": "query/0002_c8_f0044182.jpg 0002 8"},
    "msmt17": {
        "train": "train/0001/0001_004_12_0303morning_0019_0.jpg 1 12",
        "val": "train/0002/0002_001_01_0303morning_0016_0.jpg 2 1",
        "query": "test/0001/0001_003_09_0303morning_0018_0.jpg 1 9",
    },
    "prcc": {
        "train": "rgb/train/003/C_cropped_rgb002.jpg 003 C 2",
        "query": "rgb/test/C/074/cropped_rgb001.jpg 074 C 2",
        "query_same": "rgb/test/B/074/cropped_rgb001.jpg 074 B 1",
        "gallery": "rgb/test/A/074/cropped_rgb001.jpg 074 A 1",
    },
    "ltcc": {"train": "train/003_1_c11_017012.png 003 11 1", "gallery": "test/000_1_c12_017054.png 000 12 1"},
    "celebreid": {"gallery_digit": "gallery/3_21_1.jpg 3 2", "query_digit": "query/2_12_0.jpg 2 1"},
    "vcclothes": {"query": "query/0511-04-02-01.jpg 0511 4 2"},
    "fgpr": {
        "gallery_white": "gallery/W_006/cam11_0003.jpg 006 11",
        "train": "train/B_101/cam1_0001.jpg 101 1",
    },
}


@pytest.mark.parametrize("name", SIZES)
def test_sizes_lines_and_pictures(name, tree, prepare):
    root = tree(name)
    code, out, err = prepare(name, root, "--out", root, "--json", *OPTIONS.get(name, ()))
    assert code == 0
    assert "are not the published ones" in err
    answer = json.loads(out)
    sizes = ("ids", "images", "cameras", "outfits")
    assert {
        split: tuple(counts[size] for size in sizes) for split, counts in answer["splits"].items()
    } == SIZES[name]
    assert answer["lists"] == [split for split in answer["splits"] if split != "all"]
    for split, line in LINES[name].items():
        assert line in lines(root, split)
    for split in answer["lists"]:
        records = read_list(root / "list" / f"{split}.txt")
        assert len({record.path for record in records}) == len(records) == SIZES[name][split][1]
        assert load_image(records[-1].path).shape == (32, 16, 3)
    written = json.loads((root / "list" / "prepared.json").read_text(encoding="utf-8"))
    assert written["dataset"] == answer["dataset"] and written["lists"] == answer["lists"]


def test_every_data_set_has_a_tree(built):
    assert set(built) == set(DATASETS) == {*SIZES, "folder"}


@pytest.mark.parametrize("name", sorted(set(SIZES) - {"msmt17"}))
def test_every_picture_of_the_splits_is_on_a_list(name, tree, prepare):
    root = tree(name)
    assert prepare(name, root, "--out", root, *OPTIONS.get(name, ()))[0] == 0
    listed = {record.path for path in (root / "list").glob("*.txt") for record in read_list(path)}
    pictures = {
        path
        for path in root.rglob("*_*.[jp][pn]g" if name != "vcclothes" else "*-*.jpg")
        if not re.search(r"/\._|/sketch/|/gt_bbox/|/-1_", path.as_posix())
    }
    assert listed == pictures


def test_pictures_elsewhere_are_named_absolutely_and_nothing_is_copied(built, tmp_path, prepare):
    above = built["prcc"].parent  # the data set is found one level down
    assert prepare("prcc", above, "--out", tmp_path / "my lists")[0] == 0
    first = lines(tmp_path / "my lists", "gallery")[0]
    assert first == f"{built['prcc'].absolute()}/rgb/test/A/004/cropped_rgb001.jpg 004 A 1"
    assert {path.name for path in (tmp_path / "my lists").iterdir()} == {"list"}
    assert len(read_list(tmp_path / "my lists" / "list" / "gallery.txt")) == 12


def test_a_relative_root_is_written_as_if_it_were_absolute(built, tmp_path, prepare, monkeypatch):
    monkeypatch.chdir(built["ltcc"].parent)
    assert prepare("ltcc", "LTCC_ReID", "--out", tmp_path)[0] == 0
    assert lines(tmp_path, "train")[0].startswith(f"{built['ltcc'].absolute()}/train/003_")


def test_the_table_marks_what_is_not_published(built, tmp_path, prepare):
    code, out, err = prepare("market1501", built["market1501"], "--out", tmp_path)
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert ["ids", "published", "images", "published", "cameras", "published"] in rows
    assert ["gallery", "4*", "750", "26*", "15,913", "5*", "6"] in rows
    assert ["all", "7*", "1,501", "54*", "32,217", "6", "6"] in rows
    assert "4 pictures of junk (-1) are left out" in out and "6 pictures of distractors" in out
    assert "1 query has no match under another camera" in out
    assert err.startswith("warning: sizes of train, query, gallery and the whole are not")


def test_table_without_published_sizes_and_with_recalled_ones():
    found = {"train": Counts(1, 2_000), "all": Counts(12, 2_003)}
    assert table(found, {}).splitlines() == [
        "       ids  images",
        "train    1   2,000",
        "all     12   2,003",
    ]
    published = {"train": Counts(1, 2_100, unconfirmed=("images",)), "all": Counts(12, 2_103)}
    assert table(found, published).splitlines() == [
        "       ids  published  images  published",
        "train    1          1  2,000*     2,100?",
        "all     12         12  2,003*     2,103",
        "* not the published size",
        "? recalled, not confirmed by a source",
    ]
    assert differences(found, published) == [
        "train: 2,000 images instead of 2,100 (unconfirmed)",
        "all: 2,003 images instead of 2,103",
    ]


def test_a_complete_copy_differs_in_nothing():
    """Records made up to Market-1501's published sizes, distractors included; then one picture fewer."""

    def made(first: int, people: int, count: int) -> list[Record]:
        return [
            Record(Path(f"{n}.jpg"), f"{first + n % people:04d}", str(n // 3 % 6 + 1)) for n in range(count)
        ]

    from threedsl.datasets.market1501 import PUBLISHED

    gallery = made(2000, 750, 15_913 - 2_793) + [Record(Path("d.jpg"), "0000", "1")] * 2_793
    lists = {"train": made(1, 751, 12_936), "query": made(2000, 750, 3_368), "gallery": gallery}
    whole = Collection("market1501", "Market-1501", lists, PUBLISHED, distractor="0000")
    assert differences(whole.counts(), PUBLISHED) == []
    assert "*" not in table(whole.counts(), PUBLISHED)
    lists["query"].pop()
    assert differences(whole.counts(), PUBLISHED) == [
        "query: 3,367 images instead of 3,368",
        "all: 32,216 images instead of 32,217",
    ]


@pytest.mark.parametrize(
    "name", ["market1501", "dukemtmc", "msmt17", "prcc", "ltcc", "celebreid", "vcclothes"]
)
def test_published_sizes_add_up(name):
    """The whole is the sum of its parts, in the numbers as they were typed."""
    published = importlib.import_module(f"threedsl.datasets.{name}").PUBLISHED
    for sizes in [published] if "all" in published else published.values():
        parts = [counts.images for split, counts in sizes.items() if split not in ("all", "trainval")]
        assert sum(parts) == sizes["all"].images
        test = max(
            counts.ids for split, counts in sizes.items() if split in ("query", "gallery") and counts.ids
        )
        assert sizes["train"].ids + test == sizes["all"].ids


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


def test_prcc_without_val(tree, prepare):
    root = tree("prcc")
    shutil.rmtree(root / "rgb" / "val")
    code, out, _ = prepare("prcc", root, "--out", root)
    assert code == 0 and "val.txt and trainval.txt are not written" in out
    assert not (root / "list" / "trainval.txt").exists()


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
    assert code == 0 and "every picture is its own" in out
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
    assert "No camera is given, so every picture is its own" in out and "--camera-pattern" in out
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


@pytest.mark.parametrize("name", DATASETS)
def test_help_shows_the_layout(name, capsys):
    with pytest.raises(SystemExit) as end:
        main(["prepare", name, "--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert "ROOT/" in out and "--out" in out
