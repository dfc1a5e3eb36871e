"""Shares and rates against counting, and the file that the page reads."""

import json

import numpy as np
import pytest

from threedsl.calibration import Calibration
from threedsl.data.listfile import Record
from threedsl.errors import InputError
from threedsl.evaluation.metrics import Labels
from train.measure.calibrate import PEOPLE, calibrate, curve


@pytest.mark.parametrize("seed", range(3))
def test_curves_are_counts(seed):
    rng = np.random.default_rng(seed)
    same = rng.random(4000) < 0.2
    scores = rng.normal(np.where(same, 0.5, 0.1), 0.2)
    measured = curve(scores, same, bins=20)
    for score, wrong, right in zip(
        measured["score"], measured["false match rate"], measured["true match rate"], strict=True
    ):
        assert wrong == pytest.approx(np.mean(scores[~same] >= score), abs=1e-6)
        assert right == pytest.approx(np.mean(scores[same] >= score), abs=1e-6)
    assert np.all(np.diff(measured["same"]) >= 0)
    # Calibrated: as many of one person are expected as there are.
    expected = np.interp(scores, measured["score"], measured["same"]).mean()
    assert expected == pytest.approx(same.mean(), abs=0.01)
    for rate, found in measured["true match rate at"].items():
        threshold = np.quantile(scores[~same], 1 - float(rate))
        assert found == pytest.approx(np.mean(scores[same] >= threshold), abs=2e-3)


def everybody(people, noise, seed=0):
    """Everybody in two outfits before four cameras; descriptors around a direction of one's own."""
    rng = np.random.default_rng(seed)
    records = [
        Record(path=f"{pid}-{clothes}-{camera}.jpg", pid=str(pid), camid=str(camera), clothes=str(clothes))
        for pid in range(people)
        for clothes in range(2)
        for camera in range(4)
    ]
    descriptors = np.repeat(rng.normal(size=(people, 16)), 8, 0) + noise * rng.normal(size=(people * 8, 16))
    descriptors = (descriptors / np.linalg.norm(descriptors, axis=1, keepdims=True)).astype(np.float32)
    labels = Labels(*(np.array([getattr(r, name) for r in records]) for name in ("pid", "camid", "clothes")))
    return {"combined": descriptors}, labels, records


def test_the_page_reads_what_was_measured(tmp_path):
    measured = calibrate(*everybody(PEOPLE + 5, noise=0.5), seed=0)
    (tmp_path / "metrics.json").write_text(json.dumps({"calibration": measured}))
    calibration = Calibration.read(tmp_path)
    assert calibration.people == PEOPLE and str(PEOPLE) in calibration.limits
    shares = [calibration.same("combined", score) for score in np.linspace(-1, 1, 50)]
    assert shares == sorted(shares) and shares[0] < 0.01 < 0.9 < shares[-1]
    rates = [calibration.false_match_rate("combined", score) for score in np.linspace(-1, 1, 50)]
    assert rates == sorted(rates, reverse=True) and rates[0] == pytest.approx(1, abs=1e-3)
    assert "99 of 100" in calibration.sentence("combined", 1.0)
    assert "fewer than 1 of 100" in calibration.sentence("combined", -1.0)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("score", [0.5]),
        ("score", [0.0, float("nan"), 1.0]),
        ("score", [0.0, 0.9, 0.1]),
        ("score", 3),
        ("same", [0.0, 0.5, 49.0]),
        ("same", [0.0, float("nan"), 1.0]),
        ("false match rate", [[1.0, 0.5, 0.0]]),
        ("true match rate", [-1.0, 0.5, 0.0]),
    ],
)
def test_curves_of_anything_else_are_refused(tmp_path, field, values):
    """Shares on the page were above 1 or NaN, or every search on it failed."""
    rising = {name: [0.0, 0.5, 1.0] for name in ("score", "same", "false match rate", "true match rate")}
    measured = {"protocol": "p", "people": 9, "streams": {"combined": rising | {field: values}}}
    (tmp_path / "metrics.json").write_text(json.dumps({"calibration": measured}))
    with pytest.raises(InputError, match=r"metrics\.json is damaged"):
        Calibration.read(tmp_path)
    measured["streams"]["combined"] = rising
    (tmp_path / "metrics.json").write_text(json.dumps({"calibration": measured}))
    assert Calibration.read(tmp_path).same("combined", 0.25) == 0.25
    with pytest.raises(InputError, match=r"metrics\.json is damaged"):
        Calibration.read(tmp_path, ["combined", "shape"])


def test_chance_is_called_chance():
    """Descriptors that know nobody: at every score the same share of pairs is one person."""
    measured = calibrate(*everybody(PEOPLE, noise=1e6), seed=0)
    curve = measured["streams"]["combined"]
    expected = np.interp(0.0, curve["score"], curve["same"])
    assert expected == pytest.approx(2 / 300, rel=0.5)
    assert curve["true match rate at"]["0.1"] == pytest.approx(0.1, abs=0.02)


def test_nothing_measured_is_none_and_damage_is_named(tmp_path):
    assert Calibration.read(None) is None and Calibration.read(tmp_path) is None
    (tmp_path / "metrics.json").write_text("{}")
    assert Calibration.read(tmp_path) is None
    for broken in ("[", '{"calibration": {"streams": {"shape": {}}}}', "[]"):
        (tmp_path / "metrics.json").write_text(broken)
        with pytest.raises(InputError, match=r"metrics\.json is damaged"):
            Calibration.read(tmp_path)
    assert calibrate(*everybody(PEOPLE - 1, noise=1), seed=0) is None
