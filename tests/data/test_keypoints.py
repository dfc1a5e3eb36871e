"""AlphaPose files: every variant is read as COCO-17, everything else is refused in one sentence."""

import json

import numpy as np
import pytest

from threedsl.data.keypoints import best_detections, read_alphapose, read_detections
from threedsl.errors import InputError

COCO = (
    "nose LEye REye LEar REar LSho RSho LElb RElb LWri RWri LHip RHip LKnee RKnee LAnk RAnk".split()
)  # AlphaPose's documentation
AMONG_18 = (
    "nose neck RSho RElb RWri LSho LElb LWri RHip RKnee RAnk LHip LKnee LAnk REye LEye REar LEar".split()
)


def joints(count, seed=0):
    """(count, 3) x, y, confidence."""
    rng = np.random.default_rng(seed)
    return np.column_stack(
        [rng.uniform(0, 64, count), rng.uniform(0, 128, count), rng.uniform(0.1, 0.9, count)]
    )


def entry(points, image="a.jpg", score=2.5, **more):
    return {
        "image_id": image,
        "category_id": 1,
        "keypoints": points.reshape(-1).tolist(),
        "score": score,
        **more,
    }


@pytest.fixture
def read(tmp_path):
    """Write JSON (or bytes) to a file and read it."""

    def write_and_read(content, function=read_alphapose):
        path = tmp_path / "alphapose-results.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return function(path)

    return write_and_read


@pytest.mark.parametrize("count", [17, 26, 68, 133, 136])
def test_models_that_begin_with_the_body(read, count):
    points = joints(count)
    found = read([entry(points, box=[0, 0, 9, 9], idx=3, pred_xyz_jts=[[0, 0, 0]])])
    assert found["a.jpg"].dtype == np.float32
    np.testing.assert_allclose(found["a.jpg"], points[:17], rtol=1e-6)


@pytest.mark.parametrize(("people", "field"), [("bodies", "joints"), ("people", "pose_keypoints_2d")])
def test_cmu_and_open_by_the_names_of_their_joints(read, people, field):
    points = dict(zip(COCO, joints(17), strict=True))
    points["neck"] = (points["LSho"] + points["RSho"]) / 2
    flat = np.array([points[name] for name in AMONG_18]).reshape(-1).tolist()
    found = read({"a.jpg": {"version": "AlphaPose v0.3", people: [{field: flat}]}, "b.jpg": {people: []}})
    assert list(found) == ["a.jpg"]
    np.testing.assert_allclose(found["a.jpg"], [points[name] for name in COCO], rtol=1e-6)


def test_the_best_of_several_people(read):
    crowd = [joints(17, seed) for seed in range(4)]
    scores = [2.0, 3.1, 3.1, 0.5]
    content = [entry(points, score=score) for points, score in zip(crowd, scores, strict=True)]
    found = read([*content, entry(joints(17, 9), "b.jpg", -1.0)])
    np.testing.assert_allclose(found["a.jpg"], crowd[1], rtol=1e-6)
    assert set(found) == {"a.jpg", "b.jpg"}
    assert read([*content, entry(joints(17, 9), "b.jpg")], read_detections)[3].score == 0.5


def test_the_more_confident_person_where_a_file_has_no_scores(read):
    weak, strong = joints(18, 1), joints(18, 2)
    weak[:, 2], strong[:, 2] = 0.2, 0.8
    people = [{"joints": points.reshape(-1).tolist()} for points in (weak, strong)]
    assert read({"a.jpg": {"bodies": people}})["a.jpg"][0] == pytest.approx(strong[0], rel=1e-6)


def test_confidences_are_brought_to_0_to_1_and_places_outside_the_picture_stay(read):
    points = joints(17)
    points[:4, 2] = 6, 1.02, -0.01, 0.5
    points[5, :2] = -7, 200
    found = read([entry(points)])["a.jpg"]
    assert found[:4, 2].tolist() == [1, 1, 0, 0.5]
    assert found[5, :2].tolist() == [-7, 200]


def test_joints_and_scores_that_are_not_numbers(read):
    points = joints(17)
    points[3, 2], points[4, 0] = np.nan, np.inf
    found = read([entry(points, score=float("nan")), entry(joints(17, 1), "b.jpg")], read_detections)
    assert found[0].points[3:5].tolist() == [[0, 0, 0]] * 2
    np.testing.assert_allclose(found[0].points[5:], points[5:], rtol=1e-6)
    better = entry(joints(17, 2), score=-5)
    best = best_detections(read([entry(points, score=float("nan")), better], read_detections))
    assert best["a.jpg"].score == -5


def test_people_without_a_seen_joint_are_left_out(read):
    unseen, broken = joints(17), np.full((17, 3), np.nan)
    unseen[:, 2] = 0
    assert read([entry(unseen), entry(broken, "b.jpg"), entry(joints(17), "c.jpg")]).keys() == {"c.jpg"}


def test_no_people_at_all(read):
    assert read([]) == {} and read({}) == {}


GOOD = entry(joints(17))
MALFORMED = {
    "empty file": (b"", "not valid JSON"),
    "cut off": (json.dumps([GOOD]).encode()[:-40], "may be cut off"),
    "a picture": (b"\xff\xd8\xff\xe0\0\x10JFIF", "not valid JSON"),
    "nested too deeply": (b"[" * 200_000, "nested too deeply"),
    "a number": (b"3", "neither AlphaPose's list nor an object"),
    "entry is a list": ([GOOD, [1, 2, 3]], "entry 2: .* is not an object"),
    "no image_id": ([GOOD, {"keypoints": []}], "entry 2: `image_id` is None"),
    "numbers for names": ([GOOD | {"image_id": 139}], "number 139, .* evaluation mode"),
    "empty name": ([GOOD | {"image_id": " "}], "`image_id` is ' '"),
    "no keypoints": ([{"image_id": "a.jpg"}], r"entry 1 \(a.jpg\): `keypoints` is missing"),
    "16 joints of MPII": ([entry(joints(16))], "16 joints; run AlphaPose with a model of 17, 26"),
    "21 joints of a hand": ([entry(joints(21))], "21 joints; run AlphaPose with a model"),
    "not a multiple of 3": ([GOOD | {"keypoints": [1.0] * 50}], "50 numbers, not a multiple of 3"),
    "nested keypoints": ([GOOD | {"keypoints": [[1, 2, 1]] * 17}], "not a flat list of numbers"),
    "text in keypoints": ([GOOD | {"keypoints": ["1"] * 51}], "not a flat list of numbers"),
    "null in keypoints": ([GOOD | {"keypoints": [None] * 51}], "not a flat list of numbers"),
    "keypoints is a text": ([GOOD | {"keypoints": "1 2 3"}], "not a flat list of numbers"),
    "endless number": (
        json.dumps([GOOD | {"keypoints": [10**400] * 51}]).encode(),
        "a number out of range",
    ),
    "score is a text": ([GOOD | {"score": "high"}], "`score` is 'high', not a number"),
    "cmu without bodies": ({"a.jpg": {"version": "x"}}, "picture 'a.jpg': no list `bodies` or `people`"),
    "cmu with 17 joints": (
        {"a.jpg": {"bodies": [{"joints": [1.0] * 51}]}},
        "person 1: 17 joints instead of the 18",
    ),
    "open without its field": ({"a.jpg": {"people": [{}]}}, "`pose_keypoints_2d` is missing"),
    "one picture of sep-json": ({"version": "AlphaPose v0.3", "bodies": []}, "for a single picture"),
    "COCO annotations": ({"images": [], "annotations": [], "categories": []}, "COCO annotations"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_files_end_in_one_sentence(read, tmp_path, name):
    content, words = MALFORMED[name]
    with pytest.raises(InputError, match=words) as error:
        read(content)
    text = str(error.value)
    assert text.startswith(f"Keypoints {tmp_path / 'alphapose-results.json'}")
    assert text.endswith(".") and "\n" not in text and len(text) < 400


def test_missing_files_and_folders(tmp_path):
    for path, words in ((tmp_path / "no.json", "do not exist"), (tmp_path, "is a folder")):
        with pytest.raises(InputError, match=words):
            read_alphapose(path)


@pytest.mark.parametrize("number", [1e39, -1e300], ids=str)
def test_what_is_too_large_for_a_float_counts_as_unseen(read, number):
    points = joints(17)
    points[3, 0] = number
    found = read([entry(points)])["a.jpg"]
    assert np.isfinite(found).all() and not found[3].any() and found[4].any()


def test_a_score_of_hundreds_of_digits_is_the_lowest(read):
    found = read([entry(joints(17), score=10**400), entry(joints(17, seed=1), score=-1e9)])
    np.testing.assert_allclose(found["a.jpg"], joints(17, seed=1), rtol=1e-6)
