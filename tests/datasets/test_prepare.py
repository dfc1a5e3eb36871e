"""`prepare` on trees in the published layouts."""

import importlib
import json
import re
from pathlib import Path

import pytest

from tests.datasets.options import OPTIONS, lines
from tests.zips import crop
from threedsl.cli import main
from threedsl.data.images import load_image
from threedsl.data.listfile import Record, read_list
from threedsl.datasets import DATASETS
from threedsl.datasets.collection import Collection, Counts, differences, table

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
    assert "differ from the published ones" in err
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


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".JPG", ".jpeg", ".png", ".PNG", ".jpg", ".webp"])
@pytest.mark.parametrize("name", SIZES)
def test_copies_in_other_formats_and_in_capitals(name, ending, tree, tmp_path, prepare):
    """The same sizes, and lines that differ in the ending alone."""
    root = tree(name)
    assert prepare(name, root, "--out", tmp_path / "before", *OPTIONS.get(name, ()))[0] == 0
    for path in [path for path in root.rglob("*") if path.suffix in (".jpg", ".png")]:
        if not path.name.startswith("."):
            path.rename(path.with_suffix(ending))
    for path in root.glob("list_*.txt"):  # MSMT17 comes with lists
        path.write_text(re.sub(r"\.jpg\b", ending, path.read_text()))
    code, _, err = prepare(name, root, "--out", tmp_path / "after", *OPTIONS.get(name, ()))
    assert code == 0, err
    for path in (tmp_path / "before" / "list").glob("*.txt"):
        renamed = (tmp_path / "after" / "list" / path.name).read_text()
        assert sorted(renamed.splitlines()) == sorted(
            re.sub(r"(\.jpg)+|\.png", ending, path.read_text()).splitlines()
        )


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
    above = built["prcc"].parent  # the dataset is found one level down
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
    assert "4 junk pictures (-1) are left out" in out and "6 pictures of distractors" in out
    assert "1 query has no match under another camera" in out
    assert err.startswith("warning: the sizes of train, query, gallery and the whole dataset differ")


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


@pytest.mark.slow
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


@pytest.mark.parametrize("name", DATASETS)
def test_help_shows_the_layout(name, capsys):
    with pytest.raises(SystemExit) as end:
        main(["prepare", name, "--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert "ROOT/" in out and "--out" in out


@pytest.mark.parametrize("ending", [".JPG", ".jpeg", ".png"])
def test_lists_of_a_data_set_may_name_another_ending(ending, tree, tmp_path, prepare):
    """MSMT17's lists say .jpg; the files of a copy were converted, or renamed, and the lists were not."""
    root = tree("msmt17")
    before = {path.name: path.read_text() for path in root.glob("list_*.txt")}
    for path in [path for path in root.rglob("*.jpg") if not path.name.startswith(".")]:
        path.rename(path.with_suffix(ending))
    code, _, err = prepare("msmt17", root, "--out", tmp_path / "out")
    assert code == 0, err
    assert {path.name: path.read_text() for path in root.glob("list_*.txt")} == before
    lines = (tmp_path / "out" / "list" / "query.txt").read_text().splitlines()
    assert lines and all(ending in line and Path(line.split()[0]).is_file() for line in lines)


def test_a_folder_that_holds_a_picture_twice_is_reported(tmp_path, prepare):
    root = tmp_path / "people"
    for person in ("anna", "ben"):
        (root / person).mkdir(parents=True)
        for i in range(3):
            (root / person / f"{i}.png").write_bytes(crop(10 * i + len(person)))
    (root / "anna" / "copy.png").write_bytes((root / "anna" / "1.png").read_bytes())
    (root / "ben" / "anna.png").write_bytes((root / "anna" / "2.png").read_bytes())
    code, out, err = prepare("folder", root, "--out", tmp_path / "out")
    assert code == 0, err
    assert f"1 picture is in {root} more than once" in out and "copy.png" in out
    assert f"1 picture is in {root} under two identities" in out
