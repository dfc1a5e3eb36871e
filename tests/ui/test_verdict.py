"""What a comparison says in words follows from how often two different people score so high."""

import numpy as np
import pytest

from threedsl.calibration import Calibration, Curve
from threedsl.ui.verdict import NOT_YOURS, verdict


@pytest.fixture
def calibration() -> Calibration:
    """One in a thousand pairs of two people scores 0.9 or more, one in twenty 0.5, half of them 0.1."""
    score = np.array([0.1, 0.5, 0.9])
    rates = np.array([0.5, 0.05, 0.001])
    return Calibration({"combined": Curve(score, score, rates, 1 - score)}, "cloth-changing", 100)


@pytest.mark.parametrize(
    ("score", "words"), [(0.95, "much alike"), (0.5, "somewhat alike"), (0.1, "do not look alike")]
)
def test_words_follow_the_measured_share(calibration, score, words):
    said = verdict({"combined": score}, calibration)
    assert words in said and said.endswith(NOT_YOURS)
    assert "same person" not in said and not any(character.isdigit() for character in said)


def test_nothing_is_said_where_nothing_was_measured(calibration):
    assert verdict({"combined": 0.9}, None) == ""
    assert verdict({"combined": 0.9}, Calibration({}, "p", 1)) == ""
