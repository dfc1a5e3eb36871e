"""What the scores of two pictures say, in plain words that claim no more than was measured."""

from collections.abc import Mapping

from threedsl.calibration import Calibration

NOT_YOURS = "Not measured on photos like yours."
FEW, MANY = 0.01, 0.1  # shares of the measured pairs of two people


def verdict(scores: Mapping[str, float], calibration: Calibration | None) -> str:
    """Two sentences on the combined score; "" where nothing was measured."""
    if calibration is None or "combined" not in calibration.curves:
        return ""
    rate = calibration.false_match_rate("combined", scores["combined"])
    if rate <= FEW:
        words = "By these scores the two look much alike: few pairs of different people score so high."
    elif rate <= MANY:
        words = "By these scores the two look somewhat alike, as some pairs of different people do."
    else:
        words = "By these scores the two do not look alike: different people often score as high."
    return f"{words} {NOT_YOURS}"
