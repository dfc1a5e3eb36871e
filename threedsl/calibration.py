"""Score calibration: how often pairs with a given score are the same person, measured on held-out people."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from threedsl.errors import InputError
from threedsl.reading import read_json

MEASURE_AGAIN = "measure the checkpoint again with `python -m train measure`"

FIELDS = ("score", "same", "false match rate", "true match rate")


@dataclass(frozen=True)
class Curve:
    """One stream's scores from low to high; the arrays have one length.

    same: share of the pairs with this score that are one person, non-decreasing.
    false_match_rate, true_match_rate: share of pairs of two people, and of one person, that score at least this high.
    """

    score: np.ndarray
    same: np.ndarray
    false_match_rate: np.ndarray
    true_match_rate: np.ndarray

    def check(self) -> None:
        """Raises ValueError unless these are curves of shares over rising scores; any others would give shares all the
        same, or fail with every search."""
        shares = np.stack([self.same, self.false_match_rate, self.true_match_rate])
        if self.score.ndim != 1 or shares.shape != (3, len(self.score)) or not len(self.score):
            raise ValueError("a curve's lengths differ")
        rising = np.isfinite(self.score).all() and (np.diff(self.score) >= 0).all()
        if not rising or not ((shares >= 0) & (shares <= 1)).all():  # false for NaN as well
            raise ValueError("a curve is none of shares")


@dataclass(frozen=True)
class Calibration:
    """Curves by stream, and how they were measured."""

    curves: dict[str, Curve]
    protocol: str
    people: int  # in a gallery
    # share of all measured pairs that are one person; None in earlier metrics.json
    same_pairs: float | None = None

    @classmethod
    def read(cls, folder: str | Path | None, streams: Collection[str] = ()) -> Calibration | None:
        """From metrics.json of a checkpoint's folder; None if there is none, or it has no calibration yet.

        streams: those that it must have.

        Raises:
            InputError: the file is damaged.
        """
        path = None if folder is None else Path(folder) / "metrics.json"
        if path is None or not path.is_file():
            return None
        try:
            measured = read_json(path, remedy=MEASURE_AGAIN).get("calibration")
            if measured is None:
                return None
            curves = {
                stream: Curve(*(np.asarray(values[name], np.float64) for name in FIELDS))
                for stream, values in measured["streams"].items()
            }
            if not set(curves) >= set(streams):
                raise ValueError("a stream is missing")
            for curve in curves.values():
                curve.check()
            counted = measured.get("same pairs")
            rate = None if counted is None else float(counted) / float(measured["pairs"])
            if rate is not None and not 0 < rate < 1:
                raise ValueError("same pairs")
            return cls(curves, str(measured["protocol"]), int(measured["people"]), rate)
        except InputError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError):
            raise InputError(f"{path} is damaged; {MEASURE_AGAIN}.") from None

    def same(self, stream: str, score: float) -> float:
        """Share in [0, 1] of the measured pairs with this score that were the same person; beyond the measured scores,
        the nearest one's."""
        curve = self.curves[stream]
        return float(np.interp(score, curve.score, curve.same))

    def same_of_two(self, stream: str, score: float) -> float:
        """The same if one person and two people are equally likely beforehand, as of two photos that someone compares.

        In a gallery nearly all pairs are of two people, so `same` is low even for the highest scores. Bayes' rule
        replaces that share by a half; without a recorded `same_pairs` it is `same`.
        """
        share = self.same(stream, score)
        if self.same_pairs is None:
            return share
        for_one, for_two = share * (1 - self.same_pairs), (1 - share) * self.same_pairs
        return for_one / (for_one + for_two)

    def false_match_rate(self, stream: str, score: float) -> float:
        """Share in [0, 1] of the measured pairs of two people that scored at least this high."""
        curve = self.curves[stream]
        return float(np.interp(score, curve.score, curve.false_match_rate))

    def sentence(self, stream: str, score: float) -> str:
        """What the score of two compared photos means, for the page and the command line."""
        share = 100 * self.same_of_two(stream, score)
        cases = "fewer than 1" if share < 1 else f"{min(99, round(share))}"
        beforehand = (
            "" if self.same_pairs is None else ", if one person and two are equally likely beforehand"
        )
        return f"Pairs that score {score:.2f} were the same person in {cases} of 100 cases{beforehand}."

    @property
    def limits(self) -> str:
        """The caveat shown with every such share."""
        return (
            f"Measured on synthetic people never trained on, in other clothes, in galleries of {self.people} people "
            "with up to three pictures each. It does not transfer to other cameras or other people."
        )
