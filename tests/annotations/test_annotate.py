"""`python -m threedsl annotate`: results of the tools find their pictures, or it says why not."""

import json
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from tests.data.tools import HEIGHT, WIDTH, detection, parsing_png, write_results
from tests.pictures import person_like
from threedsl.annotations.from_alphapose import result_files
from threedsl.cli import main
from threedsl.data.keypoints import read_alphapose
from threedsl.errors import InputError

FOLDERS = ("rgb/train/001", "rgb/train/002", "rgb/test/B/073", "rgb/test/B/074", "rgb/test/A/073")


@pytest.mark.parametrize(
    "name",
    [
        "{folder}/alphapose-results.json",
        "run 1/out/{last}/alphapose-results.json",
        "out/{flat}.json",
    ],
)
def test_one_results_file_for_each_folder(annotate, prcc, tmp_path, name):
    for number, folder in enumerate(FOLDERS):
        last = "/".join(folder.split("/")[1:])
        path = name.format(folder=folder, last=last, flat=last.replace("/", "_"))
        picture = "A_cropped_rgb001.jpg" if "train" in folder else "cropped_rgb001.jpg"
        write_results(tmp_path / "results" / path, detection(picture, x=number + 1.0))
        write_results(tmp_path / "results" / Path(path).parent / "sep-json" / "x.json", detection("x.jpg"))
    code, out, err = annotate("--alphapose", tmp_path / "results")
    assert (code, err) == (0, "")
    assert out == (
        "keypoints: 5 of 6 pictures (gallery 1 of 2, query 2 of 2, train 2 of 2) in "
        f"{prcc / 'pose' / 'alphapose-results.json'}\n"
        f"  missing, relative to {prcc}:\n"
        "    rgb/test/A/073/cropped_rgb002.jpg\n"
    )
    poses = read_alphapose(prcc / "pose" / "alphapose-results.json")
    xs = {str(PurePosixPath(image).parent): points[0, 0] for image, points in poses.items()}
    assert xs == {folder: number + 1 for number, folder in enumerate(FOLDERS)}


def test_names_that_collide_stop_it_and_nothing_is_written(annotate, prcc, tmp_path):
    results = write_results(tmp_path / "all.json", detection("A_cropped_rgb001.jpg"))
    code, out, err = annotate("--alphapose", results, "--list", "query")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"A_cropped_rgb001.jpg in {results} fits 2 pictures" in err and "folder by folder" in err
    assert not (prcc / "pose").exists()


def test_a_folder_that_means_two_is_refused_only_where_names_repeat(annotate, tmp_path):
    write_results(tmp_path / "r" / "073" / "alphapose-results.json", detection("cropped_rgb002.jpg"))
    write_results(tmp_path / "r" / "074" / "alphapose-results.json", detection("cropped_rgb001.jpg"))
    assert annotate("--alphapose", tmp_path / "r")[1].startswith("keypoints: 2 of 6")
    write_results(tmp_path / "r" / "073" / "alphapose-results.json", detection("cropped_rgb001.jpg"))
    code, _, err = annotate("--alphapose", tmp_path / "r")
    assert code == 2 and "073/cropped_rgb001.jpg in " in err and "fits 2 pictures" in err


def test_ids_that_are_paths(annotate, prcc, tmp_path):
    results = [
        detection("rgb/test/B/073/cropped_rgb001.jpg", 1.0),
        detection(str(prcc / "rgb/test/B/074/cropped_rgb001.jpg"), 2.0),
        detection("rgb\\test\\A\\073\\cropped_rgb001.jpg", 3.0),
        detection("cropped_rgb002.jpg", 4.0),
        detection("cropped_rgb002.jpg", 5.0, score=0.5),
        detection("elsewhere.jpg", 6.0),
    ]
    code, out, _ = annotate("--alphapose", write_results(tmp_path / "paths.json", *results), "--json")
    answer = json.loads(out)
    assert code == 0 and answer["keypoints"]["pictures"] == 4 and answer["pictures"] == 6
    assert answer["keypoints"]["written"] == str(prcc / "pose" / "alphapose-results.json")
    assert answer["keypoints"]["missing"] == [f"rgb/train/00{i}/A_cropped_rgb001.jpg" for i in (1, 2)]
    assert [note.rpartition(": ")[2] for note in answer["keypoints"]["notes"]] == ["1", "1"]
    poses = read_alphapose(prcc / "pose" / "alphapose-results.json")
    assert poses["rgb/test/A/073/cropped_rgb002.jpg"][0].tolist() == [4.0, 8.0, 0.5]


def test_a_second_run_keeps_what_the_first_one_wrote(annotate, prcc, tmp_path):
    (prcc / "pose").mkdir()
    old = write_results(
        prcc / "pose" / "alphapose-results.json", detection("cropped_rgb002.jpg"), detection("gone.jpg")
    )
    new = write_results(tmp_path / "b.json", detection("A/073/cropped_rgb002.jpg", 9.0))
    assert annotate("--alphapose", new, "--list", "gallery")[0] == 0
    new = write_results(tmp_path / "b.json", detection("B/073/cropped_rgb001.jpg", 3.0))
    out = annotate("--alphapose", new)[1]
    assert out.startswith("keypoints: 2 of 6 pictures") and "\n  from an earlier run: 1\n" in out
    assert {image: points[0, 0] for image, points in read_alphapose(old).items()} == {
        "rgb/test/A/073/cropped_rgb002.jpg": 9,
        "rgb/test/B/073/cropped_rgb001.jpg": 3,
        "gone.jpg": 5,
    }


def test_masks_from_folders_like_the_pictures(annotate, prcc, tmp_path):
    for picture in prcc.rglob("*.jpg"):
        parsing_png(
            tmp_path / "out" / picture.relative_to(prcc / "rgb").with_suffix(".png"), labels=18, bag=True
        )
    code, out, err = annotate("--parsing", tmp_path / "out")
    assert (code, err) == (0, "")
    counts = "masks: 6 of 6 pictures (gallery 2 of 2, query 2 of 2, train 2 of 2)"
    assert out == f"{counts} in {prcc / 'mask'}\n"
    path = prcc / "mask" / "rgb" / "test" / "B" / "074" / "cropped_rgb001.png"
    with Image.open(path) as mask:
        assert mask.mode == "L"
        expected = np.repeat([[255, 0]], HEIGHT, 0).repeat(WIDTH // 2, 1)
        np.testing.assert_array_equal(np.array(mask), expected)
    assert annotate("--parsing", tmp_path / "out", "--without-bags")[0] == 0
    with Image.open(path) as mask:
        assert not np.array(mask)[0].any() and np.array(mask)[1].any()
    assert [path for path in prcc.rglob("*") if path.suffix == ".part"] == []


@pytest.mark.parametrize("rows", [slice(None), slice(1, -1), slice(0, 1)])
def test_masks_of_nearly_everything_are_reported(annotate, prcc, tmp_path, rows):
    """The whole picture, most of it, or its border alone; the usual mask of a person raises no question."""
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    values[:, 1:-1] = 5
    if rows == slice(0, 1):
        values[:], values[1:-1, 1:-1] = 5, 0
    elif rows == slice(None):
        values[:] = 5
    for number, labels in ((1, values), (2, np.pad(values[1:-1, 2:-2] * 0 + 5, ((1, 1), (2, 2))))):
        path = tmp_path / "p" / "test" / "A" / "073" / f"cropped_rgb00{number}.png"
        parsing_png(path)
        with Image.open(path) as there:
            palette = there.getpalette()
        image = Image.fromarray(labels)
        image.putpalette(palette)
        image.save(path)
    code, out, _ = annotate("--parsing", tmp_path / "p")
    assert code == 0
    said = (
        "masks that cover nearly the whole picture or its whole border: 1 (rgb/test/A/073/cropped_rgb001.jpg)"
    )
    assert (said in out) == (rows != slice(1, -1)), out


def test_a_palette_numbered_again_gives_the_same_masks(annotate, prcc, tmp_path):
    """Half of the picture is a person, whose number is 0 after a image editor has saved the labels."""
    for name in ("before", "after"):
        for picture in prcc.rglob("*.jpg"):
            parsing_png(tmp_path / name / picture.relative_to(prcc / "rgb").with_suffix(".png"))
    for path in (tmp_path / "after").rglob("*.png"):
        with Image.open(path) as image:
            again = image.convert("RGB").quantize(2)
        assert np.array(again)[0, 0] == 0 or np.array(again)[0, 0] == 1
        again.remap_palette([*reversed(range(2))] if np.array(again)[0, 0] else [0, 1]).save(path)
        with Image.open(path) as image:
            assert np.array(image)[0, 0] == 0
    masks = []
    for name in ("before", "after"):
        assert annotate("--parsing", tmp_path / name)[0] == 0
        masks.append({path.name: path.read_bytes() for path in (prcc / "mask").rglob("*.png")})
    assert masks[0] == masks[1]


@pytest.mark.slow
def test_a_preview_needs_neither_pytorch_nor_smplx(prcc, tmp_path):
    """MediaPipe's environment has neither."""
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'smplx', 'faiss', 'gradio'))); "
        "from threedsl.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    words = ["annotate", str(prcc), "--preview", str(tmp_path / "sheet.png")]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=900)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "sheet.png").stat().st_size > 1000


def test_what_a_preview_needs_is_asked_for_before_the_work(annotate, prcc, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    parsing_png(tmp_path / "p" / "test" / "A" / "073" / "cropped_rgb001.png")
    code, out, err = annotate("--parsing", tmp_path / "p", "--preview", tmp_path / "sheet.png")
    assert (code, out, err.count("\n")) == (2, "", 1) and "--preview needs cv2" in err
    assert not (prcc / "mask").exists()


def test_empty_masks_and_unlisted_pictures_are_reported(annotate, tmp_path):
    parsing_png(tmp_path / "p" / "cropped_rgb002.png")
    parsing_png(tmp_path / "p" / "nobody.png")
    Image.new("L", (WIDTH, HEIGHT)).save(tmp_path / "p" / "cropped_rgb002.png")
    code, out, _ = annotate("--parsing", tmp_path / "p")
    assert code == 0 and out.startswith("masks: 1 of 6 pictures")
    assert "no person found): 1 (rgb/test/A/073/cropped_rgb002.jpg)" in out
    assert "PNGs of unlisted pictures, left out: 1" in out


def wrong_size(root, folder):
    parsing_png(folder / "cropped_rgb002.png", (HEIGHT, WIDTH))


def same_names(root, folder):
    parsing_png(folder / "cropped_rgb001.png")


def two_for_one(root, folder):
    parsing_png(folder / "cropped_rgb002.png")
    parsing_png(folder / "A" / "073" / "cropped_rgb002.png")


def other_pictures(root, folder):
    parsing_png(folder / "IMG_0001.png")


def nothing(root, folder):
    folder.mkdir()


def shared_mask(root, folder):
    parsing_png(folder / "cropped_rgb002.png")
    person_like().save(root / "rgb/test/A/073/cropped_rgb002.bmp")
    with (root / "list" / "gallery.txt").open("a") as file:
        file.write("rgb/test/A/073/cropped_rgb002.bmp 1 1\n")


def fine(root, folder):
    parsing_png(folder / "cropped_rgb002.png")


def broken_picture(root, folder):
    parsing_png(folder / "cropped_rgb002.png")
    (root / "rgb/test/A/073/cropped_rgb002.jpg").write_bytes(b"no picture")


PARSING = {
    "wrong size": (
        wrong_size,
        (),
        r"cropped_rgb002\.png has 64 x 32 pixels, but .*cropped_rgb002\.jpg 32 x 64",
    ),
    "same names": (
        same_names,
        (),
        "cropped_rgb001 in .* fits 3 pictures, .*; run the parser folder by folder",
    ),
    "two for one": (two_for_one, (), "both belong to .*cropped_rgb002.jpg; keep one"),
    "other pictures": (other_pictures, (), r"No PNG in .*IMG_0001\.png"),
    "empty folder": (nothing, (), "contains no PNG"),
    "no folder": (lambda root, folder: None, (), "is not a folder; give --parsing the folder"),
    "shared mask": (shared_mask, (), "would share the mask .*; rename one"),
    "broken picture": (broken_picture, (), r"cropped_rgb002\.jpg cannot be read; re-create it"),
    "bags of LIP": (fine, ("--without-bags",), "is LIP, which has no label for bags"),
    "bags of LIP, named": (fine, ("--without-bags", "--labels", "lip"), "LIP has no label for bags"),
    "other set": (fine, ("--labels", "atr"), "the palette of LIP .*, not of ATR"),
    "no such list": (fine, ("--list", "test"), r"has no test\.txt; its lists are gallery, query, train"),
    "builtin as well": (fine, ("--builtin",), "--builtin replaces"),
    "sheet of unknown kind": (fine, ("--preview", "sheet.gif"), r"must end in \.png"),
}


@pytest.mark.parametrize("name", PARSING)
def test_parsing_that_cannot_be_used(annotate, prcc, tmp_path, name):
    prepare, options, words = PARSING[name]
    prepare(prcc, tmp_path / "parsing")
    code, out, err = annotate("--parsing", tmp_path / "parsing", *options)
    assert (code, out, err.count("\n")) == (2, "", 1) and err.startswith("error: ")
    assert re.search(words, err)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "contains no detections"),
        ([detection("IMG_1.jpg")], "No detection in .*the first picture there is called IMG_1.jpg"),
        ([detection("cropped_rgb002.jpg", x=900.0)], "are outside most of the pictures .* 32 x 64 pixels"),
        ([{"image_id": 1, "keypoints": []}], "entry 1: `image_id` is the number 1"),
    ],
)
def test_results_that_cannot_be_used(annotate, tmp_path, content, words):
    code, out, err = annotate("--alphapose", write_results(tmp_path / "r.json", *content))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert re.search(words, err)


def test_folders_and_datasets_without_anything(annotate, prcc, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="contains no alphapose-results"):
        result_files(tmp_path / "empty")
    assert main(["annotate", str(tmp_path / "empty"), "--preview", str(tmp_path / "a.png")]) == 2
    assert "contains no list" in capsys.readouterr().err
    assert annotate()[0] == 2 and annotate("--labels", "lip", "--preview", "a.png")[0] == 2


def test_at_most_ten_pictures_are_named(annotate, prcc, tmp_path):
    train = prcc / "list" / "train.txt"
    for number in range(12):
        person_like(HEIGHT, WIDTH).save(prcc / f"{number:02}.png")
    train.write_text("".join(f"{number:02}.png 1 1\n" for number in range(12)))
    results = write_results(tmp_path / "r.json", detection("cropped_rgb002.jpg"))
    lines = annotate("--alphapose", results, "--list", "train", "--list", "gallery")[1].splitlines()
    assert lines[2:12] == [f"    {number:02}.png" for number in range(10)]
    assert lines[12:] == ["    and 3 more (--json lists all)"]


def test_results_that_are_not_there(annotate, tmp_path):
    code, out, err = annotate("--alphapose", tmp_path / "nowhere.json")
    assert (code, out) == (2, "")
    assert (
        err
        == f"error: {tmp_path / 'nowhere.json'} does not exist; give --alphapose its results file or its --outdir.\n"
    )
