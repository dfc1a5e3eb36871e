"""The frozen test set of bodies and its figures."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks.bodies import command
from benchmarks.bodies import frozen as body_set
from benchmarks.bodies import truth as body_truth
from benchmarks.results.command import TEMPLATE
from benchmarks.results.records import read_records
from tests.train.synthetic import SMALL, synthesize
from threedsl.body import BodyModel
from threedsl.body.bodies import Bodies
from threedsl.body.camera import project
from threedsl.body.fitting import fit_bodies
from threedsl.errors import InputError
from train.synthesize.activities import SHARES


@pytest.fixture(scope="module")
def frozen():
    return body_set.load()


@pytest.fixture(scope="module")
def true_bodies(frozen):
    """The first 24 people's pictures as the truth has them."""
    part = frozen.take(np.arange(24))
    model = BodyModel.load()
    still = np.zeros((24, model.num_coarse, 3), np.float32)
    return part, Bodies(part.betas, part.pose, part.camera, still, model, (256, 128))


def test_the_frozen_set_is_complete_and_small(frozen):
    assert body_set.FROZEN.stat().st_size < 6_000_000
    assert len(frozen) == 400 and len(np.unique(frozen.person)) == 100
    assert set(frozen.activity.tolist()) == set(SHARES)
    assert min(np.unique(frozen.activity, return_counts=True)[1]) >= 30
    assert frozen.pictures.shape == (400, 256, 128, 3) and frozen.masks.shape == (400, 256, 128)
    assert np.ptp(frozen.betas[:, 0]) > 3  # people of all builds


@pytest.mark.slow
def test_its_keypoints_masks_and_bodies_belong_together(true_bodies):
    part, bodies = true_bodies
    joints = torch.from_numpy(bodies.keypoints)
    apart = body_truth.distances(joints.numpy(), part.keypoints)
    assert np.nanmedian(apart) < 0.06  # the file's keypoints against those of the rendered person
    seen = part.keypoints[..., 2] > 0.8
    row, joint = np.nonzero(seen)
    x, y = part.keypoints[row, joint, :2].astype(int).T
    assert part.masks[row, y, x].mean() > 0.97


@pytest.mark.slow
def test_the_truth_has_no_errors_and_a_turned_body_has(true_bodies):
    part, bodies = true_bodies
    truth = part.keypoints.copy()
    truth[..., :2] = bodies.keypoints
    none = body_truth.errors(bodies, part, truth, body_truth.distances(bodies.keypoints, truth))
    assert none.mpjpe.max() < 1e-2 and none.aligned.max() < 1e-2 and none.degrees.max() < 0.1
    assert np.nanmax(none.within) < 1e-4
    assert 0.6 < none.iou.mean() < 1  # clothes and hair are not in the body
    pose = part.pose.copy()
    pose[:, 0] = pose[:, 0] @ np.diag([-1, 1, -1]).astype(np.float32)  # half a turn about the body's axis
    back = Bodies(part.betas, pose, part.camera, bodies.displacement, bodies.model, (256, 128))
    wrong = body_truth.errors(back, part, truth, none.within)
    assert np.allclose(wrong.degrees, 180, atol=0.5) and wrong.aligned.max() < 1e-2 and wrong.mpjpe.min() > 50
    assert body_truth.FIGURES["> 90 degrees"](wrong, np.arange(24)) == 100


def test_silhouettes_are_the_meshes(true_bodies):
    part, bodies = true_bodies
    mask = body_truth.silhouettes(bodies, (256, 128))[0]
    pixels = project(bodies.model(*(torch.from_numpy(x[:1]) for x in (part.betas, part.pose))).vertices,
                     torch.from_numpy(part.camera[:1]), (256, 128))[0][0].numpy()  # fmt: skip
    inside = ((pixels > 1) & (pixels < [127, 255])).all(1)
    x, y = pixels[inside].astype(int).T
    assert mask[y, x].mean() > 0.9 and 0.03 < mask.mean() < 0.5


@pytest.mark.slow
def test_intervals_hold_the_mean_as_often_as_they_say(monkeypatch):
    monkeypatch.setattr(body_truth, "DRAWS", 300)
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(40), 4)
    inside, widths = 0, []
    for trial in range(40):
        values = np.repeat(rng.normal(size=40), 4)  # a person's pictures agree: forty independent values
        low, high = body_truth.interval(lambda rows, values=values: values[rows].mean(), person, trial)
        inside += low <= 0 <= high
        widths.append(high - low)
    assert inside >= 33
    assert 0.54 < np.mean(widths) < 0.68  # 2 x 1.96 / sqrt(40) = 0.62, not half of it


def test_halves_share_no_person(frozen):
    even, odd = frozen.half(False), frozen.half(True)
    assert not set(even.person) & set(odd.person) and len(even) + len(odd) == 400


def test_rare_activities_are_drawn_more_often():
    person = np.repeat(np.arange(50), 20)
    activity = np.tile(np.repeat(["walking", "bending"], [18, 2]), 50)
    rows = body_set.choose(person, activity, 202, seed=1)
    assert len(rows) == len(set(rows.tolist())) == 202
    assert set(np.unique(person[rows], return_counts=True)[1].tolist()) == {4, 5}
    assert 0.15 < (activity[rows] == "bending").mean() < 0.4
    assert (rows == body_set.choose(person, activity, 202, seed=1)).all()


@pytest.mark.slow
def test_a_set_is_frozen_with_the_same_bytes_and_read_as_it_was(tmp_path):
    root = tmp_path / "set"
    assert synthesize(root, SMALL) == 0
    size = body_set.freeze(root, tmp_path / "a.zip", "Made here.", count=5, seed=2)
    body_set.freeze(root, tmp_path / "b.zip", "Made here.", count=5, seed=2)
    assert size == (tmp_path / "a.zip").stat().st_size
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    part = body_set.load(tmp_path / "a.zip")
    with np.load(root / "truth.npz") as truth:
        known = {pose.tobytes(): betas for pose, betas in zip(truth["pose"], truth["betas"], strict=True)}
    assert all(
        np.array_equal(known[pose.tobytes()], betas)
        for pose, betas in zip(part.pose, part.betas, strict=True)
    )
    with pytest.raises(InputError, match="has 6 pictures of test people; 99 are needed"):
        body_set.freeze(root, tmp_path / "c.zip", "", count=99)
    with pytest.raises(InputError, match="is no data set of"):
        body_set.freeze(tmp_path, tmp_path / "c.zip", "")


def test_a_missing_or_damaged_set_is_named(tmp_path):
    with pytest.raises(InputError, match="is missing or damaged"):
        body_set.load(tmp_path / "none.zip")
    cut = tmp_path / "cut.zip"
    cut.write_bytes(body_set.FROZEN.read_bytes()[:100_000])
    with pytest.raises(InputError, match=r"cut\.zip is missing or damaged \(BadZipFile\); restore it"):
        body_set.load(cut)


@pytest.mark.slow
def test_its_figures_are_a_record_that_the_results_can_show(true_bodies, tmp_path, monkeypatch):
    """Of a model that says the truth: small errors, in the tables and in the record, under the template's own keys."""
    part, bodies = true_bodies
    monkeypatch.setattr(body_truth, "DRAWS", 20)

    class Truthful:
        input_size = (256, 128)

        def __call__(self, pictures):
            return SimpleNamespace(bodies=bodies)

        def fit(self, bodies, found):
            return fit_bodies(bodies, found)

    found = body_truth.measured(Truthful(), part)
    assert found["sample"] == {"pictures": 24, "people": len(np.unique(part.person))}
    assert found["as regressed"]["MPJPE mm"]["value"] < 0.1 < found["after the fit"]["MPJPE mm"]["value"]
    assert found["betas"]["1"]["value"] == pytest.approx(1)
    text = body_truth.report(found)
    low, high = found["after the fit"]["IoU"]["interval"]
    assert f"{found['after the fit']['IoU']['value']:.1f} ({low:.1f} to {high:.1f})" in text
    command.write_record(tmp_path / "bodies.json", "CKPT", None, found)
    record = read_records(tmp_path, {})["bodies"]
    template = TEMPLATE.read_text()
    for words in re.findall(r"\{\{ bodies > ([^:}]+?)(?: : [^}]*)?\}\}", template):
        keys = words.strip().split(" > ")
        if keys[0] in ("as regressed", "after the fit", "sample", "betas"):
            assert record.at(*keys) is not None
