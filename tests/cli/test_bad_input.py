"""Bad input, item by item: the package gives one clear sentence or simply works; the command line says the same.

The page's own list is in tests/ui.
"""

import json
import warnings

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.models import random_checkpoint
from tests.pictures import broken_pictures, huge_png, odd_pictures, person_like
from threedsl.cli import main
from threedsl.data.images import load_image
from threedsl.errors import InputError
from threedsl.gallery import Gallery
from threedsl.gallery.demo import openpeople_folder
from threedsl.pipeline import ThreeDSL

BROKEN, ODD = broken_pictures(), odd_pictures()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return random_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def model(checkpoint):
    return ThreeDSL.from_pretrained(checkpoint, device="cpu")


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """A folder with one picture."""
    folder = tmp_path_factory.mktemp("gallery")
    person_like().save(folder / "a.png")
    return folder


@pytest.fixture
def search(checkpoint, gallery, capsys):
    """Search for a picture on the command line: (exit code, stdout, stderr)."""

    def command(query, *options, checkpoint=checkpoint, gallery=gallery) -> tuple[int, str, str]:
        capsys.readouterr()
        words = [
            "search",
            query,
            "--gallery",
            gallery,
            "--checkpoint",
            checkpoint,
            "--device",
            "cpu",
            "--json",
            *options,
        ]
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_broken_pictures(name, model, search, tmp_path):
    data, words = BROKEN[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=name) as error:
        model([tmp_path / name])
    code, out, err = search(tmp_path / name)
    assert (code, out, err) == (2, "", f"error: {error.value}\n")
    assert words in err


@pytest.mark.slow
def test_nothing_but_the_sentence(search, tmp_path):
    """At 90 megapixels Pillow itself warns; people see one sentence all the same."""
    (tmp_path / "a.png").write_bytes(huge_png(10_000, 9_000))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        code, _, err = search(tmp_path / "a.png")
    assert code == 2 and "megapixels" in err and caught == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_odd_pictures(name, model, search, tmp_path):
    (tmp_path / name).write_bytes(ODD[name])
    output = model([tmp_path / name])
    assert np.isfinite(output.combined).all() and np.isfinite(output.bodies.vertices).all()
    whole = ["--whole"] if name in ("nobody.png", "wide.png") else []
    code, out, err = search(tmp_path / name, *whole)
    assert (code, err) == (0, "")
    assert len(json.loads(out)["matches"]) == 1


@pytest.mark.slow
def test_a_photo_without_a_person_is_one_sentence_and_is_searched_whole_when_asked(search, tmp_path):
    photo = tmp_path / "meadow.png"
    photo.write_bytes(ODD["nobody.png"])
    sentence = (
        f"error: No person was found in {photo}; use another photo, or --whole to use the whole picture.\n"
    )
    assert search(photo) == (2, "", sentence)
    answer = json.loads(search(photo, "--whole")[1])
    assert answer["people"] == 0 and answer["box"] == [0, 0, 640, 480]


@pytest.mark.slow
def test_ten_people_give_the_most_prominent(search, tmp_path):
    photo = load_image(openpeople_folder() / "P002" / "assets" / "amateur_posture.jpg")
    row = np.hstack([cv2.resize(photo, (200, 300), interpolation=cv2.INTER_AREA)] * 10)
    Image.fromarray(row).save(tmp_path / "ten.png")
    answer = json.loads(search(tmp_path / "ten.png")[1])
    assert answer["people"] == 10 and answer["box"][2] - answer["box"][0] < 200


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["missing", "damaged", "other configuration", "no checkpoint"])
def test_checkpoints(kind, checkpoint, search, gallery, tmp_path):
    folder = tmp_path / "copy"
    if kind != "missing":
        folder.mkdir()
    if kind in ("damaged", "other configuration"):
        for path in checkpoint.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
    if kind == "damaged":
        shard = next(folder.glob("*.safetensors"))
        shard.write_bytes(shard.read_bytes()[:5000])
    if kind == "other configuration":
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"descriptor": 128}))
    code, out, err = search(gallery / "a.png", checkpoint=folder)
    assert (code, out) == (2, "") and err.count("\n") == 1 and str(folder) in err


@pytest.mark.slow
def test_unknown_and_empty_galleries(search, gallery, tmp_path):
    for source, words in ((tmp_path / "nowhere", "does not exist"), (tmp_path, "contains no picture")):
        code, _, err = search(gallery / "a.png", gallery=source)
        assert code == 2 and words in err and str(source) in err


@pytest.mark.slow
def test_galleries_of_broken_pictures_only(search, gallery, tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.png").write_bytes(huge_png())
    code, _, err = search(gallery / "a.png", gallery=tmp_path)
    assert code == 2 and "No picture of the gallery can be read" in err and "a.png" in err


@pytest.mark.slow
def test_lists_with_a_malformed_line(search, gallery, tmp_path):
    person_like().save(tmp_path / "a.png")
    (tmp_path / "list.txt").write_text("a.png 1 1\na.png 1 2 3 4 5 6 7\n")
    code, _, err = search(gallery / "a.png", gallery=tmp_path / "list.txt")
    assert code == 2 and f"{tmp_path / 'list.txt'}, line 2" in err


@pytest.mark.slow
def test_building_stops_at_a_broken_picture_by_default(model, tmp_path):
    from threedsl.data.listfile import records_from

    person_like().save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"b\.png is empty"):
        Gallery.build(model, records_from(tmp_path))
    gallery = Gallery.build(model, records_from(tmp_path), skip_damaged=True)
    assert len(gallery) == 1 and "b.png" in gallery.skipped[0]
