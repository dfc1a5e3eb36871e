"""What the scores of two pictures say, in plain words that claim no more than was measured."""

from collections.abc import Mapping

from threedsl.calibration import Calibration
from threedsl.gallery.example_ranks import GalleryRanks

NOT_YOURS = "This was not measured on photos like yours."
ALIKE, SOMEWHAT = 50, 10  # of 100 measured pairs with this score that were one person


def verdict(scores: Mapping[str, float], calibration: Calibration | None) -> str:
    """Two sentences on the combined score; "" where nothing was measured.

    They follow the percentage that is printed next to the score: of 100 measured pairs with this score, the number
    that were the same person if one person and two are equally likely beforehand (`Calibration.same_of_two`). From
    ALIKE on, one person is at least as frequent as two, and the two "look alike"; from SOMEWHAT on they look "somewhat
    alike"; below, more than nine of ten such pairs were two people, and they "look different".
    """
    if calibration is None or "combined" not in calibration.curves:
        return ""
    cases = round(100 * calibration.same_of_two("combined", scores["combined"]))
    if cases >= ALIKE:
        words = (
            "By these scores the two look alike, which similar clothes alone can cause: of test pairs in different "
            "clothes, most with such a score were the same person."
        )
    elif cases >= SOMEWHAT:
        words = (
            "By these scores the two look somewhat alike, but most test pairs with such a score were two different "
            "people."
        )
    else:
        words = (
            "By these scores the two look different: more than nine in ten test pairs with such a score were two "
            "different people."
        )
    return f"{words} {NOT_YOURS}"


def spread_sentence(ranks: Mapping[str, GalleryRanks], titles: Mapping[str, str]) -> str:
    """How far apart predicted bodies are anyway, to be read next to a distance; "" where it was not measured.

    titles: who each gallery shows.
    """
    measured = [
        f"{titles[name]}: {one.spread.same_person:.1f} cm between photos of one person in different clothes, "
        f"{one.spread.two_people:.1f} cm between two people."
        for name, one in ranks.items()
        if name in titles
    ]
    return (
        " ".join(["Median distances in the demo galleries, for comparison.", *measured]) if measured else ""
    )
