"""`prepare` on trees with a defect."""

import re
import shutil
from pathlib import Path

import pytest

from tests.datasets import trees
from tests.datasets.options import FGPR, OPTIONS


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
        "query contains no picture",
    ),
    "only debris": ("market1501", lambda root: keep_debris(root / "query"), (), "query contains no picture"),
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
    "a broken link": (
        "dukemtmc",
        lambda root: (root / "query" / "0002_c1_f0000001.jpg").symlink_to("gone.jpg"),
        (),
        "1 picture of 10 is empty",
    ),
    "names of another dataset": (
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
        "list_gallery.txt, line 1: .* not separated by spaces",
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
    "an FGPR pattern that is not a valid regular expression": (
        "fgpr",
        lambda root: None,
        ("--pattern", r"(?P<pid>\d+"),
        "not a valid regular expression: missing \\), unterminated subpattern",
    ),
    "an FGPR pattern without a person": (
        "fgpr",
        lambda root: None,
        ("--pattern", r"(\d+)/.*"),
        "has no group named pid",
    ),
    "a group field that the pattern lacks": (
        "fgpr",
        lambda root: None,
        ("--pattern", trees.FGPR_PATTERN, "--group-field", "colour"),
        "'colour' is not a group of the pattern, which has group, pid, camera",
    ),
    "a group that is neither blue nor white": (
        "fgpr",
        lambda root: None,
        (*FGPR, "--blue", "navy"),
        "is 'B', which is neither blue nor white",
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
        "contains query and train, folder names that are splits, not people",
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
    "a camera pattern that is not a valid regular expression": (
        "folder",
        lambda root: None,
        ("--camera-pattern", "cam("),
        "--camera-pattern 'cam\\(' is not a valid regular expression",
    ),
    "a camera pattern that finds nothing": (
        "folder",
        lambda root: None,
        ("--camera-pattern", r"cam\d"),
        "matches nothing in 'door_1.jpg'",
    ),
    "a camera pattern whose group may be absent": (
        "folder",
        lambda root: None,
        ("--camera-pattern", "(door|hall)?"),
        "matches nothing in 'winter/door_1.png'",
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
        "--test-share must be above 0 and at most 1, not 1.5",
    ),
    "must be above 0 and at most 1": (
        "folder",
        lambda root: None,
        ("--query-share", "0"),
        "--query-share must be above 0 and at most 1",
    ),
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
