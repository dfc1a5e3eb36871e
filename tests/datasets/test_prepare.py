"""`prepare` on trees in the published layouts, and on trees with a defect."""

import importlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.datasets import trees
from threedsl.cli import main
from threedsl.cli.prepare import DATASETS
from threedsl.data.images import load_image
from threedsl.data.listfile import Record, read_list
from threedsl.datasets.collection import Collection, Counts, differences, table
from threedsl.datasets.folder import draw_split
from threedsl.errors import InputError

FGPR = ("--pattern", trees.FGPR_PATTERN, "--group-field", "group")
OPTIONS = {"fgpr": FGPR, "folder": ("--camera-pattern", r"(\w+)_\d")}
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


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, Path]:
    """Every tree once, not to be changed."""
    folder = tmp_path_factory.mktemp("trees")
    names = [name.removeprefix("build_") for name in vars(trees) if name.startswith("build_")]
    return {name: getattr(trees, f"build_{name}")(folder / name) for name in names}


@pytest.fixture
def tree(built, tmp_path) -> Callable[[str], Path]:
    """A copy of one tree that a test may break."""
    return lambda name: Path(shutil.copytree(built[name], tmp_path / "copies" / built[name].name))


@pytest.fixture
def prepare(capsys) -> Callable:
    """Run the command: (exit code, stdout, stderr)."""

    def run(*words) -> tuple[int, str, str]:
        code = main(["prepare", *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def lines(out: Path, name: str) -> list[str]:
    return (out / "list" / f"{name}.txt").read_text(encoding="utf-8").splitlines()


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


def test_lists_of_others_are_not_overwritten(built, tmp_path, prepare):
    assert prepare("prcc", built["prcc"], "--out", tmp_path)[0] == 0
    assert prepare("prcc", built["prcc"], "--out", tmp_path)[0] == 0
    before = lines(tmp_path, "query")
    code, out, err = prepare("ltcc", built["ltcc"], "--out", tmp_path)
    assert (code, out) == (2, "") and "already holds the lists of PRCC" in err and "--force" in err
    assert lines(tmp_path, "query") == before
    assert prepare("ltcc", built["ltcc"], "--out", tmp_path, "--force")[0] == 0
    names = {path.name for path in (tmp_path / "list").iterdir()}
    assert names == {"train.txt", "query.txt", "gallery.txt", "prepared.json"}
    assert lines(tmp_path, "query") != before


def test_lists_written_by_hand_are_not_overwritten(built, tmp_path, prepare):
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "gallery.txt").write_text("a.jpg 1 1\n")
    code, _, err = prepare("ltcc", built["ltcc"], "--out", tmp_path)
    assert code == 2 and "gallery.txt, which `prepare` did not write" in err
    assert lines(tmp_path, "gallery") == ["a.jpg 1 1"]


def test_a_failure_while_writing_leaves_the_old_lists(built, tmp_path, prepare, monkeypatch):
    from threedsl.datasets import writing

    assert prepare("folder", built["folder"], "--out", tmp_path)[0] == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "list").iterdir()}

    def full_disk(records, path, root=None):
        if path.name == "gallery.txt":
            raise InputError("No space left on device.")
        write_list(records, path, root)

    write_list = writing.write_list
    monkeypatch.setattr(writing, "write_list", full_disk)
    assert prepare("folder", built["folder"], "--out", tmp_path, "--seed", 5)[0] == 2
    assert {path.name: path.read_bytes() for path in (tmp_path / "list").iterdir()} == before


def test_a_folder_in_the_place_of_a_list_stops_before_any_list_is_replaced(built, tmp_path, prepare):
    assert prepare("folder", built["folder"], "--out", tmp_path)[0] == 0
    before = lines(tmp_path, "train")
    (tmp_path / "list" / "query.txt").unlink()
    (tmp_path / "list" / "query.txt").mkdir()
    code, out, err = prepare("folder", built["folder"], "--out", tmp_path, "--seed", 5)
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert f"{tmp_path / 'list' / 'query.txt'} is a folder" in err
    assert lines(tmp_path, "train") == before


def test_a_disk_that_fails_ends_in_a_sentence(built, tmp_path, prepare, monkeypatch):
    from threedsl.datasets import writing

    replace = writing.os.replace

    def broken(source, target):
        if target == tmp_path / "list" / "query.txt":
            raise OSError(5, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(writing.os, "replace", broken)
    code, _, err = prepare("folder", built["folder"], "--out", tmp_path)
    assert code == 2 and "cannot be written" in err and err.count("\n") == 1


def test_lists_of_others_that_stay_are_named(built, tmp_path, prepare):
    """Those of the data set that was there before go; what nobody here wrote stays, and is said to."""
    assert prepare("prcc", built["prcc"], "--out", tmp_path)[0] == 0
    mine = tmp_path / "list" / "mine.txt"
    mine.write_text("a.jpg 1 1\n")
    code, _, err = prepare("ltcc", built["ltcc"], "--out", tmp_path, "--force")
    assert code == 0 and f"warning: {mine} stayed" in err
    assert mine.exists() and not (tmp_path / "list" / "val.txt").exists()
    mine.unlink()
    assert "stayed" not in prepare("ltcc", built["ltcc"], "--out", tmp_path, "--force")[2]


@pytest.mark.parametrize("seed", ["-1", "1.5", "one"])
def test_a_seed_that_numpy_refuses_is_wrong_usage(seed, built, tmp_path, prepare, capsys):
    with pytest.raises(SystemExit) as stopped:
        prepare("folder", built["folder"], "--out", tmp_path, "--seed", seed)
    assert stopped.value.code == 2
    assert f"argument --seed: {seed!r} is not a whole number of 0 or more" in capsys.readouterr().err


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_bytes(text.replace(old, new, 1).encode("latin-1"))


def touch(path: Path, data: bytes = b"x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def keep_debris(folder: Path) -> None:
    for path in folder.glob("[01]*.jpg"):
        path.unlink()


def one_picture_each(root: Path) -> None:
    for path in [path for path in root.rglob("*.jpg") if path.name != "door_1.jpg"]:
        path.unlink()


def both_versions(root: Path) -> None:
    (root / "mask_test_v2").mkdir()


MALFORMED = {
    "no such folder": (
        "market1501",
        shutil.rmtree,
        (),
        "does not exist; give the folder that holds Market-1501",
    ),
    "a folder is missing": (
        "market1501",
        lambda root: shutil.rmtree(root / "query"),
        (),
        r"expected to hold bounding_box_train, query and bounding_box_test; in .* query is missing "
        r"\(its folders: bounding_box_test, bounding_box_train, gt_bbox, gt_query\)",
    ),
    "everything is missing": (
        "dukemtmc",
        lambda root: (shutil.rmtree(root), root.mkdir()),
        (),
        r"bounding_box_test; in .*DukeMTMC-reID none of them is there \(its folders: none\)",
    ),
    "an empty folder": (
        "market1501",
        lambda root: (shutil.rmtree(root / "query"), (root / "query").mkdir()),
        (),
        "query holds no picture",
    ),
    "only debris": ("market1501", lambda root: keep_debris(root / "query"), (), "query holds no picture"),
    "two strange names": (
        "market1501",
        lambda root: (touch(root / "query" / "a holiday.jpg"), touch(root / "query" / "b.png")),
        (),
        r"2 picture names of 12 in .*query are not of the form .*, the first is 'a holiday.jpg'",
    ),
    "unpacked one level too deep": (
        "market1501",
        lambda root: touch(root / "query" / "query" / "0001_c1s1_000119_01.jpg"),
        (),
        "1 picture name of 11 .* is not of the form .*'query/0001_c1s1_000119_01.jpg'",
    ),
    "a picture of no bytes": (
        "dukemtmc",
        lambda root: touch(next((root / "query").glob("0002*")), b""),
        (),
        "1 picture of 9 is empty .*/0002_c._f",
    ),
    "a link to nothing": (
        "dukemtmc",
        lambda root: (root / "query" / "0002_c1_f0000001.jpg").symlink_to("gone.jpg"),
        (),
        "1 picture of 10 is empty",
    ),
    "names of another data set": (
        "dukemtmc",
        lambda root: touch(root / "query" / "0002_c1s1_000451_03.jpg"),
        (),
        "not of the form <person>_c<camera>_f<frame>.jpg",
    ),
    "a converted copy beside the picture": (
        "dukemtmc",
        lambda root: touch(root / "query" / "0002_c1_f0044176.jpg.png"),
        (),
        "1 picture name of 10 .* is not of the form",
    ),
    "an LTCC camera in words": (
        "ltcc",
        lambda root: touch(root / "test" / "103_1_cam9_017008.png"),
        (),
        "the first is '103_1_cam9_017008.png'",
    ),
    "a camera folder of PRCC is missing": (
        "prcc",
        lambda root: shutil.rmtree(root / "rgb" / "test" / "B"),
        (),
        "in .*prcc rgb/test/B is missing",
    ),
    "a fourth camera of PRCC": (
        "prcc",
        lambda root: touch(root / "rgb" / "train" / "001" / "D_cropped_rgb001.jpg"),
        (),
        "001/D_cropped_rgb001.jpg",
    ),
    "a Celeb-reID name in two parts": (
        "celebreid",
        lambda root: touch(root / "gallery" / "1_5.jpg"),
        (),
        "<person>_<number>_<digit>.jpg, the first is '1_5.jpg'",
    ),
    "mixed separators of VC-Clothes": (
        "vcclothes",
        lambda root: touch(root / "train" / "0001-01_01-09.jpg"),
        (),
        "0001-01_01-09.jpg",
    ),
    "a fifth camera of VC-Clothes": (
        "vcclothes",
        lambda root: touch(root / "train" / "0001-05-01-09.jpg"),
        (),
        "0001-05-01-09.jpg",
    ),
    "an MSMT17 list is missing": (
        "msmt17",
        lambda root: (root / "list_val.txt").unlink(),
        (),
        "list_val.txt is missing",
    ),
    "both versions of MSMT17": ("msmt17", both_versions, (), "holds both versions"),
    "a list names a picture that is not there": (
        "msmt17",
        lambda root: rewrite(root / "list_query.txt", "0000/0000_003_09", "0000/0000_999_09"),
        (),
        r"list_query.txt, line 2: picture .*0000_999_09.* does not exist",
    ),
    "a list line without a person": (
        "msmt17",
        lambda root: rewrite(root / "list_train.txt", "_0.jpg 0", "_0.jpg"),
        (),
        "list_train.txt, line 1: no person after the path",
    ),
    "a list line with six columns": (
        "msmt17",
        lambda root: rewrite(root / "list_train.txt", "_0.jpg 0", "_0.jpg 0 1 2 3 4"),
        (),
        "list_train.txt, line 1: 5 columns after the path",
    ),
    "a list with commas": (
        "msmt17",
        lambda root: rewrite(root / "list_gallery.txt", "_0.jpg 0", "_0.jpg,0"),
        (),
        "list_gallery.txt, line 1: .* separated by other than spaces",
    ),
    "a list in Latin-1": (
        "msmt17",
        lambda root: rewrite(root / "list_gallery.txt", "0001/", "é/"),
        (),
        "list_gallery.txt, line 9: not text in UTF-8",
    ),
    "an empty list": (
        "msmt17",
        lambda root: touch(root / "list_val.txt", b""),
        (),
        "list_val.txt lists no picture",
    ),
    "an FGPR pattern that is no regular expression": (
        "fgpr",
        lambda root: None,
        ("--pattern", r"(?P<pid>\d+"),
        "no regular expression: missing \\), unterminated subpattern",
    ),
    "an FGPR pattern without a person": (
        "fgpr",
        lambda root: None,
        ("--pattern", r"(\d+)/.*"),
        "does not say where the person stands",
    ),
    "a group field that the pattern lacks": (
        "fgpr",
        lambda root: None,
        ("--pattern", trees.FGPR_PATTERN, "--group-field", "colour"),
        "'colour' is no name in the pattern, which has group, pid, camera",
    ),
    "a group that is neither blue nor white": (
        "fgpr",
        lambda root: None,
        (*FGPR, "--blue", "navy"),
        "says 'B', which is neither blue nor white",
    ),
    "an FGPR pattern that fits nothing": (
        "fgpr",
        lambda root: None,
        ("--pattern", r"(?P<pid>\d+)\.jpg"),
        r"18 picture names of 18 in .*train are not of the form --pattern",
    ),
    "an FGPR folder that is not there": (
        "fgpr",
        lambda root: None,
        (*FGPR, "--query", "probe"),
        "train, probe and gallery; in .* probe is missing",
    ),
    "an MSMT17 list that names pictures elsewhere": (
        "msmt17",
        lambda root: (root / "list_query.txt").write_text(
            f"{root / 'train/0001/0001_004_12_0303morning_0019_0.jpg'} 1\n"
        ),
        (),
        r"list_query\.txt names .*_0019_0\.jpg, which is not in .*test; give the lists that come with MSMT17",
    ),
    "splits instead of people": (
        "folder",
        lambda root: ((root / "anna").rename(root / "train"), (root / "dan").rename(root / "query")),
        (),
        "holds query and train, by whose name nobody is called",
    ),
    "a single person": (
        "folder",
        lambda root: [
            shutil.rmtree(path) for path in root.iterdir() if path.is_dir() and path.name != "anna"
        ],
        (),
        "1 sub-folder with pictures; it needs one for each of at least 2 people",
    ),
    "nobody has two pictures": (
        "folder",
        one_picture_each,
        (),
        "No person drawn for the test has two pictures",
    ),
    "two folders of one name": (
        "folder",
        lambda root: (root / "eve").rename(root / "Bo_Li"),
        (),
        "'Bo Li' and 'Bo_Li' would both be person Bo_Li",
    ),
    "a camera pattern that is no regular expression": (
        "folder",
        lambda root: None,
        ("--camera-pattern", "cam("),
        "--camera-pattern 'cam\\(' is no regular expression",
    ),
    "a camera pattern that finds nothing": (
        "folder",
        lambda root: None,
        ("--camera-pattern", r"cam\d"),
        "finds nothing in 'door_1.jpg'",
    ),
    "a camera pattern whose group may be absent": (
        "folder",
        lambda root: None,
        ("--camera-pattern", "(door|hall)?"),
        "finds nothing in 'winter/door_1.png'",
    ),
    "one camera for all": (
        "folder",
        lambda root: None,
        ("--camera-pattern", "(_)"),
        "No person drawn for the test has two pictures under two cameras",
    ),
    "a share above one": (
        "folder",
        lambda root: None,
        ("--test-share", "1.5"),
        "--test-share 1.5 is no share",
    ),
    "no share": ("folder", lambda root: None, ("--query-share", "0"), "--query-share 0 is no share"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_trees_are_refused_in_a_sentence(case, tree, tmp_path, prepare):
    name, spoil, words, sentence = MALFORMED[case]
    root = tree(name)
    spoil(root)
    code, out, err = prepare(name, root, "--out", tmp_path / "out", *(words or OPTIONS.get(name, ())[:2]))
    assert (code, out) == (2, "")
    assert re.search(sentence, err), err
    assert err.startswith("error: ") and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_split_folder_instead_of_the_root(built, tmp_path, prepare):
    code, _, err = prepare("market1501", built["market1501"] / "query", "--out", tmp_path / "out")
    assert code == 2 and f"; give {built['market1501']}." in err


def test_a_file_instead_of_a_folder(built, tmp_path, prepare):
    readme = built["market1501"] / "readme.txt"
    code, _, err = prepare("market1501", readme, "--out", tmp_path / "out")
    assert code == 2 and "is a file, not a folder" in err
    code, _, err = prepare("market1501", built["market1501"], "--out", readme)
    assert code == 2 and "cannot be written" in err
    assert readme.read_bytes() == b"debris"


@pytest.mark.parametrize("name", DATASETS)
def test_help_shows_the_layout(name, capsys):
    with pytest.raises(SystemExit) as end:
        main(["prepare", name, "--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert "ROOT/" in out and "--out" in out


def test_lists_that_are_replaced_are_told(built, tree, tmp_path, prepare):
    other, out = tree("folder"), tmp_path / "out"
    words = ["--out", out]
    assert "replaces" not in prepare("folder", built["folder"], *words)[2]
    assert "replaces" not in prepare("folder", built["folder"], *words)[2]
    told = f"replaces the lists made from {built['folder']}"
    assert f"{told} with other options\n" in prepare("folder", built["folder"], *words, "--seed", 5)[2]
    assert f"{told}\n" in prepare("folder", other, *words, "--seed", 5)[2]
    assert json.loads((out / "list" / "prepared.json").read_text())["root"] == str(other)
