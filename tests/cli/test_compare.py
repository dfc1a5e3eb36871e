"""`python -m threedsl compare`, in this process through main()."""

import json

import cv2
import numpy as np
import pytest
import torch

from tests.models import random_checkpoint, random_model
from tests.pictures import encoded, person_like
from threedsl.body.comparison import HEIGHT, REGIONS, compare_bodies, standard_body
from threedsl.cli import main
from threedsl.data.images import load_image
from threedsl.data.listfile import read_list
from threedsl.gallery.demo import SYNTHETIC
from threedsl.people import choose
from threedsl.pipeline import ThreeDSL

GUESS = "Only the upper body can be seen"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """checkpoint/ with random weights, without/ one that has no shape stream, two crops without a person, two of whole
    people and one of an upper body."""
    folder = tmp_path_factory.mktemp("compare")
    random_checkpoint(folder / "checkpoint")
    random_checkpoint(folder / "without", shape_stream=False)
    (folder / "one.png").write_bytes(encoded(person_like(128, 64)))
    noise = np.random.default_rng(3).integers(0, 255, (8, 4, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / "two.png"), cv2.resize(noise, (64, 128)))
    people = [cv2.imread(str(record.path)) for record in read_list(SYNTHETIC / "gallery.txt")[::40]]
    for name, picture in zip(("anna.png", "ben.png"), people, strict=True):
        cv2.imwrite(str(folder / name), picture)
    cv2.imwrite(str(folder / "upper.png"), cv2.resize(people[0][:128, 26:102], (160, 270)))
    return folder


@pytest.fixture
def run(world, capsys):
    """Compare files of the world: (exit code, stdout, stderr)."""

    def run(*arguments: str, checkpoint: str = "checkpoint"):
        paths = [str(world / name) if name.endswith(".png") else name for name in arguments]
        try:
            code = main(["compare", *paths, "--checkpoint", str(world / checkpoint), "--device", "cpu"])
        except SystemExit as exit:
            code = exit.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def calibrated(world):
    """The checkpoint with a measured calibration, by which nearly all high scores are of one person."""
    steps = {"score": [-1, 1], "same": [0, 1], "false match rate": [1, 0], "true match rate": [1, 0]}
    measured = {
        "protocol": "p",
        "people": 50,
        "streams": dict.fromkeys(("appearance", "shape", "combined"), steps),
    }
    metrics = world / "checkpoint" / "metrics.json"
    metrics.write_text(json.dumps({"calibration": measured}))
    yield
    metrics.unlink()


@pytest.mark.slow
def test_json_has_scores_and_differences_of_both_bodies(run, world):
    code, out, _ = run("one.png", "two.png", "--json")
    answer = json.loads(out)
    assert code == 0 and [one["photo"] for one in answer["photos"]] == [
        str(world / "one.png"),
        str(world / "two.png"),
    ]
    described = ThreeDSL.from_pretrained(world / "checkpoint", device="cpu")(
        [world / "one.png", world / "two.png"]
    )
    for stream in ("appearance", "shape", "combined"):
        first, second = getattr(described, stream)
        assert answer["similarity"][stream] == pytest.approx(float(first @ second), abs=1e-4)
        assert answer["same_share"][stream] is None, "nothing was measured of random weights"
    regions = {row["region"]: row for row in answer["body_differences"]["regions"]}
    assert list(regions) == list(REGIONS) and answer["body_differences"]["height_cm"] == HEIGHT
    for row in regions.values():
        for size in row["sizes"]:
            assert size["difference_cm"] == pytest.approx(size["second_cm"] - size["first_cm"], abs=0.11)


@pytest.mark.slow
def test_people_read_scores_a_sentence_and_a_table(run):
    code, out, _ = run("one.png", "one.png")
    assert code == 0 and "combined   +1.000" in out
    assert "Scaled to the same height (170 cm)" in out and "no size differs" in out
    assert "waist girth" in out and "+0.0" in out


@pytest.mark.slow
def test_calibrated_scores_come_with_what_they_mean(run, calibrated):
    _, out, _ = run("one.png", "one.png")
    assert "Pairs that score 1.00 were the same person in 99 of 100 cases." in out
    assert "does not transfer" in out
    assert json.loads(run("one.png", "one.png", "--json")[1])["same_share"]["shape"] == pytest.approx(
        1, abs=1e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "warnings", "reason"),
    [
        (("anna.png", "upper.png"), ["", GUESS], "measured on whole people"),
        (("upper.png", "anna.png"), [GUESS, ""], "measured on whole people"),
        (("anna.png", "anna.png", "--whole"), ["", ""], "with --whole no person is looked for"),
    ],
)
def test_nothing_is_concluded_from_a_guess(run, calibrated, arguments, warnings, reason):
    code, out, _ = run(*arguments)
    assert code == 0 and reason in out and "combined   +" in out
    assert "of 100 cases" not in out and "Scaled to" not in out and "girth" not in out
    assert [GUESS in line for line in out.splitlines()[:2]] == [bool(words) for words in warnings]
    answer = json.loads(run(*arguments, "--json")[1])
    assert list(answer["same_share"].values()) == [None] * 3
    for one, words in zip(answer["photos"], warnings, strict=True):
        assert one["warning"].startswith(words) and bool(one["warning"]) == bool(words)


@pytest.mark.slow
def test_bodies_follow_the_keypoints(run, world):
    made = random_model(keypoint_head=16)
    torch.nn.init.normal_(made.network.shape_stream.keypoint_head.correction.weight, std=1)
    made.save_pretrained(world / "corrected")
    model = ThreeDSL.from_pretrained(world / "corrected", device="cpu")
    crops = [load_image(world / name) for name in ("anna.png", "ben.png")]
    seen = [choose(crop).people[0].keypoints * [*scale(crop, model.input_size), 1] for crop in crops]
    _, out, _ = run("anna.png", "ben.png", "--json", checkpoint="corrected")
    apart = json.loads(out)["body_differences"]["mean_cm"]
    assert apart == pytest.approx(distance(model, crops, seen), abs=0.02)
    assert apart != pytest.approx(distance(model, crops, None), abs=0.1)


def scale(crop: np.ndarray, size: tuple[int, int]) -> tuple[float, float]:
    """By how much x and y grow where a crop (H, W, 3) is resized to (height, width)."""
    return size[1] / crop.shape[1], size[0] / crop.shape[0]


def distance(model: ThreeDSL, crops: list[np.ndarray], seen: list[np.ndarray] | None) -> float:
    """Mean distance in centimetres of the bodies in two crops."""
    bodies = model(crops, keypoints=seen).bodies
    return compare_bodies(
        model.body, *(standard_body(model.body, bodies.betas[i], bodies.displacement[i]) for i in range(2))
    ).mean


@pytest.mark.slow
def test_without_a_shape_stream_the_appearance_is_compared(run):
    code, out, _ = run("one.png", "two.png", "--json", checkpoint="without")
    answer = json.loads(out)
    assert code == 0 and list(answer["similarity"]) == ["appearance"] and answer["body_differences"] is None
    assert "girth" not in run("one.png", "two.png", checkpoint="without")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("one.png",), "PHOTO"),
        (("one.png", "gone.png"), "does not exist"),
        (("one.png", "two.png", "one.png"), "unrecognized"),
    ],
)
def test_wrong_use_is_one_sentence(run, arguments, words):
    code, out, error = run(*arguments)
    assert code == 2 and words in error and out == "" and error.count("\n") == 1 and "Traceback" not in error
