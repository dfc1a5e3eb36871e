"""What a comparison says in words follows from the percentage printed next to the score."""

import numpy as np
import pytest

from threedsl.calibration import Calibration, Curve
from threedsl.gallery.example_ranks import GalleryRanks, Spread
from threedsl.ui.compare.verdict import NOT_YOURS, spread_sentence, verdict


@pytest.fixture
def calibration() -> Calibration:
    """The score is the share of pairs that were one person; two people hardly ever reach any of them."""
    score = np.array([0.0, 1.0])
    return Calibration(
        {"combined": Curve(score, score, np.array([0.009, 0.001]), 1 - score)}, "cloth-changing", 100
    )


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (0.95, "look alike"),
        (0.5, "look alike"),
        (0.49, "somewhat alike"),
        (0.14, "somewhat alike"),
        (0.09, "look different"),
        (-0.3, "look different"),
    ],
)
def test_words_follow_the_percentage(calibration, score, words):
    said = verdict({"combined": score}, calibration)
    assert words in said and said.endswith(NOT_YOURS)
    assert sum(kind in said for kind in ("look alike", "somewhat alike", "look different")) == 1
    assert ("two different people" in said) == (score < 0.5)


def test_rare_pairs_of_one_person_count_as_much_as_those_of_two():
    """In a gallery one pair of a hundred is one person; two photos that someone compares may as well be as not."""
    rng = np.random.default_rng(0)
    same = rng.random(400_000) < 0.01
    score = np.where(same, rng.normal(0.6, 0.1, len(same)), rng.normal(0.3, 0.1, len(same)))
    near = np.abs(score - 0.5) < 0.01
    ones = np.array([same[near].mean()] * 2)
    two = Calibration({"combined": Curve(np.array([0.0, 1.0]), ones, 1 - ones, ones)}, "p", 100, same.mean())
    kept = np.concatenate([np.flatnonzero(same), rng.permutation(np.flatnonzero(~same))[: same.sum()]])
    expected = same[kept][near[kept]].mean()
    assert two.same("combined", 0.5) == ones[0] < 0.1
    assert two.same_of_two("combined", 0.5) == pytest.approx(expected, abs=0.05) and expected > 0.7
    assert "look alike" in verdict({"combined": 0.5}, two)
    assert "equally likely beforehand" in two.sentence("combined", 0.5)


def test_two_people_at_14_in_100_are_not_much_alike(shipped_checkpoint):
    calibration = Calibration.read(shipped_checkpoint)
    scores = np.linspace(-0.2, 0.7, 901)
    shares = np.array([calibration.same_of_two("combined", score) for score in scores])
    assert shares[0] < 0.1 and shares[-1] > 0.8, "the shipped figures tell pairs apart"
    score = float(scores[np.abs(shares - 0.14).argmin()])
    assert "most test pairs with such a score were two different" in verdict({"combined": score}, calibration)


def test_nothing_is_said_where_nothing_was_measured(calibration):
    assert verdict({"combined": 0.9}, None) == ""
    assert verdict({"combined": 0.9}, Calibration({}, "p", 1)) == ""
    assert spread_sentence({}, {"tiny": "people"}) == ""


def test_the_spread_of_one_person_is_named_with_its_people():
    ranks = {"a": GalleryRanks(3, (), Spread(0.71, 0.88)), "gone": GalleryRanks(3, (), Spread(9, 9))}
    assert spread_sentence(ranks, {"a": "Photoreal people"}).endswith(
        ". Photoreal people: 0.7 cm between photos of one person in different clothes, 0.9 cm between two people."
    )
